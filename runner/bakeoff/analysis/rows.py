"""Records become rows: one per stack, scenario, load and endpoint, with the totals of each block. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bakeoff.analysis.bounds import unloaded_latency_s
from bakeoff.model import (
    ALL_ENDPOINTS,
    BlockResult,
    Condition,
    Experiment,
    Histogram,
    HistogramKind,
    Interval,
    Latencies,
    Load,
    Record,
    Stack,
)

RowKey = tuple[str, str, Load, str]
"""Stack, scenario, load and endpoint."""


@dataclass(frozen=True)
class Totals:
    """The counts and histograms of some slices of one stack, added up."""

    window_s: float
    completed: int
    """Right answers of the row's endpoint that arrived within the window."""
    offered: int
    errors: int
    cpu_s: float
    """Of the whole stack, which one process tree serves at all endpoints."""
    completed_everywhere: int
    """Right answers of all endpoints."""
    latency: Latencies
    lag: Histogram
    """How late requests were sent."""

    @property
    def throughput_rps(self) -> float:
        """Right answers a second."""
        return self.completed / self.window_s

    @property
    def cpu_s_per_request(self) -> float | None:
        """Server CPU time per right answer; ``None`` where it is unknown."""
        return self.cpu_s / self.completed_everywhere if self.cpu_s and self.completed_everywhere else None


@dataclass(frozen=True)
class Row:
    """A stack under a condition at an endpoint, or at all of them (``*``)."""

    stack: Stack
    condition: Condition
    endpoint: str
    blocks: dict[int, Totals]
    """By block number; a block in which every slice failed is absent."""
    records: list[Record]
    """Of all slices, those that failed too."""
    unloaded_s: float | None = None
    """The mean latency of its requests without load; ``None`` where it is unknown."""

    @property
    def key(self) -> RowKey:
        """What tells this row from all others."""
        return self.key_of(self.stack.name)

    def key_of(self, stack: str) -> RowKey:
        """The key of another stack's row under the same condition, at the same endpoint."""
        return stack, *self.condition, self.endpoint

    @property
    def key_of_all_endpoints(self) -> RowKey:
        """The key of the row of all endpoints together, for the same stack and condition."""
        return self.stack.name, *self.condition, ALL_ENDPOINTS

    @cached_property
    def total(self) -> Totals:
        """All blocks added up."""
        blocks = self.blocks.values()
        return Totals(
            window_s=sum(block.window_s for block in blocks),
            completed=sum(block.completed for block in blocks),
            offered=sum(block.offered for block in blocks),
            errors=sum(block.errors for block in blocks),
            cpu_s=sum(block.cpu_s for block in blocks),
            completed_everywhere=sum(block.completed_everywhere for block in blocks),
            latency=Latencies.merge(block.latency for block in blocks),
            lag=Histogram.merge(block.lag for block in blocks),
        )


def rows_of(experiment: Experiment, blocks: Iterable[BlockResult], intervals: Iterable[Interval]) -> list[Row]:
    """Every stack under every condition at every endpoint, that of all endpoints (``*``) first."""
    blocks = list(blocks)
    histograms = _histograms_by_slice(intervals)
    records_of: dict[tuple[str, str, Load], list[Record]] = defaultdict(list)
    for block in blocks:
        for record in block.records:
            records_of[record.stack, record.scenario, record.load].append(record)
    rows: list[Row] = []
    for scenario in experiment.scenarios:
        for load in experiment.loads:
            for stack in experiment.stacks:
                records = records_of.get((stack.name, scenario.name, load), [])
                endpoints = sorted({counts.endpoint for record in records for counts in record.endpoints})
                for endpoint in [ALL_ENDPOINTS, *endpoints]:
                    totals = _totals_by_block(records, endpoint, histograms)
                    unloaded_s = unloaded_latency_s(stack.name, records, blocks, endpoint)
                    rows.append(Row(stack, Condition(scenario.name, load), endpoint, totals, records, unloaded_s))
    return rows


SliceHistograms = dict[tuple[int, int, str, HistogramKind], Histogram]
"""By block, position, endpoint and kind."""


def _histograms_by_slice(intervals: Iterable[Interval]) -> SliceHistograms:
    parts: dict[tuple[int, int, str, HistogramKind], list[Histogram]] = defaultdict(list)
    for interval in intervals:
        for endpoint in (interval.endpoint, ALL_ENDPOINTS):
            parts[interval.block, interval.position, endpoint, interval.kind].append(interval.histogram)
    return {key: Histogram.merge(histograms) for key, histograms in parts.items()}


def _totals_by_block(records: Iterable[Record], endpoint: str, histograms: SliceHistograms) -> dict[int, Totals]:
    measured: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        if record.failure is None:
            measured[record.block].append(record)
    return {number: _totals(slices, endpoint, histograms) for number, slices in measured.items()}


def _totals(slices: Sequence[Record], endpoint: str, histograms: SliceHistograms) -> Totals:
    everywhere = [counts for record in slices for counts in record.endpoints]
    here = [counts for counts in everywhere if endpoint in (ALL_ENDPOINTS, counts.endpoint)]

    def merged(kind: HistogramKind) -> Histogram:
        keys = [(record.block, record.position, endpoint, kind) for record in slices]
        return Histogram.merge(histograms[key] for key in keys if key in histograms)

    errors = sum(counts.outcomes.errors for counts in here)
    return Totals(
        window_s=sum(record.window_s for record in slices),
        completed=sum(counts.completed for counts in here),
        offered=sum(counts.offered for counts in here),
        errors=errors,
        cpu_s=sum(record.server.cpu_s for record in slices if record.server),
        completed_everywhere=sum(counts.completed for counts in everywhere),
        latency=Latencies(right=merged("latency"), errors=_completed(merged("error"), errors)),
        lag=merged("lag"),
    )


def _completed(waits: Histogram, errors: int) -> Histogram:
    """A histogram of all errors: those of which no time was recorded, as in runs of schema 1 and 2, with none."""
    without_time = max(0, errors - waits.total)
    return Histogram.merge([waits, Histogram.of(np.zeros(without_time))])
