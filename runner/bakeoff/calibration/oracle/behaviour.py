"""What the oracle is told to do, and what therefore becomes of each request: pure functions of number and arrival.

Requests are numbered from zero in the order in which they were read, beginning anew at every start of an epoch. Times
here are nanoseconds since that epoch. A rule is a behaviour compiled to a function of few arguments, because the
server calls it for each request.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum
from statistics import NormalDist
from typing import Annotated

from msgspec import Meta

from bakeoff.model import Struct

Seconds = Annotated[float, Meta(ge=0.0, le=86_400.0)]
Every = Annotated[int, Meta(ge=0)]
Seed = Annotated[int, Meta(ge=0, lt=1 << 62)]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


class Outcome(IntEnum):
    """What became of a request; the codes stand in the binary log. Each request has exactly one."""

    RIGHT = 0
    """200 and the right body."""
    CHUNKED = 1
    """As RIGHT, in chunked transfer encoding."""
    LAST = 2
    """As RIGHT, and the server then closes the connection, which it says in the answer."""
    WRONG = 3
    """200 and a wrong body: the body alone tells."""
    STATUS = 4
    """500 and the right body: the status alone tells."""
    CLOSED = 5
    """The connection was closed at the due time, without an answer."""
    NEVER = 6
    """No answer, and none to come; the connection stays open."""
    LOST = 7
    """Not answerable: the client was gone, or an earlier request ended or blocked its connection."""
    PENDING = 8
    """Not due yet, or not yet wholly taken by the kernel."""


RIGHT_OUTCOMES = frozenset({Outcome.RIGHT, Outcome.CHUNKED, Outcome.LAST})
"""The outcomes that a client must count as right answers."""
FINAL_OUTCOMES = frozenset({Outcome.LAST, Outcome.CLOSED, Outcome.NEVER})
"""The outcomes after which nothing more is answered on the same connection."""


class Fixed(Struct, tag="fixed", tag_field="kind", frozen=True):
    """Every answer takes equally long."""

    delay_s: Seconds


class Lognormal(Struct, tag="lognormal", tag_field="kind", frozen=True):
    """The logarithm of the delay is normal: a median and a long tail."""

    median_s: Seconds
    sigma: Annotated[float, Meta(ge=0.0, le=5.0)]
    """Standard deviation of the delay's natural logarithm."""


class Bimodal(Struct, tag="bimodal", tag_field="kind", frozen=True):
    """Most answers are fast, a share of them is slow."""

    fast_s: Seconds
    slow_s: Seconds
    slow_share: Annotated[float, Meta(ge=0.0, le=1.0)]


Delay = Fixed | Lognormal | Bimodal


class Stall(Struct, frozen=True):
    """Periodic stretches in which nothing is answered: ``[offset_s + k every_s, offset_s + k every_s + length_s)``.

    ``k`` counts from zero; times are relative to the epoch. The start of a stall belongs to it, its end does not.
    """

    every_s: Annotated[float, Meta(gt=0.0, le=86_400.0)]
    length_s: Seconds
    offset_s: Seconds = 0.0

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a stall that never ends."""
        if nanoseconds(self.length_s) >= nanoseconds(self.every_s):
            raise ValueError("a stall's length_s must be less than its every_s")


class Behaviour(Struct, frozen=True):
    """All that the oracle is told. The default answers every request at once and rightly.

    ``*_every = n`` singles out the requests numbered n-1, 2n-1, ...; zero singles out none. A request that several of
    them single out takes the first in the order in which they are listed here.
    """

    delay: Delay = Fixed(delay_s=0.0)
    seed: Seed = 0
    stall: Stall | None = None
    close_every: Every = 0
    """Closes the connection at the due time, without an answer."""
    never_every: Every = 0
    """Never answers."""
    status_every: Every = 0
    """Answers with status 500 and the right body."""
    wrong_every: Every = 0
    """Answers with status 200 and a wrong body."""
    close_after_answer_every: Every = 0
    """Answers rightly with ``Connection: close``, then closes."""
    chunked_every: Every = 0
    """Answers rightly in chunked transfer encoding."""
    body_bytes: Annotated[int, Meta(ge=0, le=1 << 26)] = 0
    """Least size of a body; a shorter one is filled up with spaces, which JSON allows."""
    log: bool = True
    """Whether to keep a row per request; the counts are kept in any case."""


Clock = Callable[[int], int]
"""From a time to a time, in nanoseconds."""


def nanoseconds(seconds: float) -> int:
    """Seconds as a whole number of nanoseconds."""
    return round(seconds * 1e9)


def every_of(behaviour: Behaviour) -> tuple[tuple[int, Outcome], ...]:
    """The periods that are in force, each with its outcome; the first that matches a request decides."""
    periods = (
        (behaviour.close_every, Outcome.CLOSED),
        (behaviour.never_every, Outcome.NEVER),
        (behaviour.status_every, Outcome.STATUS),
        (behaviour.wrong_every, Outcome.WRONG),
        (behaviour.close_after_answer_every, Outcome.LAST),
        (behaviour.chunked_every, Outcome.CHUNKED),
    )
    return tuple((every, outcome) for every, outcome in periods if every)


def outcome_rule(behaviour: Behaviour) -> Callable[[int], int]:
    """The function from a request's number to the code of the outcome that is meant for it."""
    right = int(Outcome.RIGHT)
    # Plain integers: a member of an enumeration is several times slower as an index.
    periods = tuple((every, int(outcome)) for every, outcome in every_of(behaviour))
    if not periods:
        return lambda _: right

    def outcome(number: int) -> int:
        for every, special in periods:
            if (number + 1) % every == 0:
                return special
        return right

    return outcome


