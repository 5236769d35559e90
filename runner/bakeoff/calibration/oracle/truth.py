"""What a client with unlimited connections and no overhead would see of a behaviour: the truth to certify against."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bakeoff.calibration.oracle.behaviour import Behaviour, Fixed, Outcome, Stall, delay_rule, every_of, nanoseconds

Times = NDArray[np.int64]


def delays_ns(count: int, behaviour: Behaviour) -> Times:
    """The delay of each of the first ``count`` requests, stalls apart."""
    delay = delay_rule(behaviour)
    if isinstance(behaviour.delay, Fixed):
        return np.full(count, delay(0), dtype=np.int64)
    return np.fromiter(map(delay, range(count)), dtype=np.int64, count=count)


def outcomes(count: int, behaviour: Behaviour) -> NDArray[np.int8]:
    """The code of the outcome that is meant for each of the first ``count`` requests."""
    codes = np.full(count, Outcome.RIGHT, dtype=np.int8)
    for every, outcome in reversed(every_of(behaviour)):
        codes[every - 1 :: every] = outcome
    return codes


def released_ns(times_ns: Times, stall: Stall | None) -> Times:
    """For each time since the epoch the first time, not before it, at which there is no stall."""
    if stall is None:
        return times_ns
    every_ns, length_ns, offset_ns = map(nanoseconds, (stall.every_s, stall.length_s, stall.offset_s))
    into_ns = (times_ns - offset_ns) % every_ns
    stalled = (times_ns >= offset_ns) & (into_ns < length_ns)
    return np.where(stalled, times_ns + (length_ns - into_ns), times_ns)


def ideal_latency_s(intended_ns: ArrayLike, behaviour: Behaviour, epoch_ns: int) -> NDArray[np.float64]:
    """The latency of each request of an open-loop schedule, in seconds from its intended send time.

    ``intended_ns`` and ``epoch_ns`` are readings of CLOCK_MONOTONIC. With ``a`` the intended time since the epoch,
    ``d`` the delay and ``r(t)`` the first time from ``t`` on at which there is no stall::

        latency = r(r(a) + d) - a

    Requests are numbered in the order of their intended times, ties as they stand. For a request whose connection is
    closed instead, it is the time until that happens; for one that is never answered, infinity.
    """
    arrivals_ns = np.asarray(intended_ns, dtype=np.int64) - epoch_ns
    order = np.argsort(arrivals_ns, kind="stable")
    numbered_ns = arrivals_ns[order]
    due_ns = released_ns(released_ns(numbered_ns, behaviour.stall) + delays_ns(len(order), behaviour), behaviour.stall)
    never = outcomes(len(order), behaviour) == Outcome.NEVER
    latency_s = np.empty(len(order))
    latency_s[order] = np.where(never, np.inf, (due_ns - numbered_ns) / 1e9)
    return latency_s
