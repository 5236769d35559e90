"""All requests of one Locust environment: where they are accounted, and the watch over their deadlines."""

from __future__ import annotations

import time
from typing import Protocol

import gevent

from bakeoff.load.recorder import Sink

now_ns = time.perf_counter_ns
"""The clock of every intended, sent and answered time."""

WATCH_S = 0.05
"""How often deadlines are looked at: a timeout is at most this late, and costs nothing per request."""


_SINKS_KEPT = 3
"""Warm-up, window and drain: what a request of one slice may have begun in."""


class RequestError(Exception):
    """No answer came. ``kind`` is one of ``refused``, ``reset``, ``closed``, ``protocol``, ``timeout``, ``network``."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Watched(Protocol):
    """A client whose request may take too long."""

    def expire(self, at_ns: int) -> None: ...


class Traffic:
    """The sink in which requests that begin now are accounted, and the clients that send them."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._past: list[tuple[int, Sink]] = [(0, sink)]
        self.clients: set[Watched] = set()
        self._watch = gevent.spawn(self._watch_deadlines)

    def switch(self, sink: Sink) -> int:
        """Account for requests that begin from now on in ``sink``; the moment of "now"."""
        self.sink = sink
        since_ns = now_ns()
        self._past = [*self._past[-_SINKS_KEPT:], (since_ns, sink)]
        return since_ns

    def sink_at(self, at_ns: int) -> Sink:
        """The sink that was current at a moment not long past."""
        return next((sink for since_ns, sink in reversed(self._past) if since_ns <= at_ns), self._past[0][1])

    def close(self) -> None:
        """Stop watching."""
        self._watch.kill()

    def _watch_deadlines(self) -> None:
        while True:
            gevent.sleep(WATCH_S)
            at_ns = now_ns()
            for client in tuple(self.clients):
                client.expire(at_ns)
