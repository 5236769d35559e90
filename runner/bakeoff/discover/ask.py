"""Starts an app on one of its proposed stacks and asks each endpoint once."""

from __future__ import annotations

import contextlib
import http.client
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bakeoff.discover.answers import Answered
from bakeoff.discover.endpoints import Endpoint, Request
from bakeoff.model import Block, Stack, UserError
from bakeoff.stacks import RunningStack, StartFailure, Unknown, open_backend
from bakeoff.stacks.bounded_http import connected, read_body

ANSWER_WITHIN_S = 5.0
ALL_WITHIN_S = 45.0
COST_FOR_S = 1.0
MOST_REDIRECTS = 3
_BEGINNING_BYTES = 20_000
_START = Endpoint(method="GET", path="/")


@dataclass(frozen=True)
class Asked:
    """What an app answered."""

    answers: dict[Request, Answered] = field(default_factory=dict)
    pages: tuple[Endpoint, ...] = ()
    """Where the start page redirects to, step by step; they were asked too."""
    cpu_s: float | None = None
    """CPU time of the server for an answer that can be measured, on average; ``None`` where it is not known."""
    problem: str | None = None
    """Why nothing could be asked: the app did not start."""
    log: str = ""
    """The end of what the server wrote."""


def ask(stack: Stack, endpoints: Sequence[Endpoint]) -> Asked:
    """Start a stack and ask each endpoint that is not set aside; those that there was no time for have no answer."""
    block = Block(number=1, start_order=(stack.name,), hash_seed=0, port_seed=time.time_ns() % 2**31, slices=())
    with tempfile.TemporaryDirectory() as logs, contextlib.ExitStack() as opened:
        try:
            backend = opened.enter_context(open_backend("local", [stack], ()))
            running = backend.start(stack, block, Path(logs))
            opened.callback(running.stop)
            running.wait_ready()
        except (UserError, StartFailure) as error:
            return Asked(problem=str(error))
        answers, pages = _answers(running, endpoints)
        cpu_s = _cpu_s(running, [endpoint for endpoint in (*endpoints, *pages) if _is_right(endpoint, answers)])
        return Asked(answers, pages, cpu_s, log=running.log_tail())


def _answers(
    running: RunningStack, endpoints: Sequence[Endpoint]
) -> tuple[dict[Request, Answered], tuple[Endpoint, ...]]:
    """The answers, and the pages that were asked besides."""
    deadline_s = time.monotonic() + ALL_WITHIN_S
    answers: dict[Request, Answered] = {}
    for endpoint in endpoints:
        if endpoint.aside is None and time.monotonic() < deadline_s:
            answers[endpoint.request] = _answer(running.url, endpoint)
    pages: list[Endpoint] = []
    target = answers[_START.request].local_target if _START.request in answers else None
    while target and len(pages) < MOST_REDIRECTS:
        page = Endpoint(method="GET", path=target)
        if page.request not in answers:
            answers[page.request] = _answer(running.url, page)
        pages.append(page)
        target = answers[page.request].local_target
    return answers, tuple(pages)


def _is_right(endpoint: Endpoint, answers: Mapping[Request, Answered]) -> bool:
    return endpoint.request in answers and answers[endpoint.request].obstacle is None


def _cpu_s(running: RunningStack, endpoints: Sequence[Endpoint]) -> float | None:
    """The CPU time of an answer, from asking the endpoints in turns for a second; what was loaded once is not in it."""
    before, asked = running.usage(), 0
    deadline_s = time.monotonic() + COST_FOR_S
    while endpoints and time.monotonic() < deadline_s:
        _answer(running.url, endpoints[asked % len(endpoints)])
        asked += 1
    after = running.usage()
    if not asked or isinstance(before, Unknown) or isinstance(after, Unknown):
        return None
    return (after.cpu_s - before.cpu_s) / asked


def _answer(url: str, endpoint: Endpoint) -> Answered:
    try:
        with contextlib.closing(connected(url, ANSWER_WITHIN_S)) as connection:
            connection.request(endpoint.method, endpoint.path, headers={**endpoint.headers, "Connection": "close"})
            with connection.getresponse() as response:
                body = read_body(response)
                return Answered(
                    status=response.status,
                    content_type=response.headers.get_content_type(),
                    size_bytes=len(body),
                    location=response.headers.get("Location") or "",
                    beginning=body[:_BEGINNING_BYTES].decode("utf-8", "replace"),
                )
    except TimeoutError:
        return Answered(problem=f"gives no whole answer within {ANSWER_WITHIN_S:g} s")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Answered(problem=f"gives no valid answer: {str(error) or type(error).__name__}")
