"""The made-up run with other numbers, to see what is stated about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from bakeoff.model import ALL_ENDPOINTS, BlockResult, Result, Run
from tests.report.made_up import SHARES, USERS

change = msgspec.structs.replace


def with_row(run: Run, stack: str, **fields: Any) -> Run:
    """The run, with other numbers for one stack under the closed load."""

    def changed(row: Result) -> Result:
        wanted = (row.stack, row.load, row.endpoint) == (stack, USERS, ALL_ENDPOINTS)
        return change(row, **fields) if wanted else row

    return with_summary(run, results=tuple(changed(row) for row in run.summary.results))


def with_summary(run: Run, **fields: Any) -> Run:
    """The run, with other parts of its summary."""
    return replace(run, summary=change(run.summary, **fields))


def with_blocks(run: Run, **fields: Any) -> Run:
    """The run, with other facts in each block."""
    return replace(run, blocks=tuple(change(block, **fields) for block in run.blocks))


def with_records(run: Run, stack: str, **fields: Any) -> Run:
    """The run, with other fields in the records of one stack."""

    def changed(block: BlockResult) -> BlockResult:
        records = (change(record, **fields) if record.stack == stack else record for record in block.records)
        return change(block, records=tuple(records))

    return replace(run, blocks=tuple(changed(block) for block in run.blocks))


def with_unloaded_latency(run: Run, stack: str, latency_s: float) -> Run:
    """The run, with the latency that a stack had without load."""
    return with_blocks(run, unloaded_s={stack: dict.fromkeys(SHARES, latency_s)})


def with_threads(run: Run, stack: str, threads: int) -> Run:
    """The run, with so many threads seen in one process of a stack."""
    use = next(record.server for record in run.records if record.stack == stack and record.server)
    return with_records(run, stack, server=change(use, processes=1, threads=threads))
