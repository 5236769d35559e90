"""One run against another: intervals that cover, tests that keep their level, verdicts that both must carry."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.changes import changes, permutation_p, welch_ratio
from bakeoff.histogram import Histogram
from bakeoff.model import ClosedLoad
from bakeoff.run import Run
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
    keys = {(r.block, r.position) for block in run.blocks for r in block.records if r.stack == stack}
    slow = tuple(
        msgspec.structs.replace(
            one, histogram=Histogram.of(np.repeat(_values(one.histogram) * factor, one.histogram.counts))
        )
        if (one.block, one.position) in keys
        else one
        for one in run.intervals
    )
    blocks = tuple(
        msgspec.structs.replace(
            block,
            records=tuple(
                msgspec.structs.replace(
                    record,
                    tallies=tuple(
                        msgspec.structs.replace(tally, completed=int(tally.completed / factor))
                        for tally in record.tallies
                    ),
                )
                if record.stack == stack
                else record
                for record in block.records
            ),
        )
        for block in run.blocks
    )
    return replace(run, intervals=slow, blocks=blocks)


def _values(histogram: Histogram) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    from bakeoff.histogram import highest_value_of

    return highest_value_of(histogram.buckets)


def jittered(run: Run, seed: int) -> Run:
    """The same run with blocks that differ a little in throughput, as real ones do."""
    rng = np.random.default_rng(seed)
    blocks = tuple(
        msgspec.structs.replace(
            block,
            records=tuple(
                msgspec.structs.replace(record, window_s=record.window_s * float(np.exp(rng.normal(0, 0.01))))
                for record in block.records
            ),
        )
        for block in run.blocks
    )
    return replace(run, blocks=blocks)


def test_a_stack_that_halved_its_speed_is_found_and_the_others_stay_the_same() -> None:
    """On throughput in a closed loop, with the ratio that was put in."""
    run = made_up.complete_run()
    found = changes(jittered(run, 1), jittered(slowed(run, "fastapi-uvicorn", 2.0), 2))
    told = {one.stack: one for one in found if one.metric == "throughput" and isinstance(one.load, ClosedLoad)}
    assert told["fastapi-uvicorn"].verdict == "slower"
    assert told["fastapi-uvicorn"].ratio.point == pytest.approx(0.5, rel=0.03)
    assert {one.verdict for name, one in told.items() if name != "fastapi-uvicorn"} == {"same"}


def test_a_row_that_one_run_withholds_is_not_compared() -> None:
    """Nor is a stack that only one of them has."""
    first = made_up.complete_run()
    other = made_up.with_failed(first, "fastapi-uvicorn")
    assert "fastapi-uvicorn" not in {one.stack for one in changes(first, other)}
    assert {one.stack for one in changes(first, other)} == {s.name for s in made_up.STACKS} - {"fastapi-uvicorn"}
