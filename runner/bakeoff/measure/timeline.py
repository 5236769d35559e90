"""Who waited for whom: several requests sent at the same moment to one worker, and when each step of them ran."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from bakeoff.model import Stack, Step, Timeline, TimelineRequest

TIMEOUT_S = 30.0


def send_together(stack: Stack, url: str, paths: Sequence[str]) -> Timeline:
    """Send one GET for each path at once, over connections made beforehand, and read the steps from the answers.

    An answer with ``steps`` (each with ``name``, ``start_s`` and ``end_s`` on this machine's monotonic clock) gives
    them; any other counts as a single step, from sending to answer.
    """
    address = urlsplit(url)
    connections = [http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_S) for _ in paths]
    try:
        for connection in connections:
            connection.connect()
        sent_s = time.monotonic()
        for connection, path in zip(connections, paths, strict=True):
            connection.request("GET", path)
        requests = [_answer(*pair, sent_s) for pair in zip(connections, paths, strict=True)]
        return Timeline(stack=stack.name, interface=stack.interface, requests=tuple(requests))
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        failure = f"{type(error).__name__}: {error}"
        return Timeline(stack=stack.name, interface=stack.interface, requests=(), failure=failure)
    finally:
        for connection in connections:
            connection.close()


def _answer(connection: http.client.HTTPConnection, path: str, sent_s: float) -> TimelineRequest:
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise ValueError(f"GET {path} answered {response.status}")
    return TimelineRequest(endpoint=path.partition("?")[0], steps=_steps(body, path, sent_s, time.monotonic()))


def _steps(body: bytes, path: str, sent_s: float, done_s: float) -> tuple[Step, ...]:
    try:
        steps = json.loads(body)["steps"]
    except (ValueError, KeyError, TypeError):
        return (Step(name=path, start_s=0.0, end_s=done_s - sent_s),)
    return tuple(
        Step(name=step["name"], start_s=step["start_s"] - sent_s, end_s=step["end_s"] - sent_s) for step in steps
    )
