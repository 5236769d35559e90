"""The recipes: which orders are accepted, and what a step does."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from apps import recipes

any_time = settings(deadline=None)
texts = st.text() | st.floats().map(str) | st.integers().map(str)


def outcome(query: bytes) -> tuple[recipes.Pace | None, str]:
    """The pace that is asked for, or what is wrong."""
    try:
        return recipes.parse_pace(query), ""
    except ValueError as error:
        return None, str(error)


@any_time
@given(st.floats(min_value=0, max_value=1000), st.integers(min_value=0, max_value=100_000))
def test_what_lies_within_the_bounds_is_taken_as_it_is(wait_ms: float, work: int) -> None:
    """Both bounds are allowed."""
    pace = recipes.parse_pace(f"work={work}&wait_ms={wait_ms!r}".encode())

    assert pace == recipes.Pace(wait_s=wait_ms / 1000, work=work)


@any_time
@given(st.floats().filter(lambda value: not 0 <= value <= 1000))
def test_a_wait_outside_the_bounds_is_refused(wait_ms: float) -> None:
    """So are infinities and what is no number."""
    with pytest.raises(ValueError, match="wait_ms must be given once, as a number from 0 to 1000"):
        recipes.parse_pace(f"wait_ms={wait_ms!r}".encode())


@any_time
@given(st.integers().filter(lambda value: not 0 <= value <= 100_000))
def test_work_outside_the_bounds_is_refused(work: int) -> None:
    """However large the number."""
    with pytest.raises(ValueError, match="work must be given once, as a whole number from 0 to 100000"):
        recipes.parse_pace(f"work={work}".encode())


@any_time
@given(st.binary() | st.builds(lambda a, b: f"wait_ms={quote(a)}&work={quote(b)}".encode(), texts, texts))
def test_any_query_gives_a_pace_within_bounds_or_an_answer_that_says_what_is_wrong(query: bytes) -> None:
    """Nothing that a client sends is an error of the server."""
    pace, error = outcome(query)

    if pace:
        assert 0 <= pace.wait_s <= 1
        assert 0 <= pace.work <= 100_000
    else:
        order = recipes.Order(recipes.CAKE, query)
        assert list(order.waits()) == []
        assert order.answer() == recipes.encode(400, {"error": error})


def test_work_is_a_chain_of_digests() -> None:
    """The same rounds are the same work everywhere."""
    assert recipes.labour(0) == bytes(32)
    assert recipes.labour(2) == hashlib.sha256(hashlib.sha256(bytes(32)).digest()).digest()


def test_every_step_does_the_work_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is per step, like the wait."""
    rounds: list[int] = []
    monkeypatch.setattr(recipes, "labour", rounds.append)

    recipes.bake(recipes.FROSTING, b"wait_ms=0&work=7")

    assert rounds == [7] * 5


def test_an_order_asks_for_one_wait_a_step() -> None:
    """The wait is all that its taker has to do."""
    assert list(recipes.Order(recipes.CAKE, b"wait_ms=20").waits()) == [0.02] * 11


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("wait_s", [0.0, 0.0003, 0.001, 0.0015, 0.005])
def test_an_awaited_wait_is_never_too_short(new_loop: Callable[[], asyncio.AbstractEventLoop], wait_s: float) -> None:
    """The own sleep of uvloop is, by up to a millisecond."""

    async def timed() -> float:
        start_s = time.monotonic()
        await recipes.wait_async(wait_s)
        return time.monotonic() - start_s

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert min(runner.run(timed()) for _ in range(20)) >= wait_s
