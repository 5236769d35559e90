"""When a stack is ready: it answers on its ready path with success, or, if it has none, it answers at all."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Callable
from urllib.parse import quote

from bakeoff.model import Stack
from bakeoff.stacks.bounded_http import connected, read_body
from bakeoff.stacks.cause import silence
from bakeoff.stacks.protocol import StartFailure

READY_WITHIN_S = 30.0
LEAST_WAIT_S = 5.0
"""For a stack that was waited for only after others of its block, and started with them."""
REFUSED_FOR_S = 0.5
"""After this time of refusals, a stack has refused for good."""
POLL_S = 0.02
ANSWER_WITHIN_S = 2.0
FIRST_ANSWER_WITHIN_S = 10.0
"""Where any answer will do: the path is that of a request to measure, which may take long."""

STARTING = frozenset({425, 429, 502, 503, 504})
"""Statuses by which a server, or a proxy before it, says that it will answer later. Any other one is its answer."""
_URL_MARKS = "/%?#[]@!$&'()*+,;=:~"


def wait_until_ready(
    url: str, stack: Stack, exit_message: Callable[[], str | None], log_tail: Callable[[], str], started_s: float
) -> None:
    """Poll until the stack answers: with success where it has a ready path, else with any status.

    ``started_s`` is when it was started, on the monotonic clock.

    Raises:
        StartFailure: the stack ended, as ``exit_message`` says, refuses its ready path, or was not ready within 30
            seconds from its start, or within 5 from now.
    """
    path, within_s = (
        (stack.first_path, FIRST_ANSWER_WITHIN_S) if stack.ready is None else (stack.ready, ANSWER_WITHIN_S)
    )
    silent: Exception = TimeoutError()
    problem = ""
    refused_s: float | None = None
    deadline_s = max(started_s + READY_WITHIN_S, time.monotonic() + LEAST_WAIT_S)
    while time.monotonic() < deadline_s:
        if message := exit_message():
            raise StartFailure(message)
        try:
            status = get_status(url, path, within_s)
        except (OSError, http.client.HTTPException) as error:
            silent, problem, refused_s = error, "", None
        else:
            if stack.ready is None or 200 <= status < 300:
                return
            problem = _refusal(path, status)
            if status in STARTING:
                refused_s = None
            else:
                refused_s = refused_s or time.monotonic()
                if time.monotonic() - refused_s >= REFUSED_FOR_S:
                    raise StartFailure(problem)
        time.sleep(POLL_S)
    problem = problem or silence(silent, url, stack, log_tail())
    raise StartFailure(f"not ready within {READY_WITHIN_S:g} s: {problem}")


def _refusal(path: str, status: int) -> str:
    """What a status on the ready path means, and what to do."""
    hint = "remove ready to take any answer, or set it to a path that answers with success"
    if status in STARTING:
        hint = "the app says that it is still starting: does it wait for a service that is not there?"
    elif status >= 500:
        hint = f"the app fails there: its log says why; or {hint}"
    elif status in (401, 403):
        hint = f"it wants a login there; {hint}"
    return f"GET {path} answered {status}: {hint}"


def get_status(url: str, path: str, within_s: float = ANSWER_WITHIN_S) -> int:
    """The status of one GET on its own connection, read to its end, in ``within_s`` in all.

    Raises `OSError` or `http.client.HTTPException`.
    """
    with contextlib.closing(connected(url, within_s)) as connection:
        connection.request("GET", quote(path, safe=_URL_MARKS), headers={"Connection": "close"})
        with connection.getresponse() as response:
            read_body(response)
            return response.status
