"""One run against another: intervals that cover, tests that keep their level, verdicts that both must carry."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.analysis.changes import changes_between, judge
from bakeoff.analysis.stats import permutation_p, welch_ratio
from bakeoff.model import ClosedLoad, Estimate, Histogram, Record, Run, highest_value_of
from tests.report import made_up

logs = st.lists(st.floats(-3, 3), min_size=2, max_size=8)


@given(logs, logs)
def test_swapping_the_runs_inverts_the_ratio(one: list[float], other: list[float]) -> None:
    """B over A says the reverse of A over B."""
    there, back = welch_ratio(one, other), welch_ratio(other, one)
    assert back.point == pytest.approx(1 / there.point)
    assert (there.low is None) == (back.high is None)
    if there.low is not None and back.high is not None:
        assert back.high == pytest.approx(1 / there.low, rel=1e-6)


def test_a_single_block_gives_neither_interval_nor_p() -> None:
    """It knows nothing of the spread between blocks."""
    assert welch_ratio([1.0], [2.0, 2.1]).low is None
    assert permutation_p([1.0], [2.0, 2.1], np.random.default_rng(1)) == 1


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Of 2,000 intervals over blocks of unequal spread, about 95 % hold the true ratio."""
    rng = np.random.default_rng(1)
    pairs = zip(rng.normal(0, 0.05, (2000, 7)), rng.normal(0.2, 0.15, (2000, 7)), strict=True)
    found = [welch_ratio(*pair) for pair in pairs]
    covered = np.mean([(one.low or 0) <= np.exp(0.2) <= (one.high or 0) for one in found])
    assert 0.94 < covered < 0.965


def test_runs_of_one_kind_are_called_different_no_more_often_than_alpha() -> None:
    """200 pairs of five blocks each: the share of p up to 5 % is within three standard errors of it, or below."""
    rng = np.random.default_rng(2)
    pairs = rng.normal(0, 0.1, (200, 2, 5))
    found = [permutation_p(first, other, np.random.default_rng(1)) for first, other in pairs]
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_runs_that_do_not_overlap_reach_the_least_p() -> None:
    """Two of the 252 ways to deal ten blocks into two fives are as extreme."""
    p_value = permutation_p([1.0, 1.1, 1.2, 1.3, 1.4], [2.0, 2.1, 2.2, 2.3, 2.4], np.random.default_rng(1))
    assert p_value == pytest.approx(2 / 252)


def slowed(run: Run, stack: str, factor: float) -> Run:
    """The same run, in which one stack answers so many times more slowly, and serves so much less."""
    slices = {(r.block, r.position) for block in run.blocks for r in block.records if r.stack == stack}
    blocks = tuple(
        msgspec.structs.replace(
            block, records=tuple(_slowed(r, factor) if r.stack == stack else r for r in block.records)
        )
        for block in run.blocks
    )
    intervals = tuple(
        msgspec.structs.replace(one, histogram=_stretched(one.histogram, factor))
        if (one.block, one.position) in slices
        else one
        for one in run.intervals
    )
    return replace(run, blocks=blocks, intervals=intervals)


def _slowed(record: Record, factor: float) -> Record:
    endpoint_counts = [msgspec.structs.replace(one, completed=int(one.completed / factor)) for one in record.endpoints]
    return msgspec.structs.replace(record, endpoints=tuple(endpoint_counts))


def _stretched(histogram: Histogram, factor: float) -> Histogram:
    return Histogram.of(np.repeat(highest_value_of(histogram.buckets) * factor, histogram.counts))


def jittered(run: Run, seed: int) -> Run:
    """The same run with blocks that differ a little in throughput and CPU time, as real ones do."""
    rng = np.random.default_rng(seed)
    blocks = tuple(
        msgspec.structs.replace(block, records=tuple(_jittered(record, rng) for record in block.records))
        for block in run.blocks
    )
    return replace(run, blocks=blocks)


def _jittered(record: Record, rng: np.random.Generator) -> Record:
    window, cpu = np.exp(rng.normal(0, 0.01, 2)).tolist()
    server = record.server and msgspec.structs.replace(record.server, cpu_s=record.server.cpu_s * cpu)
    return msgspec.structs.replace(record, window_s=record.window_s * window, server=server)


def test_a_stack_that_halved_its_speed_is_found_and_the_others_stay_the_same() -> None:
    """On throughput in a closed loop, with the ratio that was put in."""
    run = made_up.complete_run()
    found = changes_between(jittered(run, 1), jittered(slowed(run, "fastapi-uvicorn", 2.0), 2))
    told = {one.stack: one for one in found if one.metric == "throughput" and isinstance(one.load, ClosedLoad)}
    assert told["fastapi-uvicorn"].verdict == "slower"
    assert told["fastapi-uvicorn"].ratio.point == pytest.approx(0.5, rel=0.03)
    assert {one.verdict for name, one in told.items() if name != "fastapi-uvicorn"} == {"same", None}


def test_a_row_that_one_run_withholds_is_not_compared() -> None:
    """Nor is a stack that only one of them has."""
    first = made_up.complete_run()
    other = made_up.with_failed(first, "fastapi-uvicorn")
    assert "fastapi-uvicorn" not in {one.stack for one in changes_between(first, other)}
    assert {one.stack for one in changes_between(first, other)} == {s.name for s in made_up.STACKS} - {
        "fastapi-uvicorn"
    }


def test_what_slows_every_stack_alike_is_told_but_not_blamed_on_any() -> None:
    """The plain ratio halves; held against the baseline, nothing changed."""
    run = made_up.complete_run()
    slow = run
    for stack in made_up.STACKS:
        slow = slowed(slow, stack.name, 2.0)
    found = [
        one
        for one in changes_between(jittered(run, 1), jittered(slow, 2))
        if one.metric == "throughput" and one.verdict
    ]
    assert len(found) == 6
    assert all(one.plain.point == pytest.approx(0.5, rel=0.05) for one in found)
    assert {one.verdict for one in found} <= {"same", "inconclusive"}


def test_the_reference_itself_has_no_verdict() -> None:
    """It is what the others are held against; there is nothing to hold it against."""
    run = jittered(made_up.complete_run(), 1)
    found = changes_between(run, run)
    assert {one.stack for one in found if one.verdict is None} == {"flask-gunicorn-sync"}
    assert {one.reference for one in found} == {"flask-gunicorn-sync"}


def test_without_the_baseline_the_plain_ratio_is_judged() -> None:
    """And the change says that nothing was there to hold it against."""
    run = made_up.with_failed(jittered(made_up.complete_run(), 1), "flask-gunicorn-sync")
    found = changes_between(run, run)
    assert found
    assert all(one.reference is None and one.verdict and one.ratio == one.plain for one in found)


@pytest.mark.parametrize(
    ("point", "low", "high", "p_value", "told"),
    [
        (1.3, 1.1, 1.5, 0.01, "faster"),
        (0.7, 0.6, 0.8, 0.01, "slower"),
        (1.3, 1.1, 1.5, 0.20, "inconclusive"),
        (1.3, 0.9, 1.9, 0.01, "inconclusive"),
        (1.01, 0.98, 1.03, 0.01, "same"),
        (1.3, None, None, 0.01, "inconclusive"),
    ],
)
def test_a_difference_needs_both_its_p_and_its_interval(
    point: float, low: float | None, high: float | None, p_value: float, told: str
) -> None:
    """Either alone leaves it open; within the margin it is none."""
    ratio = Estimate(point=point, low=low, high=high, level=0.95, n=7)
    assert judge(made_up.experiment(), "throughput", ratio, p_value) == told
