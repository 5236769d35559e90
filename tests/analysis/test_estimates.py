"""A percentile is that of all requests, and its interval covers the truth as often as it says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from bakeoff.analysis.estimates import result_of
from bakeoff.analysis.rows import Row, Totals
from bakeoff.model import ClosedLoad, Condition, Estimate, Histogram, Latencies
from tests.builders import stack


def p99(blocks: Sequence[NDArray[np.float64]]) -> Estimate:
    """The published p99, in milliseconds, of blocks of latencies in seconds."""
    totals = {number: _totals(latencies_s) for number, latencies_s in enumerate(blocks)}
    row = Row(stack("a"), Condition("front", ClosedLoad(users=8)), "/", totals, [])
    estimate = result_of(row, (), cores=1).latency_ms.p99
    assert estimate is not None
    return estimate


def _totals(latencies_s: NDArray[np.float64]) -> Totals:
    count = len(latencies_s)
    return Totals(
        window_s=1.0,
        completed=count,
        offered=count,
        errors=0,
        cpu_s=0.1,
        completed_everywhere=count,
        latency=Latencies(right=Histogram.of((latencies_s * 1e9).astype(np.int64)), errors=Histogram.of([])),
        lag=Histogram.of([]),
    )


def test_a_stall_in_one_block_of_seven_shows_in_the_percentile_of_all_requests() -> None:
    """20 of 1,050 requests waited for a second: 1.9 %, so p99 is a second."""
    quiet, stalled = np.full(150, 0.01), np.concatenate([np.full(130, 0.01), np.full(20, 1.0)])
    estimate = p99([quiet] * 6 + [stalled])
    assert estimate.point == pytest.approx(1000, rel=0.01)
    assert estimate.low is not None
    assert estimate.low < 500


def test_the_interval_holds_the_percentile_of_all_requests() -> None:
    """Low <= point <= high, and n counts blocks."""
    rng = np.random.default_rng(1)
    blocks = [rng.lognormal(-4, 0.4, 300) for _ in range(7)]
    estimate = p99(blocks)
    assert estimate.point == pytest.approx(1e3 * np.quantile(np.concatenate(blocks), 0.99), rel=0.01)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < estimate.point < estimate.high
    assert estimate.n == 7


def test_intervals_of_p99_cover_the_truth_as_often_as_they_say() -> None:
    """300 runs of seven blocks that differ by 10 %; the truth is the p99 of a much longer run."""
    rng = np.random.default_rng(2)

    def blocks(number: int) -> list[NDArray[np.float64]]:
        return [rng.lognormal(-4, 0.4, 200) * rng.lognormal(0, 0.1) for _ in range(number)]

    truth_ms = 1e3 * np.quantile(np.concatenate(blocks(5000)), 0.99)
    estimates = [p99(blocks(7)) for _ in range(300)]
    covered = np.mean([(one.low or 0) <= truth_ms <= (one.high or 0) for one in estimates])
    assert covered >= 0.93


def test_a_single_block_has_a_percentile_without_an_interval() -> None:
    """One start says nothing of the spread between starts."""
    estimate = p99([np.full(1000, 0.01)])
    assert (estimate.low, estimate.high, estimate.n) == (None, None, 1)
