"""One slice, from warm-up to drain."""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import gevent
import msgspec
import numpy as np
from locust.env import Environment

from bakeoff.load.closed_loop import ClosedLoop
from bakeoff.load.messages import Drive, Driven, Report, Second, Tick, WindowClosed, WindowOpened
from bakeoff.load.open_loop import OpenLoop
from bakeoff.load.recorder import SECOND_NS, Histograms, SliceSink
from bakeoff.load.request_listener import listening
from bakeoff.load.traffic import Traffic, now_ns
from bakeoff.load.user import targets_of
from bakeoff.model import ClosedLoad, EndpointCounts, OpenLoad, arrivals_s, window_rng

MIN_WARMUP_RATE_RPS = 1.0
"""Rate of the warm-up of a load whose first stage begins at 0."""
TICK_S = 0.25
HARVEST_S = 0.2
Send = Callable[[Report], None]


class Loop(Protocol):
    """Starts requests."""

    waited: int

    @property
    def users(self) -> int | None: ...
    @property
    def warm(self) -> bool: ...
    def start(self) -> None: ...
    def open_window(self, at_ns: int) -> None: ...
    def stop(self) -> None: ...


def drive(
    environment: Environment, traffic: Traffic, order: Drive, send: Send, wait_to_open: Callable[[float], float]
) -> Driven:
    """Warm up, open the window, measure, close it and drain. ``send`` reports what happens meanwhile.

    ``wait_to_open`` is called with the warm-up's mean latency, and returns the length of the window.
    """
    random.seed(order.seed)
    loop = _loop_for(environment, traffic, order)
    _quiet_memory()
    try:
        with listening(environment, traffic) as errors:
            warm = SliceSink()
            started_ns = traffic.switch(warm)
            loop.start()
            gevent.sleep(order.warmup_s)
            while not loop.warm and now_ns() - started_ns < order.max_warmup_s * 1e9:
                gevent.sleep(0.005)
            slice_s = wait_to_open(_mean_latency_s(order, warm, now_ns() - started_ns))
            window = _Window(traffic, warm, slice_s, order.timeout_s, send)
            window.run(loop)
            loop.stop()
        turns_s = targets_of(environment).finish()
        return msgspec.structs.replace(window.result(started_ns, loop, turns_s), user_error=errors.first)
    finally:
        traffic.switch(SliceSink())
        gc.enable()


def _loop_for(environment: Environment, traffic: Traffic, order: Drive) -> Loop:
    if isinstance(order.load, ClosedLoad):
        users = users_of_share(order.load.users, order.share, order.shares)
        return ClosedLoop(environment, traffic, users, order.load.think_s, order.timeout_s)
    first_rate_rps = order.load.stages[0].rate_rps if order.load.stages else order.load.rate_rps
    steady = OpenLoad(rate_rps=max(first_rate_rps, MIN_WARMUP_RATE_RPS), arrivals=order.load.arrivals)
    return OpenLoop(
        environment,
        traffic,
        arrivals_s(np.random.default_rng([order.seed, 0]), steady, order.share, order.shares),
        arrivals_s(window_rng(order.seed), order.load, order.share, order.shares),
        max_connections=order.max_connections,
        queue_limit_s=order.queue_limit_s,
        drain_s=order.timeout_s,
    )


def users_of_share(users: int, share: int, shares: int) -> int:
    """One generator's share of the users: shares differ by at most one, and add up to ``users``."""
    return users // shares + (share < users % shares)


def _quiet_memory() -> None:
    """No full garbage collection within a slice: one takes milliseconds, during which nothing is sent."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _mean_latency_s(order: Drive, warm: SliceSink, elapsed_ns: int) -> float:
    """The mean latency in the warm-up; in a closed loop by Little's law, since the queue fills meanwhile."""
    if isinstance(order.load, ClosedLoad):
        answered = max(1, warm.total("offered") - _under_way(warm))
        return users_of_share(order.load.users, order.share, order.shares) * elapsed_ns / 1e9 / answered
    done = [np.array(log.done_ns) - np.array(log.intended_ns) for log in warm.logs.values() if log.right]
    return float(np.concatenate(done).mean()) / 1e9 if done else 0.0


