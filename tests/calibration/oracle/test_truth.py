"""The truth that a generator is certified against agrees with the behaviour, request by request."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.calibration.oracle.behaviour import (
    Behaviour,
    Fixed,
    Outcome,
    Stall,
    delay_ns,
    due_ns,
    nanoseconds,
    outcome_of,
)
from bakeoff.calibration.oracle.truth import delays_ns, ideal_latency_s, outcomes, released_ns
from tests.calibration.oracle.strategies import behaviours, stalls, times_ns

schedules = st.lists(times_ns, max_size=40).map(sorted)
epochs_ns = st.integers(0, 1 << 60)
no_nevers = behaviours().filter(lambda behaviour: behaviour.never_every == 0)


@given(schedules, behaviours(), epochs_ns)
def test_the_truth_is_what_the_behaviour_says_of_each_request(
    schedule: list[int], behaviour: Behaviour, epoch_ns: int
) -> None:
    """The arrays say what the functions of one request say."""
    latency_s = ideal_latency_s(np.array(schedule, dtype=np.int64) + epoch_ns, behaviour, epoch_ns)
    expected = [
        np.inf if outcome_of(behaviour, number) is Outcome.NEVER else (due_ns(behaviour, number, time) - time) / 1e9
        for number, time in enumerate(schedule)
    ]
    assert latency_s.tolist() == expected


@given(schedules, no_nevers, epochs_ns)
def test_no_latency_is_below_its_delay(schedule: list[int], behaviour: Behaviour, epoch_ns: int) -> None:
    """Stalls only add."""
    intended_ns = np.array(schedule, dtype=np.int64) + epoch_ns
    delay_s = delays_ns(len(schedule), behaviour) / 1e9
    assert (ideal_latency_s(intended_ns, behaviour, epoch_ns) >= delay_s).all()


@given(stalls, st.floats(0.0, 1.0), schedules)
def test_stalls_add_what_is_left_of_them_on_both_ends(stall: Stall, delay_s: float, schedule: list[int]) -> None:
    """Latency is the delay, the rest of the stall it came in, and the rest of the stall it would have ended in."""
    times = np.array(schedule, dtype=np.int64)
    taken_up_ns = released_ns(times, stall)
    done_ns = taken_up_ns + nanoseconds(delay_s)
    added_ns = (taken_up_ns - times) + (released_ns(done_ns, stall) - done_ns)
    latency_s = ideal_latency_s(times, Behaviour(delay=Fixed(delay_s=delay_s), stall=stall), 0)
    np.testing.assert_allclose(latency_s, (nanoseconds(delay_s) + added_ns) / 1e9, rtol=0, atol=1e-9)


@given(st.permutations(range(12)), behaviours())
def test_requests_are_numbered_by_their_intended_times(order: list[int], behaviour: Behaviour) -> None:
    """A schedule that is out of order has the same latencies at the same times."""
    times = np.arange(12, dtype=np.int64) * 10_000_000
    shuffled = ideal_latency_s(times[order], behaviour, 0)
    assert shuffled.tolist() == ideal_latency_s(times, behaviour, 0)[order].tolist()


@given(st.integers(0, 200), behaviours())
def test_outcomes_and_delays_are_those_of_the_behaviour(count: int, behaviour: Behaviour) -> None:
    """One definition, two ways to ask."""
    assert outcomes(count, behaviour).tolist() == [outcome_of(behaviour, number) for number in range(count)]
    assert delays_ns(count, behaviour).tolist() == [delay_ns(behaviour, number) for number in range(count)]


def test_a_stall_of_a_tenth_of_the_time_shows_in_a_tenth_of_the_latencies() -> None:
    """The case of the certificate: 5 ms, and 200 ms of stall every 2 s."""
    behaviour = Behaviour(delay=Fixed(delay_s=0.005), stall=Stall(every_s=2.0, length_s=0.2))
    latency_s = ideal_latency_s(np.arange(0, 20_000_000_000, 500_000), behaviour, 0)
    assert np.percentile(latency_s, 50) == pytest.approx(0.005)
    # Those that arrive in the stall, and those whose answer would fall into its first moment.
    assert (latency_s > 0.005).mean() == pytest.approx(0.1 + 0.005 * 9 / 20, abs=0.001)
    assert latency_s.max() == pytest.approx(0.205)
