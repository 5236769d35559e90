"""What is planted into a copy of the apps: CPU, waiting, rare waiting, memory. Copied beside the app that it burdens.

Both revisions carry it and take the same path through it, the base with burdens of nothing, so that what is planted is
the only difference. CPU is burnt in turns of a loop: a moment in which this machine's CPU is slower makes the burden as
much longer as the work beside it. Waits are a timerfd's, because event loops round theirs to whole milliseconds.
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

_GIVEN: dict[str, Any] = json.loads(Path(__file__).with_name("burden.json").read_text("utf-8"))
TURNS = int(_GIVEN.get("turns", 0))
WAIT_S: dict[str, float] = _GIVEN.get("wait_s", {})
"""By path."""
RARE_SHARE, RARE_WAIT_S = _GIVEN.get("rare", [0.0, 0.0])
_KEPT = bytearray(os.urandom(4096)) * (int(_GIVEN.get("keep_bytes", 0)) // 4096)
"""Held for as long as the process lives."""

LEAST_WAIT_S = 1e-6
_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
_libc = ctypes.CDLL(None, use_errno=True)


class _Times(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "first_s", "first_ns"))


def burn() -> None:
    """Use this thread's CPU."""
    for _ in range(TURNS):
        pass


def wait_s(path: str) -> float:
    """How long a request to a path waits in addition."""
    rare = RARE_WAIT_S if random.random() < RARE_SHARE else 0.0
    return max(LEAST_WAIT_S, WAIT_S.get(path, 0.0) + rare)


class Wsgi:
    """A burdened WSGI app."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Burn, wait, answer."""
        burn()
        time.sleep(wait_s(environ["PATH_INFO"]))
        return self._app(environ, start_response)


class Asgi:
    """A burdened ASGI app."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Burn, wait, answer."""
        if scope["type"] == "http":
            burn()
            await sleep(wait_s(scope["path"]))
        await self._app(scope, receive, send)


async def sleep(length_s: float) -> None:
    """Wait to the microsecond."""
    loop = asyncio.get_running_loop()
    timer = _libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
    times = _Times(0, 0, int(length_s), int(length_s % 1 * 1e9))
    _libc.timerfd_settime(timer, 0, ctypes.byref(times), None)
    rung = loop.create_future()
    loop.add_reader(timer, rung.set_result, None)
    try:
        await rung
    finally:
        loop.remove_reader(timer)
        os.close(timer)
