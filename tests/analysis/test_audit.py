"""Each check of the audit catches a lie that was planted for it, and lets an honest record pass."""

from __future__ import annotations

from typing import Any

import pytest

from bakeoff.analysis import audit
from bakeoff.model import ClosedLoad, EndpointCounts, GeneratorUse, OpenLoad, Outcomes, Record, ServerUse, Stage

CLOSED, OPEN = ClosedLoad(users=64), OpenLoad(rate_rps=100.0)


def record(**changes: Any) -> Record:
    """An honest record of a slice of one second."""
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


def test_every_request_must_have_a_outcome() -> None:
    """One request that was forgotten is told with its endpoint."""
    assert audit.accounting([record()]) == []
    lost = EndpointCounts(endpoint="/cake", offered=100, outcomes=Outcomes(right=99), completed=99)
    assert audit.accounting([record(endpoints=(lost,))]) == ["/cake: 100 requests offered but 99 accounted for"]


def test_a_request_counted_twice_is_caught_too() -> None:
    """Aborted at the deadline and still counted as served."""
    twice = EndpointCounts(endpoint="/", offered=5, outcomes=Outcomes(right=5, timed_out=1), completed=5)
    assert audit.accounting([record(endpoints=(twice,))])


def test_errors_above_one_percent_withhold_a_row() -> None:
    """With an example of what went wrong."""
    assert audit.errors(1000, 10, ["status 500"]) == []
    assert audit.errors(1000, 11, ["status 500"]) == ["11 of 1000 requests failed, such as: status 500"]


@pytest.mark.parametrize(("throughput_rps", "ok"), [(1280, True), (1160, True), (1100, False), (2560, False)])
def test_littles_law_must_hold(throughput_rps: float, ok: bool) -> None:
    """64 users with 50 ms each cannot make anything but 1,280 requests a second."""
    assert (audit.littles_law(CLOSED, throughput_rps, 0.05) == []) is ok


def test_think_time_is_part_of_littles_law() -> None:
    """64 users who rest 50 ms and wait 50 ms make 640 a second."""
    thinking = ClosedLoad(users=64, think_s=0.05)
    assert audit.littles_law(thinking, 640, 0.05) == []
    assert audit.littles_law(thinking, 1280, 0.05)


def test_a_slice_shorter_than_ten_latencies_is_caught() -> None:
    """It measures its own edges."""
    assert audit.outlasts_queue(7.0, 0.64) == []
    assert audit.outlasts_queue(3.0, 0.64)


@pytest.mark.parametrize(("offered", "ok"), [(1000, True), (1120, True), (1130, False), (860, False)])
def test_an_open_loop_must_offer_what_it_was_asked(offered: int, ok: bool) -> None:
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
    """Nine tenths of it, by the kind of loop."""
    assert audit.below_ceiling(CLOSED, 20_000, 30_000, 10_000) == []
    assert audit.below_ceiling(CLOSED, 28_000, 30_000, 10_000)
    assert audit.below_ceiling(OPEN, 9_500, 30_000, 10_000)
    assert audit.below_ceiling(OPEN, 9_500, 30_000, None) == []


def test_requests_sent_late_are_the_generators_fault() -> None:
    """Beyond 5 ms and a tenth of the latency; a closed loop has no time to be late for."""
    assert audit.sent_on_time(OPEN, 0.004, 0.010) == []
    assert audit.sent_on_time(OPEN, 0.006, 0.100) == []
    assert audit.sent_on_time(OPEN, 0.012, 0.100)
    assert audit.sent_on_time(CLOSED, 0.012, 0.100) == []


def test_idle_stacks_must_be_idle() -> None:
    """On average over the slices, at most a twentieth of a core."""
    restless = ServerUse(cpu_s=0.5, rss_bytes=1, processes=1, threads=1, others_cpu_s=0.2)
    assert audit.idle_means_idle([record()]) == []
    assert audit.idle_means_idle([record(server=restless)])


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
    """And says how many there were."""
    assert audit.enough_for(quantile, requests) == reason


def test_percentiles_must_rise() -> None:
    """A p99 loaded from the p95 column is caught."""
    assert audit.in_order([1.0, 2.0, 2.0, 3.0]) == []
    assert audit.in_order([1.0, 3.0, 2.0])