def _under_way(sink: SliceSink) -> int:
    return sink.total("offered") - sum(log.counts("", 0).outcomes.offered for log in sink.logs.values())


def _account(sink: SliceSink) -> tuple[EndpointCounts, ...]:
    return tuple(log.counts(endpoint, 0) for endpoint, log in sorted(sink.logs.items()))


class _Window:
    """The measured part of a slice."""

    def __init__(self, traffic: Traffic, warm: SliceSink, slice_s: float, timeout_s: float, send: Send) -> None:
        self._traffic = traffic
        self._warm = warm
        self._slice_s = slice_s
        self._settled_after_s = timeout_s + 1.0
        """After this time no request of a second can be under way, and its histograms are final."""
        self._send = send
        self._sink = SliceSink()
        self._drain = SliceSink()
        self._completed: dict[str, int] = {}
        self._cpu_s = 0.0
        self._window_s = 0.0
        self._users: int | None = None
        self.opened_ns = 0

    def run(self, loop: Loop) -> None:
        """Open, measure, close."""
        warm_rights = self._warm.rights()
        cpu_before_s = time.process_time()
        self.opened_ns = self._traffic.switch(self._sink)
        self._histograms = Histograms(self._sink, self.opened_ns)
        loop.open_window(self.opened_ns)
        self._send(WindowOpened())
        self._measure()
        self._window_s = (self._traffic.switch(self._drain) - self.opened_ns) / 1e9
        self._users = loop.users
        self._send(WindowClosed())
        self._cpu_s = time.process_time() - cpu_before_s
        rights = (self._warm.rights(), self._sink.rights())
        for endpoint in {**rights[0], **rights[1]}:
            before = warm_rights.get(endpoint, 0)
            self._completed[endpoint] = rights[0].get(endpoint, 0) + rights[1].get(endpoint, 0) - before

    def _measure(self) -> None:
        end_ns = self.opened_ns + int(self._slice_s * 1e9)
        next_tick_ns = self.opened_ns
        while (left_ns := end_ns - now_ns()) > 0:
            gevent.sleep(min(HARVEST_S, left_ns / 1e9))
            for _ in self._histograms.absorb():
                gevent.sleep(0)
            gc.collect(0)
            elapsed_s = (now_ns() - self.opened_ns) / 1e9
            self._send_finished(before_s=int(elapsed_s - self._settled_after_s))
            if now_ns() >= next_tick_ns:
                next_tick_ns = now_ns() + int(TICK_S * SECOND_NS)
                self._tick()

    def _tick(self) -> None:
        elapsed_s = (now_ns() - self.opened_ns) / 1e9
        self._send(Tick(elapsed_s=elapsed_s, rate_rps=self._sink.total("right") / max(elapsed_s, 1e-9)))

    def result(self, started_ns: int, loop: Loop, turns_s: Mapping[str, float]) -> Driven:
        """Send the remaining histograms; the account of the drained slice."""
        for _ in self._histograms.absorb():
            pass
        self._send_finished(before_s=sys.maxsize)
        return Driven(
            window_s=self._window_s,
            warmup_s=(self.opened_ns - started_ns) / 1e9,
            cpu_s=self._cpu_s,
            connections_opened=self._sink.total("connections"),
            requests_sent=self._sink.total("offered") - self._sink.total("dropped"),
            waited=loop.waited,
            turns_s=dict(turns_s),
            endpoints=self._endpoint_counts(),
            warmup=_account(self._warm),
            drain=_account(self._drain),
            opened_ns=self.opened_ns,
            users=self._users,
        )

    def _send_finished(self, before_s: int) -> None:
        for second, endpoint, kind, histogram in self._histograms.finished(before_s):
            self._send(Second(second=second, endpoint=endpoint, kind=kind, blob=histogram.encode()))
            gevent.sleep(0)

    def _endpoint_counts(self) -> tuple[EndpointCounts, ...]:
        for endpoint in self._completed:
            self._sink.log_of("", endpoint)
        return tuple(
            log.counts(endpoint, self._completed.get(endpoint, 0)) for endpoint, log in sorted(self._sink.logs.items())
        )
