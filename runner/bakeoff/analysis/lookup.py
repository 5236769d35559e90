"""Finding things in a run: its cases, stacks, rows, comparisons and failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bakeoff.model import (
    ALL_ENDPOINTS,
    ClosedLoad,
    Comparison,
    Condition,
    Failure,
    Interface,
    Load,
    Metric,
    Record,
    Result,
    Run,
    Stack,
    Timeline,
    label,
)


class Trouble(NamedTuple):
    """The same failure of one stack, and the blocks in which it happened."""

    stack: str
    failure: Failure
    blocks: tuple[int, ...]


def load_title(load: Load) -> str:
    """A load in words that tell any two loads apart: ``64 users``, ``50/s, evenly spaced``."""
    if isinstance(load, ClosedLoad):
        return label(load) + (f", {load.think_s:g} s apart" if load.think_s else "")
    return label(load) + (", evenly spaced" if load.arrivals == "constant" else "")


def load_words(load: Load) -> str:
    """A load inside a sentence or as a heading: ``64 users``, ``50 requests a second``."""
    if isinstance(load, ClosedLoad):
        return load_title(load)
    return f"{load.rate_rps:g} requests a second" + (", evenly spaced" if load.arrivals == "constant" else "")


def cases(run: Run) -> tuple[Condition, ...]:
    """Every case, as asked for and in that order, then any that was measured beyond that."""
    asked = [
        Condition(s.name, load) for s in run.manifest.experiment.scenarios for load in run.manifest.experiment.loads
    ]
    return tuple(dict.fromkeys(asked + [Condition(row.scenario, row.load) for row in run.summary.results]))


def case_title(run: Run, case: Condition) -> str:
    """The load alone where there is one scenario, both where there are more."""
    one = len({each.scenario for each in cases(run)}) == 1
    return load_words(case.load) if one else f"{case.scenario}, {load_words(case.load)}"


def stack_names(run: Run) -> tuple[str, ...]:
    """Every stack, in the order of the experiment."""
    asked = [stack.name for stack in run.manifest.experiment.stacks]
    return tuple(dict.fromkeys(asked + [row.stack for row in run.summary.results]))


def stack_named(run: Run, name: str) -> Stack | None:
    """The definition of a stack."""
    return next((stack for stack in run.manifest.experiment.stacks if stack.name == name), None)


def interface_of(run: Run, name: str) -> Interface | None:
    """The interface that a stack was declared with."""
    stack = stack_named(run, name)
    if stack is not None:
        return stack.interface
    return next((row.interface for row in run.summary.results if row.stack == name), None)


def endpoints(run: Run, case: Condition) -> tuple[str, ...]:
    """The endpoints of a case, without the one that takes all together."""
    names = (row.endpoint for row in run.summary.results if Condition(row.scenario, row.load) == case)
    return tuple(name for name in dict.fromkeys(names) if name != ALL_ENDPOINTS)


def result_of(run: Run, case: Condition, stack: str, endpoint: str = ALL_ENDPOINTS) -> Result | None:
    """One row of the results."""
    wanted = (case.scenario, case.load, stack, endpoint)
    rows = run.summary.results
    return next((row for row in rows if (row.scenario, row.load, row.stack, row.endpoint) == wanted), None)


def is_valid(run: Run, case: Condition, stack: str) -> bool:
    """Whether a stack's row for all endpoints together may be quoted."""
    row = result_of(run, case, stack)
    return row is not None and row.valid


def comparisons(run: Run, case: Condition, metric: Metric, endpoint: str = ALL_ENDPOINTS) -> tuple[Comparison, ...]:
    """Every candidate against the baseline on one metric, both of them valid, in the order of the stacks."""
    found = {
        each.candidate: each
        for each in run.summary.comparisons
        if (each.scenario, each.load, each.metric, each.endpoint) == (case.scenario, case.load, metric, endpoint)
        and is_valid(run, case, each.candidate)
        and is_valid(run, case, each.baseline)
    }
    return tuple(found[name] for name in stack_names(run) if name in found)


def main_metric(case: Condition) -> Metric:
    """What tells stacks apart at a load: throughput when users wait for answers, else how long an answer takes."""
    return "throughput" if isinstance(case.load, ClosedLoad) else "latency_p50"


def records(run: Run) -> Iterator[Record]:
    """Every slice's record, in the order of measurement."""
    for block in sorted(run.blocks, key=lambda block: block.number):
        yield from sorted(block.records, key=lambda record: record.position)


def records_of(run: Run, case: Condition, stack: str) -> tuple[Record, ...]:
    """The slices of one stack in one case."""
    return tuple(each for each in records(run) if (each.stack, each.scenario, each.load) == (stack, *case))


def measured_blocks(run: Run) -> int:
    """Blocks that left at least one record without a failure."""
    return len({record.block for record in records(run) if record.failure is None})


def level(run: Run) -> float:
    """The confidence level of the run's intervals, a share of one."""
    return next((row.throughput_rps.level for row in run.summary.results if row.throughput_rps), 0.95)


def troubles(run: Run) -> tuple[Trouble, ...]:
    """Every failure once, with the stack and the blocks where they are known."""
    seen: dict[tuple[str, str, str], Trouble] = {}
    for record in records(run):
        if record.failure is not None:
            _note(seen, record.stack, record.failure, record.block)
    known = {(stage, message) for _, stage, message in seen}
    for failure in run.summary.failures:
        if (failure.stage, failure.message) not in known:
            _note(seen, "", failure, None)
    return tuple(seen.values())


def _note(seen: dict[tuple[str, str, str], Trouble], stack: str, failure: Failure, block: int | None) -> None:
    key = (stack, failure.stage, failure.message)
    before = seen[key].blocks if key in seen else ()
    here = () if block is None or block in before else (block,)
    seen[key] = Trouble(stack, seen[key].failure if key in seen else failure, before + here)


def timelines(run: Run) -> tuple[Timeline, ...]:
    """The timelines, from the analysis or, when that never came about, from the manifest."""
    return run.summary.timeline or run.manifest.timelines
