"""Open loop: arrivals come when they come, whatever the server does.

A pacer rings at each arrival's intended time and hands it to an idle user. Users, and with them connections, are made
as they are needed up to a stated limit. An arrival that finds none waits in line, with its latency running; one that
has waited too long is dropped, and counted.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import numpy as np
from gevent import Greenlet
from locust.env import Environment
from numpy.typing import NDArray

from bakeoff.load.messages import NOT_SENT
from bakeoff.load.recorder import SliceLog
from bakeoff.load.timer import new_alarm
from bakeoff.load.traffic import Traffic, nothing, now_ns
from bakeoff.load.user import BakeoffUser, report_task_error

CONNECTING_AT_ONCE = 8
"""New connections that are opened at the same time.

Opening one costs several times what a request does: without a limit, a moment's delay would have every arrival open
one, and so delay the next ones more.
"""


class Worker:
    """A user with a greenlet that runs one task per arrival."""

    __slots__ = ("_loop", "greenlet", "intended_ns", "user")

    def __init__(self, loop: OpenLoop, user: BakeoffUser) -> None:
        self._loop = loop
        self.user = user
        self.intended_ns = 0
        self.greenlet = Greenlet(self._serve)

    def _serve(self) -> None:
        user, loop, hub = self.user, self._loop, gevent.get_hub()
        choose = random.choice
        tasks: list[Any] = user.tasks
        try:
            user.start_up()
            while True:
                task = choose(tasks)
                user.turn_to(task)
                user.client.intended_ns = self.intended_ns
                try:
                    task(user)
                except Exception as error:
                    report_task_error(user, error)
                self.intended_ns = 0
                if not loop.next_in_line(self):
                    hub.switch()
        finally:
            user.on_stop()


class Pacer:
    """Calls back once for each arrival, at its intended time or as soon after it as can be."""

    def __init__(self, arrive: Callable[[int], None]) -> None:
        self._arrive = arrive
        self._chunks: Iterator[NDArray[np.float64]] = iter(())
        self._times_ns: list[int] = []
        self._origin_ns = 0
        self._next_ns: int | None = None
        self._alarm = new_alarm(self.ring)

    def follow(self, chunks: Iterator[NDArray[np.float64]], origin_ns: int) -> None:
        """Deliver these arrivals, whose times in seconds count from ``origin_ns``, and no others any more."""
        self._chunks = chunks
        self._origin_ns = origin_ns
        self._times_ns = []
        self._advance()
        if self._next_ns is not None:
            self._alarm.set(self._next_ns)  # Not at once: greenlets may be switched to from the hub only.

    def ring(self) -> None:
        """Deliver every arrival that is due, and set the alarm for the next."""
        while self._next_ns is not None:
            if self._next_ns > now_ns():
                self._alarm.set(self._next_ns)
                return
            due_ns = self._next_ns
            self._advance()
            self._arrive(due_ns)

    def catch_up(self) -> None:
        """Deliver what fell due while the loop was busy, without waiting for the alarm."""
        if self._next_ns is not None and self._next_ns <= now_ns():
            self.ring()

    def stop(self) -> None:
        """Deliver no more."""
        self._next_ns = None
        self._alarm.close()

    def _advance(self) -> None:
        while not self._times_ns:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._next_ns = None
                return
            self._times_ns = (self._origin_ns + (chunk[::-1] * 1e9).astype(np.int64)).tolist()
        self._next_ns = self._times_ns.pop()


class OpenLoop:
    """Arrivals, the users that serve them, and the line before them."""

    warm = True
    """An open loop's warm-up is over when its time is."""

    def __init__(
        self,
        environment: Environment,
        traffic: Traffic,
        warmup: Iterator[NDArray[np.float64]],
        window: Iterator[NDArray[np.float64]],
        max_connections: int,
        queue_limit_s: float,
        drain_s: float,
    ) -> None:
        self._environment = environment
        self._traffic = traffic
        self._classes: list[Any] = list(environment.user_classes)
        self._weights = [user_class.weight for user_class in self._classes]
        self._max_connections = max_connections
        self._queue_limit_ns = int(queue_limit_s * 1e9)
        self._drain_s = drain_s
        self._workers: list[Worker] = []
        self._idle: list[Worker] = []
        self._connecting = 0
        self._line: deque[tuple[int, SliceLog]] = deque()
        self._warmup = warmup
        self._window = window
        self._pacer = Pacer(self._arrive)
        self.waited = 0

    def start(self) -> None:
        """Begin the arrivals of the warm-up."""
        self._traffic.inbox.after_each = self._after_each
        self._pacer.follow(self._warmup, now_ns())

    def open_window(self, at_ns: int) -> None:
        """Begin the arrivals of the window, in place of the warm-up's."""
        self._pacer.follow(self._window, at_ns)

    def stop(self) -> None:
        """End the arrivals, serve those that are under way or in line, then send the users home."""
        self._pacer.stop()
        self._traffic.inbox.after_each = nothing
        deadline_ns = now_ns() + int(self._drain_s * 1e9)
        while (self._line or len(self._idle) < len(self._workers)) and now_ns() < deadline_ns:
            gevent.sleep(0.005)
        while self._line:
            self._drop(self._line.popleft()[1])
        gevent.killall([worker.greenlet for worker in self._workers])

    def next_in_line(self, worker: Worker) -> bool:
        """Give a worker that is done the next arrival in line, if there is one in time; else it is idle."""
        intended_ns = self._first_in_line()
        if intended_ns is None:
            self._idle.append(worker)
            return False
        worker.intended_ns = intended_ns
        return True

    def _first_in_line(self) -> int | None:
        """Take the first arrival in line that has not waited too long, dropping those before it that have."""
        while self._line:
            intended_ns, log = self._line.popleft()
            if now_ns() - intended_ns <= self._queue_limit_ns:
                log.offered -= 1  # The request itself counts it from here on.
                return intended_ns
            self._drop(log)
        return None

    def _after_each(self) -> None:
        self._pacer.catch_up()
        if self._line:
            self._hire_for_line()

    def _arrive(self, intended_ns: int) -> None:
        if self._idle:
            worker = self._idle.pop()
            worker.intended_ns = intended_ns
            worker.greenlet.switch()
        elif self._may_hire():
            self._hire(intended_ns)
        else:
            self._wait_in_line(intended_ns)

    def _may_hire(self) -> bool:
        """Whether to open one more connection: not while an answer waits to be handed over, which frees a worker."""
        return (
            len(self._workers) < self._max_connections
            and self._connecting < CONNECTING_AT_ONCE
            and self._traffic.inbox.empty
        )

    def _hire(self, intended_ns: int) -> None:
        (user_class,) = random.choices(self._classes, self._weights)
        worker = Worker(self, user_class(self._environment))
        for client in worker.user.clients:
            client.on_connected = lambda: self._connected(worker)
        self._connecting += 1
        worker.intended_ns = intended_ns
        self._workers.append(worker)
        worker.greenlet.start()

    def _connected(self, worker: Worker) -> None:
        """A new worker has its connection, or failed to get one: the next in line may have one of its own."""
        for client in worker.user.clients:
            client.on_connected = nothing
        self._connecting -= 1
        self._hire_for_line()

    def _hire_for_line(self) -> None:
        while self._may_hire() and (intended_ns := self._first_in_line()) is not None:
            self._hire(intended_ns)

    def _wait_in_line(self, intended_ns: int) -> None:
        log = self._traffic.sink.log_of("", NOT_SENT)
        assert isinstance(log, SliceLog)
        log.offered += 1
        self.waited += 1
        self._line.append((intended_ns, log))

    @staticmethod
    def _drop(log: SliceLog) -> None:
        log.dropped += 1
