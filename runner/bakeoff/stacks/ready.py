"""When a stack is ready: it is asked over HTTP until it answers 200 on its ready path."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from bakeoff.stacks import StartFailure

READY_WITHIN_S = 30.0
POLL_S = 0.02
ANSWER_WITHIN_S = 2.0


def wait_until_ready(url: str, path: str, ended: Callable[[], str | None]) -> None:
    """Poll until ``path`` answers 200. Raises `StartFailure` when the stack has ``ended``, or after 30 seconds."""
    problem = "it never listened"
    deadline_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline_s:
        end = ended()
        if end:
            raise StartFailure(end)
        try:
            answered = status(url, path)
        except (OSError, http.client.HTTPException) as error:
            problem = str(error) or type(error).__name__
        else:
            if answered == 200:
                return
            problem = f"GET {path} answered {answered}, not 200; set ready to a path that does"
        time.sleep(POLL_S)
    raise StartFailure(f"not ready within {READY_WITHIN_S:g} s: {problem}")


def status(url: str, path: str, within_s: float = ANSWER_WITHIN_S) -> int:
    """The status of one GET on a connection of its own. Raises `OSError` or `http.client.HTTPException`."""
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=within_s)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()