def outcome_of(behaviour: Behaviour, number: int) -> Outcome:
    """The outcome that is meant for request ``number``; only LOST can come in its way."""
    return Outcome(outcome_rule(behaviour)(number))


def _mixed(state: int) -> int:
    """The output function of SplitMix64: 64 bits, all of which depend on all bits of ``state``."""
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)


def uniform_rule(seed: int) -> Callable[[int], float]:
    """The function from a request's number to its draw, uniform over the open interval (0, 1)."""
    start = _mixed(seed & _MASK)
    mixed = _mixed

    def uniform(number: int) -> float:
        # 52 bits and a half are exact in a double; with 53 the largest draw would round to one.
        return ((mixed((start + (number + 1) * _GOLDEN) & _MASK) >> 12) + 0.5) * 2.0**-52

    return uniform


def _lognormal_rule(delay: Lognormal, seed: int) -> Clock:
    uniform, normal, exp = uniform_rule(seed), NormalDist().inv_cdf, math.exp
    median_ns, sigma = delay.median_s * 1e9, delay.sigma
    return lambda number: round(median_ns * exp(sigma * normal(uniform(number))))


def _bimodal_rule(delay: Bimodal, seed: int) -> Clock:
    uniform, share = uniform_rule(seed), delay.slow_share
    fast_ns, slow_ns = nanoseconds(delay.fast_s), nanoseconds(delay.slow_s)
    return lambda number: slow_ns if uniform(number) < share else fast_ns


def delay_rule(behaviour: Behaviour) -> Clock:
    """The function from a request's number to its delay in nanoseconds."""
    delay = behaviour.delay
    if isinstance(delay, Lognormal):
        return _lognormal_rule(delay, behaviour.seed)
    if isinstance(delay, Bimodal):
        return _bimodal_rule(delay, behaviour.seed)
    fixed_ns = nanoseconds(delay.delay_s)
    return lambda _: fixed_ns


def delay_ns(behaviour: Behaviour, number: int) -> int:
    """The delay of request ``number``, stalls apart."""
    return delay_rule(behaviour)(number)


def release_rule(stall: Stall) -> Clock:
    """The function from a time to the first time, not before it, at which there is no stall."""
    every_ns, length_ns, offset_ns = map(nanoseconds, (stall.every_s, stall.length_s, stall.offset_s))

    def release(time_ns: int) -> int:
        if time_ns < offset_ns:
            return time_ns
        into_ns = (time_ns - offset_ns) % every_ns
        return time_ns + length_ns - into_ns if into_ns < length_ns else time_ns

    return release


def due_rule(behaviour: Behaviour) -> Callable[[int, int], int]:
    """The function from a request's number and arrival to its due time, in nanoseconds since the epoch.

    ``due = release(release(arrival) + delay)``: a request that arrives in a stall is taken up at its end, and one whose
    delay runs out in a stall is answered at its end. A delay that outlasts a whole stall is not prolonged by it.
    """
    delay = delay_rule(behaviour)
    if behaviour.stall is None:
        return lambda number, arrival_ns: arrival_ns + delay(number)
    release = release_rule(behaviour.stall)
    return lambda number, arrival_ns: release(release(arrival_ns) + delay(number))


def due_ns(behaviour: Behaviour, number: int, arrival_ns: int) -> int:
    """When request ``number`` is due if it arrives at ``arrival_ns``; both in nanoseconds since the epoch.

    On a connection that already has an earlier request pending it is answered no sooner than that one.
    """
    return due_rule(behaviour)(number, arrival_ns)


def is_do_nothing(behaviour: Behaviour) -> bool:
    """Whether every request is simply answered at once and rightly, and no log is kept."""
    delay = behaviour.delay
    at_once = isinstance(delay, Fixed) and delay.delay_s == 0.0 and behaviour.stall is None
    return at_once and not behaviour.log and not every_of(behaviour)
