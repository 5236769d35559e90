"""All requests of one Locust environment: where they are accounted, and the watch over their deadlines."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

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


class Waiting(Protocol):
    """A connection on which a greenlet waits for bytes."""

    greenlet: Any
    received_ns: int


DELIVERED_AT_A_TURN = 16
"""Greenlets that run before the loop looks for answers again: about 0.4 ms, the most that the time of one is late.

Of 400 answers at once, all but the first few come while the greenlets of others run.
"""


class Inbox:
    """What was received, until the greenlets that wait for it are run.

    Each turn of the loop first reads every readable connection and notes the time, and only then lets some of their
    greenlets run: an answer is not late because others that came at the same moment were looked at first.
    """

    def __init__(self) -> None:
        self.after_each: Callable[[], None] = nothing
        """Called between greenlets: an open loop's arrivals must not wait for a long turn to end."""
        self._received: deque[tuple[Waiting, bytes | OSError, int]] = deque()
        self._loop = gevent.get_hub().loop
        # Of the lowest priority: connections that became readable meanwhile are read before it rings.
        self._next_turn = self._loop.timer(0, priority=-2)

    @property
    def empty(self) -> bool:
        """Whether every greenlet has what its connection received."""
        return not self._received

    def put(self, connection: Waiting, received: bytes | OSError) -> None:
        """Hand over what a connection received, or how receiving failed."""
        if not self._received:
            self._loop.run_callback(self._deliver)
        self._received.append((connection, received, now_ns()))

    def _deliver(self) -> None:
        for _ in range(min(DELIVERED_AT_A_TURN, len(self._received))):
            connection, received, at_ns = self._received.popleft()
            waiting = connection.greenlet
            if waiting is not None:  # None when it was aborted since.
                connection.received_ns = at_ns
                waiting.switch(received)
                self.after_each()
        if self._received:
            self._next_turn.start(self._deliver)


def nothing() -> None:
    """What is called when nobody wants to know."""


class Traffic:
    """The sink in which requests that begin now are accounted, and the clients that send them."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.inbox = Inbox()
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
