"""Whether requests on one worker wait for each other, seen from the order of their steps and not from durations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx2
import pytest

from bakeoff.model import Stack

Steps = list[dict[str, Any]]


TRIES = 20
"""Pairs of requests sent until two overlap: on a busy machine one may be over before the other arrives."""


def overlap(first: Steps, second: Steps) -> bool:
    """Whether each recipe started before the other ended."""
    return bool(first[0]["start_s"] < second[-1]["end_s"] and second[0]["start_s"] < first[-1]["end_s"])


def at_once(ask: Callable[[str], Any], *paths: str) -> list[Steps]:
    """The steps of requests that are sent together."""
    together = Barrier(len(paths))

    def send(path: str) -> Steps:
        together.wait()
        steps: Steps = json.loads(ask(path).body)["steps"]
        return steps

    with ThreadPoolExecutor(len(paths)) as clients:
        return list(clients.map(send, paths))


def ever_overlap(ask: Callable[[str], Any], tries: int) -> bool:
    """Whether a cake and a frosting, sent together, are ever made at the same time."""
    return any(overlap(*at_once(ask, "/cake?wait_ms=10", "/frosting?wait_ms=10")) for _ in range(tries))


async def gathered(app: Any, *paths: str) -> list[Steps]:
    """The steps of requests that this event loop starts at once."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://bakery") as client:
        replies = await asyncio.gather(*(client.get(path) for path in paths))
    return [reply.json()["steps"] for reply in replies]


def test_a_worker_serves_requests_one_by_one_or_interleaves_them(kitchen: Any) -> None:
    """The only thread of a WSGI app is blocked while a step waits, even where its view awaits."""
    if kitchen.running is None:
        pytest.skip("in process there is no worker")
    if kitchen.target.interface == "wsgi" or kitchen.target.handlers == "blocking":
        assert not ever_overlap(kitchen.ask, tries=3)
    else:
        assert ever_overlap(kitchen.ask, TRIES)


@pytest.mark.e2e
def test_threads_let_a_sync_worker_interleave(start: Any, connect: Any, root: str) -> None:
    """Two requests at once, on the gthread worker of gunicorn."""
    stack = Stack(
        name="threads", interface="wsgi", app="apps.flask_app:app", server="gunicorn", threads=2, directory=root
    )

    assert ever_overlap(connect(start(stack)), TRIES)


@pytest.mark.e2e
def test_greenlets_let_a_worker_interleave(start: Any, connect: Any, root: str) -> None:
    """Two requests at once, on the gevent worker of gunicorn, which patches the app's waits."""
    options: dict[str, str | int | float | bool] = {"worker-class": "gevent"}
    stack = Stack(
        name="greenlets", interface="wsgi", app="apps.flask_app:app", server="gunicorn", options=options, directory=root
    )

    assert ever_overlap(connect(start(stack)), TRIES)


@pytest.mark.e2e
@pytest.mark.parametrize("server", ["cheroot", "granian", "uwsgi", "waitress"])
def test_threads_let_any_server_interleave(start: Any, connect: Any, root: str, server: str) -> None:
    """Two requests at once: threads that a stack declares are threads that its server has."""
    stack = Stack(name=server, interface="wsgi", app="apps.bare_app:wsgi", server=server, threads=2, directory=root)

    assert ever_overlap(connect(start(stack)), TRIES)


@pytest.mark.e2e
@pytest.mark.parametrize("server", ["fastpysgi", "granian", "gunicorn", "uwsgi"])
def test_workers_let_any_server_interleave(start: Any, connect: Any, root: str, server: str) -> None:
    """Two requests at once: workers that a stack declares are workers that its server has."""
    stack = Stack(
        name=f"{server}-workers", interface="wsgi", app="apps.bare_app:wsgi", server=server, workers=2, directory=root
    )

    assert ever_overlap(connect(start(stack)), TRIES)


def test_awaiting_handlers_interleave(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the cake waits in its first step, the frosting starts."""
    monkeypatch.setenv("BAKERY_HANDLERS", "async")

    cake, frosting = asyncio.run(gathered(fresh("fastapi_app"), "/cake", "/frosting"))

    assert frosting[0]["start_s"] < cake[0]["end_s"]


def test_blocking_handlers_do_not_interleave(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that blocks holds up the whole event loop."""
    monkeypatch.setenv("BAKERY_HANDLERS", "blocking")

    cake, frosting = asyncio.run(gathered(fresh("fastapi_app"), "/cake?wait_ms=1", "/frosting?wait_ms=1"))

    assert not overlap(cake, frosting)


def test_an_unknown_kind_of_handlers_is_refused_at_import(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a spelling mistake would measure other handlers."""
    monkeypatch.setenv("BAKERY_HANDLERS", "asnyc")

    with pytest.raises(ValueError, match="BAKERY_HANDLERS is 'asnyc', but must be one of: async, threads, blocking"):
        fresh("fastapi_app")
