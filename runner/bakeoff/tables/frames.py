"""A run as tidy pandas tables for notebooks and other programs: one row per observation, units in the column names.

`columns.TABLES` has every table's columns, types and units. What was withheld or never measured is missing, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.analysis.estimates import MIB
from bakeoff.analysis.metrics import METRICS, RUN_METRICS, is_quoted, per_block
from bakeoff.analysis.rows import rows_of
from bakeoff.model import Manifest, Record, Run, Summary, total_outcomes
from bakeoff.tables import charts as tables
from bakeoff.tables import columns

_PLACE = ["scenario", "load", "load_kind", "load_size", "endpoint", "block"]

Values = dict[str, Any]


class RunFrames:
    """The tables of one run, each made when it is first asked for; do not change them in place."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __repr__(self) -> str:
        return f"<run {self.manifest.run_id}: {len(self.results)} results, {len(self.comparisons)} comparisons>"

    @property
    def manifest(self) -> Manifest:
        """What was asked, with which seed, where and when."""
        return self._run.manifest

    @property
    def summary(self) -> Summary:
        """The analysis, as it stands in ``summary.json``."""
        return self._run.summary

    @cached_property
    def results(self) -> pd.DataFrame:
        """One row per stack, scenario, load and endpoint: estimates over all blocks."""
        return _typed(tables.results_table(self._run), columns.RESULTS)

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """One row per candidate, metric, scenario, load and endpoint: its ratio to the baseline."""
        return _typed(tables.comparison_table(self._run), columns.COMPARISONS)

    @cached_property
    def blocks(self) -> pd.DataFrame:
        """One row per stack, scenario, load, endpoint and block: the observations that all statistics rest on."""
        return _table(_block_rows(self._run), columns.BLOCKS)

    @cached_property
    def slices(self) -> pd.DataFrame:
        """One row per slice, in the order of measuring: what was counted, before any analysis and any check."""
        return _table((_slice_row(self._run, record) for record in self._run.records), columns.SLICES)

    @cached_property
    def latencies(self) -> pd.DataFrame:
        """The latency distribution of each stack, scenario, load and endpoint, all blocks merged."""
        return _typed(tables.percentile_table(self._run), columns.LATENCIES)

    @cached_property
    def seconds(self) -> pd.DataFrame:
        """Throughput and latency by second of measuring."""
        return _typed(tables.time_table(self._run), columns.SECONDS)

    @cached_property
    def timeline(self) -> pd.DataFrame:
        """One row per step of the requests that were sent at once to one worker of each stack."""
        return _typed(tables.timeline_table(self._run), columns.TIMELINE)

    @cached_property
    def ratios(self) -> pd.DataFrame:
        """One row per candidate, metric, scenario, load, endpoint and block, against the run's own baseline."""
        return self.ratios_to(self.summary.baseline)

    def ratios_to(self, baseline: str) -> pd.DataFrame:
        """`ratios`, against a stack of your choice. Raises ``ValueError`` when the run has no such stack."""
        known = self._run.stack_names
        if baseline not in known:
            raise ValueError(f"no stack {baseline!r} in this run; there are {', '.join(known)}")
        return _ratios(self.blocks, baseline)

    def columns(self, table: str) -> pd.DataFrame:
        """What the columns of a table are: their names, types, units and meanings."""
        return pd.DataFrame(columns.TABLES[table], columns=["column", "type", "unit", "meaning"])


def _typed(frame: pd.DataFrame, table: columns.Table) -> pd.DataFrame:
    return frame.astype(dict(columns.kinds(table)))


def _table(rows: Iterable[Values], table: columns.Table) -> pd.DataFrame:
    return _typed(pd.DataFrame(list(rows), columns=[column.name for column in table]), table)


def _block_rows(run: Run) -> Iterator[Values]:
    """The metrics of each block; what the analysis did not publish is left out here too."""
    for row in rows_of(run.manifest.experiment, run.blocks, run.intervals):
        result = run.result(row.condition, row.stack.name, row.endpoint)
        values = {
            METRICS[metric].column: per_block(metric, row) if result and is_quoted(metric, result) else {}
            for metric in RUN_METRICS
        }
        for block in sorted(row.blocks):
            yield {
                "stack": row.stack.name,
                "interface": row.stack.interface,
                **tables.case_columns(*row.condition),
                "endpoint": row.endpoint,
                "block": block,
                **{column: by_block.get(block) for column, by_block in values.items()},
            }


def _slice_row(run: Run, record: Record) -> Values:
    outcomes = total_outcomes(record.endpoints)
    return {
        "stack": record.stack,
        "interface": run.interface_of(record.stack),
        **tables.case_columns(record.scenario, record.load),
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
        **_uses(record),
    }


def _uses(record: Record) -> Values:
    """What server and generator used; nothing where the slice failed."""
    found: Values = {}
    if record.server:
        found |= {
            "server_cpu_s": record.server.cpu_s,
            "server_rss_mib": record.server.rss_bytes / MIB,
            "server_processes": record.server.processes,
            "server_threads": record.server.threads,
            "idle_cpu_s": record.server.others_cpu_s,
        }
    if record.generator:
        found |= {
            "generator_cpu_s": record.generator.cpu_s,
            "connections_opened": record.generator.connections_opened,
            "requests_sent": record.generator.requests_sent,
        }
    return found


def _ratios(blocks: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Candidate over baseline, block by block; blocks that only one of them has are left out."""
    by_metric = {METRICS[metric].column: metric for metric in RUN_METRICS}
    long = blocks.melt([*_PLACE, "stack"], list(by_metric), "metric", "value").dropna(subset=["value"])
    long["metric"] = long["metric"].map(by_metric)
    ours = long[long["stack"] == baseline].drop(columns="stack")
    theirs = long[long["stack"] != baseline].rename(columns={"stack": "candidate"})
    pairs = theirs.merge(ours, on=[*_PLACE, "metric"], suffixes=("", "_of_baseline"))
    pairs["baseline"] = baseline
    pairs["ratio"] = pairs["value"] / pairs["value_of_baseline"]
    pairs["log_ratio"] = np.log(pairs["ratio"])
    return _typed(pairs[[column.name for column in columns.RATIOS]], columns.RATIOS)
