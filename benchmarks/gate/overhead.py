"""The overhead that is injected into a copy of the apps: CPU time, waits, rare waits, memory. Copied beside the app.

Both revisions contain it and take the same path through it, base with amounts of zero, so that the amounts are the only
difference. CPU time is used by iterations of a loop: when the CPU is slow for a moment, the overhead takes longer in
the same proportion as the app's own work. Waits use a timerfd, because event loops round theirs to milliseconds.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import random
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any

_AMOUNTS: dict[str, Any] = json.loads(Path(__file__).with_name("overhead.json").read_text("utf-8"))
ITERATIONS = int(_AMOUNTS.get("iterations", 0))
WAIT_S: dict[str, float] = _AMOUNTS.get("wait_s", {})
"""By path."""
RARE_SHARE, RARE_WAIT_S = _AMOUNTS.get("rare", [0.0, 0.0])
_KEPT = bytearray(os.urandom(4096)) * (int(_AMOUNTS.get("keep_bytes", 0)) // 4096)
"""Memory that the process never frees."""

MIN_WAIT_S = 1e-6
_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
_libc = ctypes.CDLL(None, use_errno=True)


class _Times(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "first_s", "first_ns"))


def burn() -> None:
    """Use CPU time in this thread."""
    for _ in range(ITERATIONS):
        pass


def wait_s(path: str) -> float:
    """How long a request to a path waits beside the app's own waits."""
    rare = RARE_WAIT_S if random.random() < RARE_SHARE else 0.0
    return max(MIN_WAIT_S, WAIT_S.get(path, 0.0) + rare)


class Wsgi:
    """A WSGI app with the overhead."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Burn, wait, answer."""
        burn()
        time.sleep(wait_s(environ["PATH_INFO"]))
        return self._app(environ, start_response)


class Asgi:
    """An ASGI app with the overhead."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Burn, wait, answer."""
        if scope["type"] == "http":
            burn()
            await sleep(wait_s(scope["path"]))
        await self._app(scope, receive, send)


async def sleep(length_s: float) -> None:
    """Wait with a precision of microseconds."""
    loop = asyncio.get_running_loop()
    timer = _libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
    times = _Times(0, 0, int(length_s), int(length_s % 1 * 1e9))
    _libc.timerfd_settime(timer, 0, ctypes.byref(times), None)
    expired = loop.create_future()
    loop.add_reader(timer, expired.set_result, None)
    try:
        await expired
    finally:
        loop.remove_reader(timer)
        os.close(timer)
