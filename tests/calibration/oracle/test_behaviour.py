"""What becomes of a request follows from its number, its arrival and the behaviour alone."""

from __future__ import annotations

import math
from statistics import NormalDist, median

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bakeoff.calibration.oracle.behaviour import (
    Behaviour,
    Bimodal,
    Fixed,
    Lognormal,
    Outcome,
    Stall,
    delay_ns,
    due_ns,
    is_do_nothing,
    nanoseconds,
    outcome_of,
    release_rule,
    uniform_rule,
)
from tests.calibration.oracle.strategies import behaviours, numbers, stalls, times_ns

STALL = Stall(every_s=2.0, length_s=0.2, offset_s=1.0)


def at(seconds: float) -> int:
    return nanoseconds(seconds)


@given(behaviours())
def test_a_behaviour_survives_json(behaviour: Behaviour) -> None:
    """What is written on a command line is what was meant."""
    assert msgspec.json.decode(msgspec.json.encode(behaviour), type=Behaviour) == behaviour


@pytest.mark.parametrize(
    "text",
    [
        '{"delay": {"kind": "fixed", "delay_s": -1}}',
        '{"delay": {"kind": "uniform"}}',
        '{"stall": {"every_s": 1, "length_s": 1}}',
        '{"stall": {"every_s": 0, "length_s": 0}}',
        '{"wrong_every": -1}',
        '{"sleep": 1}',
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    """A behaviour that cannot be had, or is misspelt, is an error and not a default."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Behaviour)


def test_every_third_means_the_third_the_sixth_and_so_on() -> None:
    """Requests are numbered from zero, but counted from one."""
    outcomes = [outcome_of(Behaviour(wrong_every=3), number) for number in range(7)]
    assert [number for number, outcome in enumerate(outcomes) if outcome is Outcome.WRONG] == [2, 5]


def test_the_first_listed_outcome_wins() -> None:
    """A request that several periods single out has the outcome that is listed first."""
    behaviour = Behaviour(close_every=6, never_every=4, status_every=3, wrong_every=2)
    assert [outcome_of(behaviour, number) for number in (1, 2, 3, 5, 11)] == [
        Outcome.WRONG,
        Outcome.STATUS,
        Outcome.NEVER,
        Outcome.CLOSED,
        Outcome.CLOSED,
    ]


@given(behaviours(), numbers)
def test_a_outcome_is_never_one_of_accident(behaviour: Behaviour, number: int) -> None:
    """No request is meant to be lost or to stay pending."""
    assert outcome_of(behaviour, number) not in {Outcome.LOST, Outcome.PENDING}


@given(st.integers(0, (1 << 62) - 1), st.integers(0, 1 << 40))
def test_draws_lie_strictly_between_zero_and_one(seed: int, number: int) -> None:
    """The inverse of the normal distribution has poles at both ends."""
    assert 0.0 < uniform_rule(seed)(number) < 1.0


def test_draws_are_uniform() -> None:
    """Every tenth of the interval gets its tenth of the draws, within five standard errors."""
    uniform = uniform_rule(1)
    counts = [0] * 10
    for number in range(20_000):
        counts[int(uniform(number) * 10)] += 1
    assert all(abs(count - 2000) < 5 * math.sqrt(1800) for count in counts)


def test_seeds_draw_differently() -> None:
    """Neighbouring seeds share no draws."""
    first, second = ({uniform_rule(seed)(number) for number in range(1000)} for seed in (1, 2))
    assert not first & second


def test_lognormal_delays_have_the_median_and_the_tail_they_were_given() -> None:
    """Half are below the median, and a tenth is above exp(1.28 sigma) times it."""
    behaviour = Behaviour(delay=Lognormal(median_s=0.010, sigma=0.5), seed=3)
    delays_s = sorted(delay_ns(behaviour, number) / 1e9 for number in range(10_001))
    assert median(delays_s) == pytest.approx(0.010, rel=0.03)
    assert delays_s[9000] == pytest.approx(0.010 * math.exp(0.5 * NormalDist().inv_cdf(0.9)), rel=0.05)


def test_bimodal_delays_are_slow_as_often_as_they_were_told() -> None:
    """A share of one in twenty is one in twenty."""
    behaviour = Behaviour(delay=Bimodal(fast_s=0.001, slow_s=0.1, slow_share=0.05), seed=3)
    delays = [delay_ns(behaviour, number) for number in range(10_000)]
    assert set(delays) == {at(0.001), at(0.1)}
    assert delays.count(at(0.1)) == pytest.approx(500, abs=110)


@pytest.mark.parametrize(
    ("time_s", "released_s"),
    [(0.0, 0.0), (0.999, 0.999), (1.0, 1.2), (1.15, 1.2), (1.2, 1.2), (2.9, 2.9), (3.0, 3.2), (101.1, 101.2)],
)
def test_a_stall_has_its_start_but_not_its_end(time_s: float, released_s: float) -> None:
    """Stalls are half-open, begin at their offset, and come back."""
    assert release_rule(STALL)(at(time_s)) == at(released_s)


@given(stalls, times_ns)
def test_nothing_is_released_early_or_into_a_stall(stall: Stall, time_ns: int) -> None:
    """A release is not before the time, within one stall's length of it, and not in a stall itself."""
    release = release_rule(stall)
    released_ns = release(time_ns)
    assert time_ns <= released_ns <= time_ns + nanoseconds(stall.length_s)
    assert release(released_ns) == released_ns


@pytest.mark.parametrize(
    ("arrival_s", "due_s"),
    [
        (0.5, 0.55),  # no stall near
        (0.94, 0.99),  # due just before
        (0.97, 1.2),  # due in the stall: answered at its end
        (1.1, 1.25),  # arrived in the stall: taken up at its end
        (1.2, 1.25),  # arrived at its end
    ],
)
def test_stalls_hold_up_arrivals_and_answers(arrival_s: float, due_s: float) -> None:
    """The definition, at its edges."""
    behaviour = Behaviour(delay=Fixed(delay_s=0.05), stall=STALL)
    assert due_ns(behaviour, 0, at(arrival_s)) == at(due_s)


def test_a_long_delay_passes_over_a_stall() -> None:
    """Only answering stalls: a delay that outlasts the stall is not prolonged."""
    assert due_ns(Behaviour(delay=Fixed(delay_s=0.5), stall=STALL), 0, at(0.9)) == at(1.4)


@given(behaviours(), numbers, times_ns)
def test_no_answer_is_due_before_its_delay_is_over(behaviour: Behaviour, number: int, arrival_ns: int) -> None:
    """A stall only ever adds."""
    assert due_ns(behaviour, number, arrival_ns) >= arrival_ns + delay_ns(behaviour, number)


@given(behaviours(stalls=st.none()), numbers, times_ns)
def test_without_stalls_an_answer_takes_exactly_its_delay(behaviour: Behaviour, number: int, arrival_ns: int) -> None:
    """Nothing but the delay is between arrival and due time."""
    assert due_ns(behaviour, number, arrival_ns) == arrival_ns + delay_ns(behaviour, number)


@given(stalls, times_ns, st.floats(0.0, 1.0))
def test_a_stall_adds_exactly_what_is_left_of_it(stall: Stall, arrival_ns: int, delay_s: float) -> None:
    """An arrival in a stall whose delay ends before the next one waits for the rest of the stall and its delay."""
    behaviour = Behaviour(delay=Fixed(delay_s=delay_s), stall=stall)
    release = release_rule(stall)
    left_ns = release(arrival_ns) - arrival_ns
    done_ns = arrival_ns + left_ns + nanoseconds(delay_s)
    assume(release(done_ns) == done_ns)
    assert due_ns(behaviour, 0, arrival_ns) - arrival_ns == left_ns + nanoseconds(delay_s)


@pytest.mark.parametrize(
    "change",
    [{"log": True}, {"delay": Fixed(delay_s=0.001)}, {"stall": STALL}, {"never_every": 9}, {"chunked_every": 1}],
)
def test_anything_asked_for_is_something_to_do(change: dict[str, object]) -> None:
    """Only a behaviour that asks for nothing, not even a log, is served by the bare loop."""
    idle = Behaviour(log=False, body_bytes=1000, seed=7)
    assert is_do_nothing(idle)
    assert not is_do_nothing(msgspec.structs.replace(idle, **change))
