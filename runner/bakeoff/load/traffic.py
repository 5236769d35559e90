"""What the clients of one Locust environment share: where requests are accounted, deadlines, what was received."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import gevent

from bakeoff.load.head import Heads
from bakeoff.load.recorder import Sink

now_ns = time.perf_counter_ns
"""The clock of every intended, sent and answered time."""

WATCH_S = 0.05
"""How often deadlines are checked: a timeout is at most this late, and costs nothing per request."""

_SINKS_KEPT = 3
"""Warm-up, window and drain: where a request of one slice may have begun."""


class Watched(Protocol):
    """A client whose request has a deadline."""

    def expire(self, at_ns: int) -> None: ...


class Waiting(Protocol):
    """A connection that has received something, for which a greenlet may wait."""

    greenlet: Any


DELIVERED_AT_A_TURN = 16
"""Greenlets that run before the loop reads sockets again: about 0.4 ms, by which an answer's time can be late.

Of 400 answers at once, all but the first few arrive while the greenlets of others run.
"""


class Inbox:
    """Connections that have received something, until the greenlets that wait for it run.

    Each turn of the loop first reads every readable connection and takes the time, and only then lets some of their
    greenlets run: an answer's time is not late because others that arrived at the same moment were handled first.
    """

    def __init__(self) -> None:
        self.after_each: Callable[[], None] = nothing
        """Called after each greenlet: an open loop's arrivals must not wait until a long turn ends."""
        self._received: deque[Waiting] = deque()
        self._loop = gevent.get_hub().loop
        # Of the lowest priority: connections that became readable meanwhile are read before it rings.
        self._next_turn = self._loop.timer(0, priority=-2)

    @property
    def empty(self) -> bool:
        """Whether all that was received has been delivered."""
        return not self._received

    def put(self, connection: Waiting) -> None:
        """Let the greenlet that waits for a connection run at the end of this turn of the loop, or soon after."""
        if not self._received:
            self._loop.run_callback(self._deliver)
        self._received.append(connection)

    def _deliver(self) -> None:
        for _ in range(min(DELIVERED_AT_A_TURN, len(self._received))):
            waiting = self._received.popleft().greenlet
            if waiting is not None:  # None when it was killed since.
                waiting.switch()
                self.after_each()
        if self._received:
            self._next_turn.start(self._deliver)


def nothing() -> None:
    """A callback that does nothing."""


class Traffic:
    """The sink in which requests that begin now are accounted, and the clients that send them."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.sink_since_ns = 0
        """The time from which on requests are accounted in the current sink."""
        self.inbox = Inbox()
        self.heads = Heads()
        self._history: list[tuple[int, Sink]] = [(0, sink)]
        self.clients: set[Watched] = set()
        self._watch = gevent.spawn(self._watch_deadlines)

    def switch(self, sink: Sink) -> int:
        """Account for requests that begin from now on in ``sink``; returns the time of that."""
        self.sink = sink
        self.sink_since_ns = now_ns()
        self._history = [*self._history[-_SINKS_KEPT:], (self.sink_since_ns, sink)]
        return self.sink_since_ns

    def sink_at(self, at_ns: int) -> Sink:
        """The sink that was current at a recent time."""
        return next((sink for since_ns, sink in reversed(self._history) if since_ns <= at_ns), self._history[0][1])

    def close(self) -> None:
        """Stop checking deadlines."""
        self._watch.kill()

    def _watch_deadlines(self) -> None:
        while True:
            gevent.sleep(WATCH_S)
            at_ns = now_ns()
            for client in tuple(self.clients):
                client.expire(at_ns)
