"""Delays, outcomes and stalls follow from the behaviour, a request's number and its arrival alone."""

from __future__ import annotations

import math
from itertools import islice
from statistics import NormalDist, median

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.calibration.oracle.behaviour import (
    Behaviour,
    Bimodal,
    Fixed,
    Lognormal,
    Outcome,
    Stall,
    after_stall_ns,
    delays_ns,
    due_ns,
    nanoseconds,
    outcome_of,
)
from tests.calibration.oracle.strategies import behaviours, numbers, stalls, times_ns

delays = st.integers(0, 2_000_000_000)
STALL = Stall(every_s=2.0, length_s=0.2, offset_s=1.0)


def at(seconds: float) -> int:
    return nanoseconds(seconds)


@given(behaviours())
def test_a_behaviour_survives_json(behaviour: Behaviour) -> None:
    """It is passed to the process as JSON."""
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
def test_an_invalid_behaviour_is_refused(text: str) -> None:
    """So is a misspelt field."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Behaviour)


def test_every_third_means_the_third_the_sixth_and_so_on() -> None:
    """Requests are numbered from zero, but counted from one."""
    outcomes = [outcome_of(Behaviour(wrong_every=3), number) for number in range(7)]
    assert [number for number, outcome in enumerate(outcomes) if outcome is Outcome.WRONG_BODY] == [2, 5]


def test_the_first_field_that_selects_a_request_decides() -> None:
    """For a request that several fields select."""
    behaviour = Behaviour(close_every=6, never_every=4, status_every=3, wrong_every=2)
    assert [outcome_of(behaviour, number) for number in (1, 2, 3, 5, 11)] == [
        Outcome.WRONG_BODY,
        Outcome.WRONG_STATUS,
        Outcome.UNANSWERED,
        Outcome.CLOSED,
        Outcome.CLOSED,
    ]


@given(behaviours(), numbers)
def test_no_behaviour_asks_for_a_lost_or_pending_request(behaviour: Behaviour, number: int) -> None:
    """Those outcomes depend on the client."""
    assert outcome_of(behaviour, number) not in {Outcome.LOST, Outcome.PENDING}


def first_delays_ns(behaviour: Behaviour, count: int) -> list[int]:
    return list(islice(delays_ns(behaviour), count))


@given(behaviours())
def test_delays_follow_from_the_seed(behaviour: Behaviour) -> None:
    """The same behaviour has the same delays, none of them negative."""
    first = first_delays_ns(behaviour, 20)
    assert first == first_delays_ns(behaviour, 20)
    assert min(first) >= 0


def test_seeds_have_different_delays() -> None:
    """Neighbouring seeds share none."""
    first, second = (
        first_delays_ns(Behaviour(delay=Lognormal(median_s=1.0, sigma=1.0), seed=seed), 1000) for seed in (1, 2)
    )
    assert not set(first) & set(second)


def test_a_fixed_delay_is_the_same_for_all() -> None:
    """In whole nanoseconds."""
    assert first_delays_ns(Behaviour(delay=Fixed(delay_s=0.0015)), 3) == [1_500_000] * 3


def test_lognormal_delays_have_their_median_and_tail() -> None:
    """Half are below the median, and a tenth is above exp(1.28 sigma) times it."""
    delays_s = sorted(ns / 1e9 for ns in first_delays_ns(Behaviour(delay=Lognormal(median_s=0.010, sigma=0.5)), 10_001))
    assert median(delays_s) == pytest.approx(0.010, rel=0.03)
    assert delays_s[9000] == pytest.approx(0.010 * math.exp(0.5 * NormalDist().inv_cdf(0.9)), rel=0.05)


def test_bimodal_delays_have_their_share_of_slow_ones() -> None:
    """A share of 0.05 is one in twenty."""
    delays = first_delays_ns(Behaviour(delay=Bimodal(fast_s=0.001, slow_s=0.1, slow_share=0.05)), 10_000)
    assert set(delays) == {at(0.001), at(0.1)}
    assert delays.count(at(0.1)) == pytest.approx(500, abs=110)


@pytest.mark.parametrize(
    ("time_s", "released_s"),
    [(0.0, 0.0), (0.999, 0.999), (1.0, 1.2), (1.15, 1.2), (1.2, 1.2), (2.9, 2.9), (3.0, 3.2), (101.1, 101.2)],
)
def test_a_stall_includes_its_start_and_not_its_end(time_s: float, released_s: float) -> None:
    """Stalls begin at their offset and repeat."""
    assert after_stall_ns(STALL, at(time_s)) == at(released_s)


@given(stalls, times_ns)
def test_the_end_of_a_stall_is_not_before_the_time_and_not_in_a_stall(stall: Stall, time_ns: int) -> None:
    """It is at most one stall's length later."""
    after_ns = after_stall_ns(stall, time_ns)
    assert time_ns <= after_ns <= time_ns + nanoseconds(stall.length_s)
    assert after_stall_ns(stall, after_ns) == after_ns


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
    assert due_ns(STALL, at(arrival_s), at(0.05)) == at(due_s)


def test_a_long_delay_passes_over_a_stall() -> None:
    """Only answering stalls: a delay that outlasts the stall is not prolonged."""
    assert due_ns(STALL, at(0.9), at(0.5)) == at(1.4)


@given(stalls, times_ns, delays)
def test_no_answer_is_due_before_its_delay_is_over(stall: Stall, arrival_ns: int, delay_ns: int) -> None:
    """A stall only adds to a delay."""
    assert due_ns(stall, arrival_ns, delay_ns) >= arrival_ns + delay_ns


@given(times_ns, delays)
def test_without_stalls_an_answer_takes_exactly_its_delay(arrival_ns: int, delay_ns: int) -> None:
    """Nothing but the delay is between arrival and due time."""
    assert due_ns(None, arrival_ns, delay_ns) == arrival_ns + delay_ns


@given(stalls, times_ns, delays)
def test_a_stall_adds_exactly_what_is_left_of_it(stall: Stall, arrival_ns: int, delay_ns: int) -> None:
    """The rest of the stall in which the request arrives, and the rest of the one in which its delay ends."""
    taken_up_ns = after_stall_ns(stall, arrival_ns)
    done_ns = taken_up_ns + delay_ns
    added_ns = (taken_up_ns - arrival_ns) + (after_stall_ns(stall, done_ns) - done_ns)
    assert due_ns(stall, arrival_ns, delay_ns) == arrival_ns + delay_ns + added_ns
