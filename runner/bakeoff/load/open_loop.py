"""Open loop: requests arrive at their intended times, however slow the server is.

A pacer calls back at each arrival's intended time, and gives it to an idle user. Users, and with them connections, are
added as they are needed, up to a limit. An arrival that finds none waits in a queue, which counts as latency; one that
has waited too long is dropped, and counted.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import numpy as np
from gevent import Greenlet, GreenletExit
from locust.env import Environment
from locust.exception import StopTest, StopUser
from numpy.typing import NDArray

from bakeoff.load.messages import NOT_SENT
from bakeoff.load.recorder import SliceLog
from bakeoff.load.timer import new_alarm
from bakeoff.load.traffic import Traffic, nothing, now_ns
from bakeoff.load.user import BakeoffUser, report_error, run_task, targets_of

CONNECTING_AT_ONCE = 8
"""Connections that are opened at the same time.

Opening one costs several times what a request does: without a limit, after a short delay every arrival would open one,
and so delay the next ones more.
"""


class TaskRunner:
    """A user, and a greenlet that runs one of its tasks for each arrival."""

    __slots__ = ("_intended_ns", "_loop", "connecting", "greenlet", "user")

    def __init__(self, loop: OpenLoop, user: BakeoffUser, intended_ns: int) -> None:
        """``intended_ns`` is that of its first arrival."""
        self._loop = loop
        self.user = user
        self.connecting = True
        """Whether its first connection is still to come."""
        self._intended_ns = intended_ns
        self.greenlet = Greenlet(self._serve)

    def take(self, intended_ns: int) -> None:
        """Serve an arrival at once; only while idle."""
        self._intended_ns = intended_ns
        self.greenlet.switch()

    def _serve(self) -> None:
        try:
            if self._started():
                self._serve_arrivals()
        except (StopUser, StopTest):
            pass
        finally:
            self.user.on_stop()
            self._loop.leave(self)

    def _started(self) -> bool:
        """Start the user. What it raises in ``on_start``, even to stop itself, is the failure of its first arrival."""
        try:
            self.user.start_up()
        except Exception as error:
            self.user.client.schedule(self._intended_ns)
            report_error(self.user, error)
            return False
        return True

    def _serve_arrivals(self) -> None:
        user, loop, hub = self.user, self._loop, gevent.get_hub()
        targets = targets_of(user.environment)
        while True:
            task = targets.begin(user)
            user.client.schedule(self._intended_ns)
            run_task(user, task, targets)
            waiting_ns = loop.next_waiting(self)
            if waiting_ns is None:
                hub.switch()
            else:
                self._intended_ns = waiting_ns


class Pacer:
    """Calls back once for each arrival, at its intended time or as soon as possible after it."""

    def __init__(self, arrive: Callable[[int], None]) -> None:
        self._arrive = arrive
        self._chunks: Iterator[NDArray[np.float64]] = iter(())
        self._times_ns: list[int] = []
        self._origin_ns = 0
        self._next_ns: int | None = None
        self._alarm = new_alarm(self.ring)

    def follow(self, chunks: Iterator[NDArray[np.float64]], origin_ns: int) -> None:
        """Deliver these arrivals in place of all earlier ones; their times in seconds count from ``origin_ns``."""
        self._chunks = chunks
        self._origin_ns = origin_ns
        self._times_ns = []
        self._advance()
        if self._next_ns is not None:
            self._alarm.set(self._next_ns)  # Not at once: only the hub may switch to greenlets.

    def ring(self) -> None:
        """Deliver the arrivals that are due, and set the alarm for the next."""
        while self._next_ns is not None:
            if self._next_ns > now_ns():
                self._alarm.set(self._next_ns)
                return
            due_ns = self._next_ns
            self._advance()
            self._arrive(due_ns)

    def catch_up(self) -> None:
        """Deliver the arrivals that became due while the loop was busy, without waiting for the alarm."""
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
    """Arrivals, the users that take them, and the queue of those that wait."""

    warm = True
    """An open loop's warm-up lasts ``warmup_s`` and no longer."""
    users = None
    """An open loop has as many users as its arrivals need."""

    def __init__(
        self,
        environment: Environment,
        traffic: Traffic,
        warmup: Iterator[NDArray[np.float64]],
        window: Iterator[NDArray[np.float64]],
        *,
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
        self._runners: list[TaskRunner] = []
        self._idle: list[TaskRunner] = []
        self._connecting = 0
        self._queue: deque[tuple[int, SliceLog]] = deque()
        self._warmup = warmup
        self._window = window
        self._pacer = Pacer(self._arrive)
        self._stopped = False
        self.waited = 0

    def start(self) -> None:
        """Start the arrivals of the warm-up."""
        self._traffic.inbox.after_each = self._after_each
        self._pacer.follow(self._warmup, now_ns())

    def open_window(self, at_ns: int) -> None:
        """Start the arrivals of the window, in place of the warm-up's."""
        self._pacer.follow(self._window, at_ns)

    def stop(self) -> None:
        """Stop the arrivals, finish those that are under way or queued, and stop the users."""
        self._pacer.stop()
        self._traffic.inbox.after_each = nothing
        deadline_ns = now_ns() + int(self._drain_s * 1e9)
        while (self._queue or len(self._idle) < len(self._runners)) and now_ns() < deadline_ns:
            gevent.sleep(0.005)
        while self._queue:
            self._drop(*self._queue.popleft())
        self._stopped = True
        gevent.killall([runner.greenlet for runner in self._runners])

    def next_waiting(self, runner: TaskRunner) -> int | None:
        """The next queued arrival, for a user that has finished; ``None`` if there is none, and it becomes idle."""
        if self._stopped:  # The task has caught the exception that ends its user.
            raise GreenletExit
        self._connected(runner)
        intended_ns = self._take_waiting()
        if intended_ns is None:
            self._idle.append(runner)
        return intended_ns

    def leave(self, runner: TaskRunner) -> None:
        """A user has ended. Arrivals that come while all others are busy get a new one."""
        self._runners.remove(runner)
        self._connected(runner)

    def _take_waiting(self) -> int | None:
        """Take the first queued arrival that has not waited too long, and drop those before it that have."""
        while self._queue:
            intended_ns, log = self._queue.popleft()
            if now_ns() - intended_ns <= self._queue_limit_ns:
                log.offered -= 1  # The request itself counts it from here on.
                return intended_ns
            self._drop(intended_ns, log)
        return None

    def _after_each(self) -> None:
        self._pacer.catch_up()
        if self._queue:
            self._spawn_for_queue()

    def _arrive(self, intended_ns: int) -> None:
        if self._idle:
            self._idle.pop().take(intended_ns)
        elif self._may_spawn():
            self._spawn(intended_ns)
        else:
            self._enqueue(intended_ns)

    def _may_spawn(self) -> bool:
        """Whether to open one more connection: not while an answer waits to be delivered, which frees a user."""
        return (
            len(self._runners) < self._max_connections
            and self._connecting < CONNECTING_AT_ONCE
            and self._traffic.inbox.empty
        )

    def _spawn(self, intended_ns: int) -> None:
        (user_class,) = random.choices(self._classes, self._weights)
        runner = TaskRunner(self, user_class(self._environment), intended_ns)
        for client in runner.user.clients:
            client.when_connected(lambda: self._connected(runner))
        self._connecting += 1
        self._runners.append(runner)
        runner.greenlet.start()

    def _connected(self, runner: TaskRunner) -> None:
        """A new user has its connection, failed to get one, or needs none: a queued arrival may get a new user."""
        if not runner.connecting:
            return
        runner.connecting = False
        for client in runner.user.clients:
            client.when_connected(nothing)
        self._connecting -= 1
        self._spawn_for_queue()

    def _spawn_for_queue(self) -> None:
        while self._may_spawn() and (intended_ns := self._take_waiting()) is not None:
            self._spawn(intended_ns)

    def _enqueue(self, intended_ns: int) -> None:
        log = self._traffic.sink_at(intended_ns).log_of("", NOT_SENT)
        assert isinstance(log, SliceLog)
        log.offered += 1
        self.waited += 1
        self._queue.append((intended_ns, log))

    @staticmethod
    def _drop(intended_ns: int, log: SliceLog) -> None:
        log.record_dropped(intended_ns, now_ns())
