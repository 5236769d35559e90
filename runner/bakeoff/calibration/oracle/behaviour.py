"""What an oracle does with each request: its delay, its outcome, and the stalls. Pure functions.

Requests are numbered from zero in the order in which they arrive.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import IntEnum
from itertools import repeat
from random import Random
from typing import Annotated

from msgspec import Meta

from bakeoff.model import Struct

Seconds = Annotated[float, Meta(ge=0.0, le=86_400.0)]
Every = Annotated[int, Meta(ge=0)]


class Outcome(IntEnum):
    """What became of a request. Each request has exactly one outcome."""

    RIGHT = 0
    """Status 200 and the right body."""
    CHUNKED = 1
    """As RIGHT, in chunked transfer encoding."""
    CLOSED_AFTER = 2
    """As RIGHT with ``Connection: close``; the connection is closed after the answer."""
    WRONG_BODY = 3
    """Status 200 and a wrong body."""
    WRONG_STATUS = 4
    """Status 500 and the right body."""
    CLOSED = 5
    """The connection was closed without an answer."""
    UNANSWERED = 6
    """There is no answer, and the connection stays open."""
    LOST = 7
    """It could not be answered: the client was gone, or an earlier request had ended or blocked the connection."""
    PENDING = 8
    """Its answer is not due yet."""


class Fixed(Struct, tag="fixed", tag_field="kind", frozen=True):
    """The same delay for every answer."""

    delay_s: Seconds


class Lognormal(Struct, tag="lognormal", tag_field="kind", frozen=True):
    """Log-normally distributed delays."""

    median_s: Seconds
    sigma: Annotated[float, Meta(ge=0.0, le=5.0)]
    """Standard deviation of the delay's natural logarithm."""


class Bimodal(Struct, tag="bimodal", tag_field="kind", frozen=True):
    """Most answers are fast; a share of them is slow."""

    fast_s: Seconds
    slow_s: Seconds
    slow_share: Annotated[float, Meta(ge=0.0, le=1.0)]


Delay = Fixed | Lognormal | Bimodal


class Stall(Struct, frozen=True):
    """Nothing is answered in ``[offset_s + k every_s, offset_s + k every_s + length_s)``, for k = 0, 1, 2, ...

    Times count from the start of the oracle.
    """

    every_s: Annotated[float, Meta(gt=0.0, le=86_400.0)]
    length_s: Seconds
    offset_s: Seconds = 0.0

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a stall that never ends."""
        if nanoseconds(self.length_s) >= nanoseconds(self.every_s):
            raise ValueError("a stall's length_s must be less than its every_s")


class Behaviour(Struct, frozen=True):
    """The default answers every request at once and rightly, and logs it.

    ``*_every = n`` selects the requests numbered n-1, 2n-1, ...; zero selects none. The first field that selects a
    request, in the order below, decides its outcome.
    """

    delay: Delay = Fixed(delay_s=0.0)
    seed: int = 0
    """Of the random delays."""
    stall: Stall | None = None
    close_every: Every = 0
    """CLOSED"""
    never_every: Every = 0
    """UNANSWERED"""
    status_every: Every = 0
    """WRONG_STATUS"""
    wrong_every: Every = 0
    """WRONG_BODY"""
    close_after_answer_every: Every = 0
    """CLOSED_AFTER"""
    chunked_every: Every = 0
    """CHUNKED"""
    log: bool = True
    """Whether to log each request; outcomes are counted in any case."""


COUNT_ONLY = Behaviour(log=False)
"""Answers at once and only counts: the fastest behaviour, for finding a generator's ceiling."""


def nanoseconds(seconds: float) -> int:
    """Seconds as a whole number of nanoseconds."""
    return round(seconds * 1e9)


def outcome_of(behaviour: Behaviour, number: int) -> Outcome:
    """The outcome of request ``number``, unless it is lost."""
    for every, outcome in (
        (behaviour.close_every, Outcome.CLOSED),
        (behaviour.never_every, Outcome.UNANSWERED),
        (behaviour.status_every, Outcome.WRONG_STATUS),
        (behaviour.wrong_every, Outcome.WRONG_BODY),
        (behaviour.close_after_answer_every, Outcome.CLOSED_AFTER),
        (behaviour.chunked_every, Outcome.CHUNKED),
    ):
        if every and (number + 1) % every == 0:
            return outcome
    return Outcome.RIGHT


def delays_ns(behaviour: Behaviour) -> Iterator[int]:
    """The delay of each request, in the order of arrival, without end; reproducible from the seed."""
    delay, random = behaviour.delay, Random(behaviour.seed)
    match delay:
        case Fixed():
            return repeat(nanoseconds(delay.delay_s))
        case Lognormal():
            return (nanoseconds(delay.median_s * math.exp(random.gauss(0.0, delay.sigma))) for _ in repeat(None))
        case Bimodal():
            fast_ns, slow_ns = nanoseconds(delay.fast_s), nanoseconds(delay.slow_s)
            return (slow_ns if random.random() < delay.slow_share else fast_ns for _ in repeat(None))


def after_stall_ns(stall: Stall | None, time_ns: int) -> int:
    """The first time from ``time_ns`` on at which there is no stall; nanoseconds since the start of the oracle."""
    if stall is None:
        return time_ns
    since_first_ns = time_ns - nanoseconds(stall.offset_s)
    since_start_ns = since_first_ns % nanoseconds(stall.every_s)
    length_ns = nanoseconds(stall.length_s)
    stalled = since_first_ns >= 0 and since_start_ns < length_ns
    return time_ns + length_ns - since_start_ns if stalled else time_ns


def due_ns(stall: Stall | None, arrival_ns: int, delay_ns: int) -> int:
    """When an answer is due; times are nanoseconds since the start of the oracle.

    A request that arrives in a stall is taken up at its end; one whose delay ends in a stall is answered at its end. A
    delay that outlasts a whole stall is not prolonged by it.
    """
    return after_stall_ns(stall, after_stall_ns(stall, arrival_ns) + delay_ns)
