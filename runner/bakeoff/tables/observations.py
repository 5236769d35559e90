"""The tables of what was observed: blocks and their ratios, slices, and the steps of timelines."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bakeoff.analysis.estimates import MIB
from bakeoff.analysis.metrics import METRICS, RUN_METRICS, is_comparable, per_block
from bakeoff.analysis.rows import rows_of
from bakeoff.model import Record, Run, total_outcomes
from bakeoff.tables.schema import (
    BLOCKS,
    CONDITION,
    RATIOS,
    SLICES,
    TIMELINE,
    Values,
    condition_values,
    frame,
    stack_values,
    typed,
)


def blocks_table(run: Run) -> pd.DataFrame:
    """One row per stack, scenario, load, endpoint and block.

    What the analysis did not publish is missing here too, and so is a percentile that is a lower bound in any block.
    """
    return frame(_block_rows(run), BLOCKS)


def _block_rows(run: Run) -> Iterator[Values]:
    for row in rows_of(run.manifest.experiment, run.blocks, run.intervals):
        result = run.result(row.condition, row.stack.name, row.endpoint)
        known = [metric for metric in RUN_METRICS if result and is_comparable(metric, row, result)]
        by_column = {METRICS[metric].column: per_block(metric, row) for metric in known}
        for block in sorted(row.blocks):
            yield {
                **stack_values(run, row.stack.name),
                **condition_values(*row.condition),
                "endpoint": row.endpoint,
                "block": block,
                **{column: values.get(block) for column, values in by_column.items()},
            }


def ratios_table(blocks: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Candidate over baseline, block by block, from `blocks_table`; blocks that only one of them has are left out."""
    where = [*(column.name for column in CONDITION), "endpoint", "block"]
    metrics = {METRICS[metric].column: metric for metric in RUN_METRICS}
    long = blocks.melt([*where, "stack"], list(metrics), "metric", "value").dropna(subset=["value"])
    long["metric"] = long["metric"].map(metrics)
    of_baseline = long[long["stack"] == baseline].drop(columns="stack")
    of_candidates = long[long["stack"] != baseline].rename(columns={"stack": "candidate"})
    pairs = of_candidates.merge(of_baseline, on=[*where, "metric"], suffixes=("", "_of_baseline"))
    pairs["baseline"] = baseline
    pairs["ratio"] = pairs["value"] / pairs["value_of_baseline"]
    pairs["log_ratio"] = np.log(pairs["ratio"])
    return typed(pairs, RATIOS)


def slices_table(run: Run) -> pd.DataFrame:
    """One row per slice, in the order of measuring: what was counted, before any analysis and any check."""
    return frame((_slice_values(run, record) for record in run.records), SLICES)


def _slice_values(run: Run, record: Record) -> Values:
    outcomes = total_outcomes(record.endpoints)
    return {
        **stack_values(run, record.stack),
        **condition_values(record.scenario, record.load),
        "block": record.block,
        "position": record.position,
        "started_utc": pd.Timestamp(record.started_unix_s, unit="s", tz="UTC"),
        "window_s": record.window_s,
        "warmup_s": record.warmup_s,
        "offered": sum(counts.offered for counts in record.endpoints),
        "right": outcomes.right,
        "wrong": outcomes.wrong,
        "failed": sum(outcomes.failed.values()),
        "timed_out": outcomes.timed_out,
        "dropped": outcomes.dropped,
        "unfinished": outcomes.unfinished,
        "completed": sum(counts.completed for counts in record.endpoints),
        "failure": record.failure.message if record.failure else None,
        **_use_values(record),
    }


def _use_values(record: Record) -> Values:
    """What server and generator used; missing where the slice failed."""
    values: Values = {}
    if record.server:
        values |= {
            "server_cpu_s": record.server.cpu_s,
            "server_rss_mib": record.server.rss_bytes / MIB,
            "server_processes": record.server.processes,
            "server_threads": record.server.threads,
            "idle_cpu_s": record.server.others_cpu_s,
        }
    if record.generator:
        values |= {
            "generator_cpu_s": record.generator.cpu_s,
            "connections_opened": record.generator.connections_opened,
            "requests_sent": record.generator.requests_sent,
        }
    return values


def timeline_table(run: Run) -> pd.DataFrame:
    """One row per step of the requests that were sent at once to one worker of each stack."""
    rows = (
        {
            "stack": timeline.stack,
            "interface": timeline.interface,
            "request": number,
            "endpoint": request.endpoint,
            "step": step_number,
            "name": step.name,
            "start_ms": step.start_s * 1e3,
            "end_ms": step.end_s * 1e3,
        }
        for timeline in run.timelines
        for number, request in enumerate(timeline.requests)
        for step_number, step in enumerate(request.steps, start=1)
    )
    return frame(rows, TIMELINE)
