"""Each check of the audit finds the fault that it is for, and accepts a record without faults."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bakeoff.analysis import audit
from bakeoff.model import (
    Certificate,
    ClosedLoad,
    EndpointCounts,
    Failure,
    GeneratorUse,
    Load,
    OpenLoad,
    Outcomes,
    Record,
    ServerUse,
    Stage,
)
from tests.analysis.measured import Slices, row

CLOSED, OPEN = ClosedLoad(users=64), OpenLoad(rate_rps=100.0)


def record(**changes: Any) -> Record:
    """A record without faults, of a slice of one second."""
    fields: dict[str, Any] = {
        "block": 0,
        "position": 0,
        "stack": "a",
        "scenario": "front",
        "load": CLOSED,
        "started_unix_s": 0.0,
        "window_s": 1.0,
        "warmup_s": 0.1,
        "endpoints": (
            EndpointCounts(endpoint="/", offered=100, outcomes=Outcomes(right=99, timed_out=1), completed=99),
        ),
        "server": ServerUse(cpu_s=0.5, rss_bytes=1, processes=1, threads=1, others_cpu_s=0.001),
        "generator": GeneratorUse(cpu_s=0.2, window_s=1.0, connections_opened=1, requests_sent=100),
    }
    return Record(**{**fields, **changes})


def test_every_request_must_have_one_outcome() -> None:
    """The endpoint of the missing request is named."""
    assert audit.accounting([record()]) == []
    lost = EndpointCounts(endpoint="/cake", offered=100, outcomes=Outcomes(right=99), completed=99)
    assert audit.accounting([record(endpoints=(lost,))]) == ["/cake: 100 requests offered but 99 accounted for"]


def test_a_request_counted_twice_is_caught_too() -> None:
    """For instance as timed out and also as answered."""
    twice = EndpointCounts(endpoint="/", offered=5, outcomes=Outcomes(right=5, timed_out=1), completed=5)
    assert audit.accounting([record(endpoints=(twice,))])


def test_errors_above_one_percent_withhold_a_row() -> None:
    """With an example of what went wrong."""
    assert audit.errors(1000, 10, ["status 500"]) == []
    assert audit.errors(1000, 11, ["status 500"]) == ["11 of 1000 requests failed, such as: status 500"]


@pytest.mark.parametrize(("throughput_rps", "ok"), [(1280, True), (1250, True), (1160, False), (2560, False)])
def test_littles_law_must_hold(throughput_rps: float, ok: bool) -> None:
    """64 users with 50 ms each cannot make anything but 1,280 requests a second; 58 of them make 1,160."""
    assert (audit.littles_law(CLOSED, throughput_rps, 0.05) == []) is ok


@pytest.mark.parametrize(
    ("mean_latency_s", "unloaded_s", "ok"),
    [(0.10, 0.10, True), (0.05, 0.10, True), (0.04, 0.10, False), (0.001, 0.005, True), (0.001, None, True)],
)
def test_load_makes_no_answer_faster(mean_latency_s: float, unloaded_s: float | None, ok: bool) -> None:
    """Less than half of the time without load is work left out; within 5 ms it may be noise."""
    for load in (CLOSED, OPEN):
        assert (audit.no_faster_than_unloaded(load, mean_latency_s, unloaded_s) == []) is ok


def test_an_endpoint_is_held_against_its_own_latency_without_load() -> None:
    """Its row is withheld when it alone leaves out work."""
    slow = Slices(latency_s=0.03, unloaded_s=0.1, throughput_rps=10 / 0.03)
    for endpoint in ("/", "*"):
        (reason, *_) = audit.reasons_to_withhold(row(slow, endpoint), row(slow), Certificate())
        assert reason.startswith(
            "an answer takes 100.0 ms without load, with which 10 users make at most 100 requests/s"
        )


def test_think_time_is_part_of_littles_law() -> None:
    """64 users who rest 50 ms and wait 50 ms make 640 a second."""
    thinking = ClosedLoad(users=64, think_s=0.05)
    assert audit.littles_law(thinking, 640, 0.05) == []
    assert audit.littles_law(thinking, 1280, 0.05)


@given(
    load=st.builds(ClosedLoad, users=st.integers(1, 4096), think_s=st.sampled_from([0.0, 0.01, 1.0])),
    latency_s=st.floats(1e-3, 10.0),
    running_share=st.floats(0.0, 2.0),
)
def test_littles_law_holds_for_the_stated_users_and_not_for_a_tenth_more_or_less(
    load: ClosedLoad, latency_s: float, running_share: float
) -> None:
    """Whatever the think time, if users rest as long as they should."""
    throughput_rps = running_share * load.users / (latency_s + load.think_s)
    problems = audit.littles_law(load, throughput_rps, latency_s)
    if abs(running_share - 1) < 0.029:
        assert problems == []
    if abs(running_share - 1) > 0.1 and (not load.think_s or load.think_s + latency_s > 0.03):
        assert problems


def test_users_that_the_generator_is_serving_are_not_missed() -> None:
    """One user at a server that answers in 75 us, by a generator that is busy for 0.2 or for 0.01 of the time."""
    assert audit.littles_law(ClosedLoad(users=1), 10_800, 75e-6, 0.2) == []
    assert audit.littles_law(ClosedLoad(users=1), 10_800, 75e-6, 0.01)


def test_users_that_have_ended_are_missed() -> None:
    """In a single slice, and with the first error; records of earlier versions do not tell."""
    use = GeneratorUse(cpu_s=0.2, window_s=1.0, connections_opened=1, requests_sent=100, users=64)
    ended = replace(use, users=63, user_error="KeyError: 'login', raised in on_start (shop.py, line 9)")
    assert audit.all_users_ran([record(), record(generator=use), record(load=OPEN)]) == []
    assert audit.all_users_ran([record(generator=use), record(generator=ended)]) == [
        "only 63 of 64 users were running at the end of a slice; the first error in a user's code: "
        "KeyError: 'login', raised in on_start (shop.py, line 9)"
    ]


def test_a_slice_shorter_than_ten_latencies_is_caught() -> None:
    """The two ends of its window weigh too much."""
    assert audit.outlasts_queue(7.0, 0.64) == []
    assert audit.outlasts_queue(3.0, 0.64)


@pytest.mark.parametrize(("offered", "ok"), [(1000, True), (1120, True), (1130, False), (860, False)])
def test_an_open_loop_must_offer_the_rate_it_was_asked_for(offered: int, ok: bool) -> None:
    """Within four standard errors of a Poisson count: 1,000 give or take 126."""
    assert (audit.carried(OPEN, offered, 10.0) == []) is ok


@pytest.mark.parametrize(("offered", "ok"), [(1050, True), (2000, False)])
def test_a_ramp_must_offer_its_mean_rate(offered: int, ok: bool) -> None:
    """From 10 to 200 requests a second, 1,050 in ten seconds."""
    ramp = OpenLoad(rate_rps=200.0, stages=(Stage(for_s=10, rate_rps=10, to_rps=200),))
    assert (audit.carried(ramp, offered, 10.0) == []) is ok


def test_a_busy_generator_is_caught_even_in_a_single_slice() -> None:
    """The worst slice decides."""
    busy = record(generator=GeneratorUse(cpu_s=0.95, window_s=1.0, connections_opened=1, requests_sent=100))
    assert audit.generator_kept_up([record()] * 9) == []
    assert audit.generator_kept_up([*[record()] * 9, busy])


def test_a_throughput_at_the_generators_ceiling_is_the_generators() -> None:
    """From nine tenths of it on; each kind of loop has its own."""
    assert audit.below_ceiling(CLOSED, 20_000, 30_000, 10_000) == []
    assert audit.below_ceiling(CLOSED, 28_000, 30_000, 10_000)
    assert audit.below_ceiling(OPEN, 9_500, 30_000, 10_000)
    assert audit.below_ceiling(OPEN, 9_500, 30_000, None) == []


def test_requests_sent_late_are_found() -> None:
    """Beyond 5 ms and a tenth of the latency. A closed loop has no intended times."""
    assert audit.sent_on_time(OPEN, 0.004, 0.010) == []
    assert audit.sent_on_time(OPEN, 0.006, 0.100) == []
    assert audit.sent_on_time(OPEN, 0.012, 0.100)
    assert audit.sent_on_time(CLOSED, 0.012, 0.100) == []


def test_idle_stacks_must_be_idle() -> None:
    """On average over the slices, at most a twentieth of a core."""
    busy = ServerUse(cpu_s=0.5, rss_bytes=1, processes=1, threads=1, others_cpu_s=0.2)
    assert audit.idle_means_idle([record()]) == []
    assert audit.idle_means_idle([record(server=busy)])


@pytest.mark.parametrize(
    ("quantile", "requests", "reason"),
    [
        (0.5, 20, None),
        (0.99, 1000, None),
        (0.99, 999, "p99 needs 1,000 requests, there were 999"),
        (0.999, 5000, "p99.9 needs 10,000 requests, there were 5,000"),
    ],
)
def test_a_percentile_needs_ten_requests_beyond_it(quantile: float, requests: int, reason: str | None) -> None:
    """The reason says how many there were."""
    assert audit.enough_for(quantile, requests) == reason


def test_percentiles_must_rise() -> None:
    """Equal ones are allowed."""
    assert audit.in_order([1.0, 2.0, 2.0, 3.0]) == []
    assert audit.in_order([1.0, 3.0, 2.0])


FAULTS = {
    "failed": (Slices(failure=Failure(stage="start", message="exited with code 3")), "start: exited with code 3"),
    "silent": (Slices(throughput_rps=0.0, errors=9), "no right answers: status 500"),
    "errors": (Slices(errors=50), "150 of 6150 requests failed"),
    "lost requests": (Slices(lost=1), "2001 requests offered but 2000 accounted for"),
    "Little's law": (Slices(latency_s=0.06), "Little's law: 10 users"),
    "ended users": (Slices(users=9), "only 9 of 10 users were running"),
    "short slices": (Slices(window_s=0.4), "shorter than 10 mean latencies"),
    "another rate": (Slices(load=OPEN, throughput_rps=80.0), "asked for 100 arrivals a second, offered 80.0"),
    "sent late": (Slices(load=OPEN, throughput_rps=100.0, lag_s=0.02), "requests were sent late (p99 20.0 ms)"),
    "work left out": (Slices(unloaded_s=0.2), "it took 50.0 ms under load, so work was left out"),
    "ceiling": (
        Slices(throughput_rps=950.0, latency_s=10 / 950, unloaded_s=0.01),
        "is the generator's own ceiling (1,000/s)",
    ),
    "busy generator": (Slices(generator_busy=0.9), "the load generator was busy for 90%"),
    "busy idle stacks": (Slices(idle_cpu_s=2.0), "the idle stacks used 20% of a core"),
}
CERTIFICATE = Certificate(closed_ceiling_rps=1000.0, open_ceiling_rps=1000.0)


@pytest.mark.parametrize("load", [ClosedLoad(users=10), OpenLoad(rate_rps=200.0)])
def test_a_row_without_faults_is_published(load: Load) -> None:
    """No reason to withhold it, at all endpoints together and at each."""
    for endpoint in ("*", "/"):
        assert audit.reasons_to_withhold(row(Slices(load=load), endpoint), row(Slices(load=load)), CERTIFICATE) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_row_with_a_fault_is_withheld_with_the_reason(fault: str) -> None:
    """Each fault is found, and found alone."""
    slices, expected = FAULTS[fault]
    (reason, *others) = dict.fromkeys(audit.reasons_to_withhold(row(slices), row(slices), CERTIFICATE))
    assert expected in reason
    assert others == []


def test_a_generator_that_failed_its_examination_is_a_reason() -> None:
    """Whatever it measured."""
    failed = Certificate(failed=True, reasons=("p99 is 9, should be 5",))
    assert audit.reasons_to_withhold(row(Slices()), row(Slices()), failed) == [
        "the load generator failed its examination: p99 is 9, should be 5"
    ]


def test_every_check_has_a_fault_that_only_it_finds() -> None:
    """So that none can be lost from the list of checks unnoticed; percentiles and certificate have tests above."""
    assert len(FAULTS) == 2 + len(audit.CHECKS) - 2 + len(audit.CHECKS_OF_ALL_ENDPOINTS)
