"""Waiting for sockets: epoll where there is one, else poll, behind the same four functions."""

from __future__ import annotations

import math
import select
import sys
from collections.abc import Callable
from dataclasses import dataclass

READABLE = 1
WRITABLE = 4
"""The events, as epoll and poll both number them on Linux and macOS."""

Events = list[tuple[int, int]]
"""File descriptors and what happened to each: a sum of events, possibly with error and hang-up bits."""


@dataclass(frozen=True)
class Poller:
    """Level-triggered readiness of file descriptors."""

    wait: Callable[[float, int], Events]
    """Wait for that many seconds (rounded up to milliseconds; negative: for ever) for about that many events."""
    register: Callable[[int, int], None]
    modify: Callable[[int, int], None]
    unregister: Callable[[int], None]


def poll_poller() -> Poller:
    """The portable one: costs more the more connections there are."""
    poll = select.poll()

    def wait(timeout_s: float, _most: int) -> Events:
        return poll.poll(None if timeout_s < 0 else math.ceil(timeout_s * 1e3))

    return Poller(wait, poll.register, poll.modify, poll.unregister)


def best_poller() -> Poller:
    """The fastest that this system has."""
    if sys.platform == "linux":
        epoll = select.epoll()
        return Poller(epoll.poll, epoll.register, epoll.modify, epoll.unregister)
    return poll_poller()
