"""The contract of every app, checked in every variant, in process and behind every server."""

from __future__ import annotations

import json
import os
import re
from itertools import pairwise
from typing import Any

import pytest

CAKE = [
    "prepare pans",
    "preheat oven",
    "grab flour, baking powder and salt",
    "stir dry ingredients",
    "grab butter and sugar",
    "combine butter and sugar",
    "grab eggs",
    "add eggs",
    "stir in",
    "pour batter",
    "put pans into oven",
]
FROSTING = ["grab bowl", "add powdered sugar and butter", "mix", "add vanilla extract and milk", "stir in"]
STEPS = {"cake": CAKE, "frosting": FROSTING}

WAIT_ERROR = b'{"error":"wait_ms must be given once, as a number from 0 to 1000"}'
WORK_ERROR = b'{"error":"work must be given once, as a whole number from 0 to 100000"}'
WRONG_QUERIES = {
    "wait_ms=-0.001": WAIT_ERROR,
    "wait_ms=1000.001": WAIT_ERROR,
    "wait_ms=nan": WAIT_ERROR,
    "wait_ms=inf": WAIT_ERROR,
    "wait_ms=": WAIT_ERROR,
    "wait_ms=soon": WAIT_ERROR,
    "wait_ms=%FF%00": WAIT_ERROR,
    "wait_ms=1&wait_ms=2": WAIT_ERROR,
    "work=-1": WORK_ERROR,
    "work=100001": WORK_ERROR,
    "work=1.5": WORK_ERROR,
    "work": WORK_ERROR,
    "work=1&wait_ms=1&work=1": WORK_ERROR,
    "work=-1&wait_ms=-1": WAIT_ERROR,
}
QUERIES = ["", "?wait_ms=2", "?wait_ms=0", "?wait_ms=0.7", "?work=10", "?work=3&wait_ms=1", "?wait_ms=1&topping=cherry"]

both_recipes = pytest.mark.parametrize("recipe", STEPS)


def content(reply: Any) -> dict[str, Any]:
    """The JSON of a right answer."""
    assert reply.status == 200, reply
    parsed: dict[str, Any] = json.loads(reply.body)
    return parsed


def expected_body(recipe: str) -> bytes:
    """The bytes of a right answer, with 0 for every number."""
    steps = ",".join(f'{{"name":"{name}","start_s":0,"end_s":0}}' for name in STEPS[recipe])
    return f'{{"recipe":"{recipe}","steps":[{steps}],"worker_pid":0}}'.encode()


@both_recipes
@pytest.mark.parametrize("query", QUERIES)
def test_every_app_answers_with_the_same_bytes_apart_from_numbers(kitchen: Any, recipe: str, query: str) -> None:
    """So no app has more bytes to send than another."""
    reply = kitchen.ask(f"/{recipe}{query}")

    assert re.sub(rb"(?<=:)[0-9.]+(?=[,}])", b"0", reply.body) == expected_body(recipe)
    assert (reply.status, reply.content_type) == (200, "application/json")


@both_recipes
def test_steps_run_one_after_another(kitchen: Any, recipe: str) -> None:
    """A step starts when the one before it has ended."""
    steps = content(kitchen.ask(f"/{recipe}?wait_ms=1"))["steps"]

    assert all(before["end_s"] <= after["start_s"] for before, after in pairwise(steps))


@both_recipes
@pytest.mark.parametrize(("query", "wait_s"), [("", 0.005), ("?wait_ms=0.4", 0.0004), ("?wait_ms=3.3&work=5", 0.0033)])
def test_no_step_is_shorter_than_its_wait(kitchen: Any, recipe: str, query: str, wait_s: float) -> None:
    """Not even on an event loop that rounds times to milliseconds."""
    steps = content(kitchen.ask(f"/{recipe}{query}"))["steps"]

    rounding_s = 1e-9
    assert [step["name"] for step in steps if step["end_s"] - step["start_s"] < wait_s - rounding_s] == []


@pytest.mark.parametrize("path", ["/cake", "/frosting"])
@pytest.mark.parametrize("query", WRONG_QUERIES)
def test_a_wrong_parameter_is_refused_with_the_same_answer(kitchen: Any, path: str, query: str) -> None:
    """The answer names the parameter and its bounds."""
    reply = kitchen.ask(f"{path}?{query}")

    assert (reply.status, reply.content_type, reply.body) == (400, "application/json", WRONG_QUERIES[query])


def test_the_process_that_answers_is_named(kitchen: Any) -> None:
    """In process it is this one; behind a server, one that the server started."""
    pid = content(kitchen.ask("/frosting?wait_ms=0"))["worker_pid"]

    if kitchen.running is None:
        assert pid == os.getpid()
    else:
        assert os.getsid(pid) != os.getsid(0)


def test_health_is_reported(kitchen: Any) -> None:
    """Bakeoff waits for it before it measures."""
    reply = kitchen.ask("/healthz")

    assert (reply.status, reply.content_type, reply.body) == (200, "application/json", b'{"status":"ok"}')


@pytest.mark.parametrize("path", ["/", "/pie", "/cake/eggs", "/docs", "/openapi.json"])
def test_an_unknown_path_is_not_found(kitchen: Any, path: str) -> None:
    """Nor are there pages that document the API."""
    assert kitchen.ask(path).status == 404


def test_no_request_leaves_a_line_in_the_log(kitchen: Any) -> None:
    """Writing one would be work that other servers do not do."""
    before = kitchen.running.log_tail() if kitchen.running else ""
    kitchen.ask("/cake?wait_ms=0")
    kitchen.ask("/cake?wait_ms=-1")

    assert kitchen.running is None or kitchen.running.log_tail() == before
