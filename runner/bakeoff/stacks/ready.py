"""When a stack is ready: it answers 200 on its ready path."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Callable

from bakeoff.stacks.bounded_http import connected, read_body
from bakeoff.stacks.protocol import StartFailure

READY_WITHIN_S = 30.0
POLL_S = 0.02
ANSWER_WITHIN_S = 2.0
SHOWN_CHARACTERS = 200
"""Of what a server sent in place of an answer."""


def wait_until_ready(url: str, path: str, exit_message: Callable[[], str | None]) -> None:
    """Poll until ``path`` answers 200.

    Raises:
        StartFailure: the stack ended, as ``exit_message`` says, or was not ready within 30 seconds.
    """
    problem = "it never listened"
    deadline_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline_s:
        if message := exit_message():
            raise StartFailure(message)
        try:
            status = get_status(url, path)
        except (OSError, http.client.HTTPException) as error:
            problem = str(error)[:SHOWN_CHARACTERS] or type(error).__name__
        else:
            if status == 200:
                return
            problem = f"GET {path} answered {status}, not 200; set ready to a path that does"
        time.sleep(POLL_S)
    raise StartFailure(f"not ready within {READY_WITHIN_S:g} s: {problem}")


def get_status(url: str, path: str, within_s: float = ANSWER_WITHIN_S) -> int:
    """The status of one GET on its own connection, read to its end, in ``within_s`` in all.

    Raises `OSError` or `http.client.HTTPException`.
    """
    with contextlib.closing(connected(url, within_s)) as connection:
        connection.request("GET", path, headers={"Connection": "close"})
        with connection.getresponse() as response:
            read_body(response)
            return response.status
