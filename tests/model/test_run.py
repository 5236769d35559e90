"""A run's parts are found by name, in the order of the experiment."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from bakeoff.model import Condition, Run
from tests.report.made_up import LOADS, RATE, STACKS, USERS

CLOSED = Condition("bakery", USERS)


def test_conditions_are_those_that_were_asked_for_then_those_that_were_measured(run: Run, swept: Run) -> None:
    """Each once."""
    assert run.conditions == tuple(Condition("bakery", load) for load in LOADS)
    unasked = replace(swept, manifest=run.manifest)
    assert [condition.load for condition in unasked.conditions[:2]] == list(LOADS)
    assert len(unasked.conditions) == 3


def test_a_condition_is_titled_by_its_load_and_by_its_scenario_where_there_are_several(run: Run) -> None:
    """One scenario needs no name."""
    assert run.title(CLOSED) == "64 users"
    row = msgspec.structs.replace(run.summary.results[0], scenario="cafe")
    both = replace(run, summary=msgspec.structs.replace(run.summary, results=(*run.summary.results, row)))
    assert both.title(CLOSED) == "bakery, 64 users"


def test_records_come_in_the_order_of_measurement(run: Run) -> None:
    """However the blocks are stored."""
    shuffled = replace(run, blocks=run.blocks[::-1])
    assert shuffled.records == run.records
    places = [(record.block, record.position) for record in run.records]
    assert places == sorted(places)


def test_records_of_a_stack_are_those_under_one_condition(run: Run) -> None:
    """All of them together are all records."""
    parts = [run.records_of(condition, stack.name) for condition in run.conditions for stack in STACKS]
    assert sum(map(len, parts)) == len(run.records)
    assert {(record.stack, record.load) for record in run.records_of(CLOSED, "fastapi-uvicorn")} == {
        ("fastapi-uvicorn", USERS)
    }


def test_only_comparisons_of_valid_rows_are_handed_out(run: Run, failed_stack: Run) -> None:
    """In the order of the stacks; without a valid baseline there is none."""
    candidates = [comparison.candidate for comparison in run.comparisons(CLOSED, "throughput")]
    assert candidates == [stack.name for stack in STACKS[1:]]
    both = replace(
        failed_stack, summary=msgspec.structs.replace(failed_stack.summary, comparisons=run.summary.comparisons)
    )
    assert "fastapi-uvicorn" not in {comparison.candidate for comparison in both.comparisons(CLOSED, "throughput")}
    rows = tuple(msgspec.structs.replace(row, valid=row.stack != STACKS[0].name) for row in run.summary.results)
    no_baseline = replace(run, summary=msgspec.structs.replace(run.summary, results=rows))
    assert no_baseline.comparisons(CLOSED, "throughput") == ()


def test_only_blocks_with_a_slice_that_worked_count_as_measured(run: Run, failed_stack: Run, empty: Run) -> None:
    """One stack that failed in every block leaves the others'."""
    assert (run.measured_blocks, failed_stack.measured_blocks, empty.measured_blocks) == (7, 7, 0)


def test_throughput_tells_stacks_apart_in_a_closed_loop_and_latency_in_an_open_one() -> None:
    """An open loop serves what is sent, as long as it keeps up."""
    assert CLOSED.main_metric == "throughput"
    assert Condition("bakery", RATE).main_metric == "latency_p50"
