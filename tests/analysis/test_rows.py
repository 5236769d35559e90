"""Records become rows: slices are added up by block, and blocks by row."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from bakeoff.analysis import rows_of
from bakeoff.model import ALL_ENDPOINTS, Failure
from tests.analysis.measured import Slices, measured, row
from tests.report import made_up


def test_the_endpoints_of_a_row_add_up_to_all_of_them() -> None:
    """Counts and histograms of the row of all endpoints are the sums of the others."""
    run = made_up.complete_run()
    rows = rows_of(run.manifest.experiment, run.blocks, run.intervals)
    whole, *endpoints = rows[:3]
    assert [row.endpoint for row in rows[:3]] == [ALL_ENDPOINTS, "/cake", "/frosting"]
    assert whole.total.completed == sum(row.total.completed for row in endpoints)
    assert whole.total.offered == sum(row.total.offered for row in endpoints)
    assert whole.total.latency.total == sum(row.total.latency.total for row in endpoints)


def test_the_blocks_of_a_row_add_up_to_its_total() -> None:
    """Windows too: each block of the made-up run has two slices of 2.4 s."""
    run = made_up.complete_run()
    whole = rows_of(run.manifest.experiment, run.blocks, run.intervals)[0]
    assert whole.total.window_s == pytest.approx(2.4 * 2 * made_up.BLOCKS)
    assert whole.total.completed == sum(totals.completed for totals in whole.blocks.values())
    assert sorted(whole.blocks) == [block.number for block in run.blocks]


def test_every_stack_has_a_row_under_every_condition_even_without_records() -> None:
    """A stack that never answered is in the results, with the reason."""
    experiment, blocks, intervals = measured(a=Slices(), b=Slices())
    rows = rows_of(
        experiment, [msgspec.structs.replace(block, records=block.records[:1]) for block in blocks], intervals
    )
    assert [(row.stack.name, row.endpoint) for row in rows] == [("a", "*"), ("a", "/"), ("b", "*")]
    assert rows[-1].blocks == {}


def test_a_slice_that_failed_is_not_added_up() -> None:
    """Its record is kept for the reason."""
    failed = row(replace(Slices(), failure=Failure(stage="load", message="no answer")))
    assert failed.blocks == {}
    assert len(failed.records) == 3
    assert failed.total.window_s == 0


def test_cpu_time_that_is_unknown_is_not_zero() -> None:
    """Nobody could read it of a stack that runs elsewhere."""
    totals = next(iter(row(Slices()).blocks.values()))
    assert totals.cpu_s_per_request == pytest.approx(0.001)
    assert replace(totals, cpu_s=0.0).cpu_s_per_request is None
    assert replace(totals, completed_everywhere=0).cpu_s_per_request is None
