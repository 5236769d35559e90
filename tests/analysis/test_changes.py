"""One run against another: what is compared, against which reference, and when a change gets a verdict."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from bakeoff.analysis.changes import changes_between, judge
from bakeoff.model import ClosedLoad, Estimate, Histogram, Record, Run, highest_value_of
from tests.report import made_up


def slowed(run: Run, stack: str, factor: float) -> Run:
    """The same run with one stack's latencies multiplied and its throughput divided by a factor."""
    slices = {(r.block, r.position) for block in run.blocks for r in block.records if r.stack == stack}
    blocks = tuple(
        msgspec.structs.replace(
            block, records=tuple(_slowed(r, factor) if r.stack == stack else r for r in block.records)
        )
        for block in run.blocks
    )
    intervals = tuple(
        msgspec.structs.replace(interval, histogram=_stretched(interval.histogram, factor))
        if (interval.block, interval.position) in slices
        else interval
        for interval in run.intervals
    )
    return replace(run, blocks=blocks, intervals=intervals)


def _slowed(record: Record, factor: float) -> Record:
    endpoint_counts = [
        msgspec.structs.replace(item, completed=int(item.completed / factor)) for item in record.endpoints
    ]
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


def test_a_stack_that_halved_its_speed_is_slower_and_the_others_stay_the_same() -> None:
    """On throughput in a closed loop, with a ratio near the true one."""
    run = made_up.complete_run()
    changes = {
        change.stack: change
        for change in changes_between(jittered(run, 1), jittered(slowed(run, "fastapi-uvicorn", 2.0), 2))
        if change.metric == "throughput" and isinstance(change.load, ClosedLoad)
    }
    slower = changes.pop("fastapi-uvicorn")
    assert slower.verdict == "slower"
    assert slower.ratio.point == pytest.approx(0.5, rel=0.03)
    assert {change.verdict for change in changes.values()} == {"same", None}


def test_a_row_that_one_run_withholds_is_not_compared() -> None:
    """Nor is a stack that only one of them has."""
    first = made_up.complete_run()
    other = made_up.with_failed(first, "fastapi-uvicorn")
    compared = {change.stack for change in changes_between(first, other)}
    assert compared == {stack.name for stack in made_up.STACKS} - {"fastapi-uvicorn"}


def test_what_slows_every_stack_alike_shows_in_the_plain_ratio_only() -> None:
    """It halves; relative to the baseline, nothing changed."""
    run = made_up.complete_run()
    slow = run
    for stack in made_up.STACKS:
        slow = slowed(slow, stack.name, 2.0)
    judged = [
        change
        for change in changes_between(jittered(run, 1), jittered(slow, 2))
        if change.metric == "throughput" and change.verdict
    ]
    assert len(judged) == 6
    assert all(change.plain.point == pytest.approx(0.5, rel=0.05) for change in judged)
    assert {change.verdict for change in judged} <= {"same", "inconclusive"}


def test_the_reference_itself_has_no_verdict() -> None:
    """The others are compared with it, and it with nothing."""
    run = jittered(made_up.complete_run(), 1)
    changes = changes_between(run, run)
    assert {change.stack for change in changes if change.verdict is None} == {"flask-gunicorn-sync"}
    assert {change.reference for change in changes} == {"flask-gunicorn-sync"}


def test_without_the_baseline_the_plain_ratio_is_judged() -> None:
    """And the change names no reference."""
    run = made_up.with_failed(jittered(made_up.complete_run(), 1), "flask-gunicorn-sync")
    changes = changes_between(run, run)
    assert changes
    assert all(change.reference is None and change.verdict and change.ratio == change.plain for change in changes)


@pytest.mark.parametrize(
    ("point", "low", "high", "p_value", "verdict"),
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
    point: float, low: float | None, high: float | None, p_value: float, verdict: str
) -> None:
    """Either alone is inconclusive; within the margin it is the same."""
    ratio = Estimate(point=point, low=low, high=high, level=0.95, n=7)
    assert judge(made_up.experiment(), "throughput", ratio, p_value) == verdict
