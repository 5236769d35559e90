"""The tables that are made from histograms: latency distributions, and throughput and latency over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from bakeoff.analysis.rows import Row, rows_of
from bakeoff.model import ALL_ENDPOINTS, Condition, Histogram, Interval, Latencies, Record, Run, highest_value_of
from bakeoff.tables.schema import LATENCIES, MOMENTS, SECONDS, Values, condition_values, frame, stack_values

BEYOND = 10
"""A distribution ends at the quantile that fewer requests than this exceeded: further on, chance decides."""

QUANTILES = np.unique(np.append(1 - np.logspace(0, -6, 121), [0.5, 0.999]))
"""Twenty a decade of ``1 / (1 - q)``, up to 99.9999 %: evenly spaced on HdrHistogram's axis."""

SHORTEST_S = 0.5
"""A shorter rest of a slice holds too few requests for a rate or a percentile of its own."""

MOST_MOMENTS = 60
"""Moments into which the measuring of a stack is divided: as many columns as a heat map has room for."""

STEPS_A_DECADE = 10


# --- distributions ---------------------------------------------------------------------------------------------------


def latencies_table(run: Run) -> pd.DataFrame:
    """The latency distribution of each stack, scenario, load and endpoint, all blocks merged.

    It ends at the quantile that fewer than ten requests exceeded.
    """
    rows = rows_of(run.manifest.experiment, run.blocks, run.intervals)
    return frame((values for row in rows for values in _quantile_rows(run, row)), LATENCIES)


def _quantile_rows(run: Run, row: Row) -> Iterator[Values]:
    latencies = row.total.latency
    shared = {
        **stack_values(run, row.stack.name),
        **condition_values(*row.condition),
        "endpoint": row.endpoint,
        "requests": latencies.total,
    }
    for share in QUANTILES[(1 - QUANTILES) * latencies.total >= BEYOND - 1e-6]:
        quantile = latencies.quantile(float(share))
        if quantile is not None:
            at_least = quantile.at_least
            yield shared | {"quantile": float(share), "latency_ms": quantile.value_s * 1e3, "at_least": at_least}


# --- over time -------------------------------------------------------------------------------------------------------


class _Slice(NamedTuple):
    record: Record
    offset_s: float
    """How long its stack had been measured under its condition before it."""


def _slices(run: Run) -> dict[tuple[int, int], _Slice]:
    """Each slice by its block and position: those of a stack and condition are laid one after another."""
    measured_s: dict[tuple[str, Condition], float] = defaultdict(float)
    slices: dict[tuple[int, int], _Slice] = {}
    for record in run.records:
        key = (record.stack, Condition(record.scenario, record.load))
        slices[record.block, record.position] = _Slice(record, measured_s[key])
        measured_s[key] += record.window_s
    return slices


def _latencies(run: Run) -> Iterator[tuple[Record, Interval]]:
    """The histograms of latencies and errors, each with the record of its slice."""
    records = {(record.block, record.position): record for record in run.records}
    for interval in run.intervals:
        record = records.get((interval.block, interval.position))
        if interval.kind in ("latency", "error") and record is not None:
            yield record, interval


def seconds_table(run: Run) -> pd.DataFrame:
    """Throughput and latency by second of measuring; warm-ups and other stacks' slices do not count."""
    parts: dict[tuple[int, int], list[Interval]] = defaultdict(list)
    for record, interval in _latencies(run):
        parts[record.block, record.position].append(interval)
    rows = (
        _second_values(run, piece, intervals)
        for place, piece in _slices(run).items()
        for intervals in _seconds(parts[place])
    )
    return frame(rows, SECONDS)


def _seconds(intervals: list[Interval]) -> list[list[Interval]]:
    """The intervals of one slice by second; a rest too short to give a rate joins the second before it."""
    by_start: dict[float, list[Interval]] = defaultdict(list)
    for interval in _counted_once(intervals):
        by_start[interval.start_s].append(interval)
    seconds = [by_start[start_s] for start_s in sorted(by_start)]
    if len(seconds) > 1 and seconds[-1][0].length_s < SHORTEST_S:
        seconds[-2:] = [seconds[-2] + seconds[-1]]
    return seconds


def _counted_once(intervals: list[Interval]) -> list[Interval]:
    """Those of all endpoints together where there are such, so that no request counts twice."""
    return [interval for interval in intervals if interval.endpoint == ALL_ENDPOINTS] or intervals


def _second_values(run: Run, piece: _Slice, intervals: list[Interval]) -> Values:
    record = piece.record
    latencies = Latencies.of(intervals)
    start_s = min(interval.start_s for interval in intervals)
    length_s = max(interval.start_s + interval.length_s for interval in intervals) - start_s
    right = latencies.right.total
    return {
        **stack_values(run, record.stack),
        **condition_values(record.scenario, record.load),
        "block": record.block,
        "position": record.position,
        "measured_s": piece.offset_s + start_s,
        "length_s": length_s,
        "requests": right,
        "errors": latencies.errors.total,
        "throughput_rps": right / length_s if length_s > 0 else None,
        **_percentile_values("latency_p50", latencies, 0.5),
        **_percentile_values("latency_p99", latencies, 0.99),
    }


def _percentile_values(name: str, latencies: Latencies, share: float) -> Values:
    quantile = latencies.quantile(share)
    if quantile is None:
        return {f"{name}_at_least": False}
    return {f"{name}_ms": quantile.value_s * 1e3, f"{name}_at_least": quantile.at_least}


class _Moment(NamedTuple):
    record: Record
    """One of its slices."""
    start_s: float
    length_s: float
    latency: Histogram


def heat_table(run: Run) -> pd.DataFrame:
    """How long the requests of each moment took: one row per stack, condition, moment and step of latency in use."""
    return frame((row for moment in _moments(run) for row in _moment_rows(run, moment)), MOMENTS)


def _moments(run: Run) -> Iterator[_Moment]:
    """Intervals belong to the moment in which they begin; it lasts from the first of them to the end of the last."""
    slices = _slices(run)
    longest_s = max((piece.offset_s + piece.record.window_s for piece in slices.values()), default=0.0)
    width_s = max(1.0, longest_s / MOST_MOMENTS)

    def measured_s(interval: Interval) -> float:
        return slices[interval.block, interval.position].offset_s + interval.start_s

    parts: dict[tuple[str, Condition, int], list[Interval]] = defaultdict(list)
    for record, interval in _latencies(run):
        number = int(measured_s(interval) / width_s)
        if interval.kind == "latency":
            parts[record.stack, Condition(record.scenario, record.load), number].append(interval)
    for key in sorted(parts, key=lambda key: key[2]):
        intervals = _counted_once(parts[key])
        start_s = min(map(measured_s, intervals))
        end_s = max(measured_s(interval) + interval.length_s for interval in intervals)
        yield _Moment(
            record=slices[intervals[0].block, intervals[0].position].record,
            start_s=start_s,
            length_s=end_s - start_s,
            latency=Histogram.merge(interval.histogram for interval in intervals),
        )


def _moment_rows(run: Run, moment: _Moment) -> Iterator[Values]:
    latency, record = moment.latency, moment.record
    latency_ms = highest_value_of(latency.buckets) / 1e6
    steps = np.floor(np.log10(np.maximum(latency_ms, 1e-3)) * STEPS_A_DECADE).astype(int)
    for step in np.unique(steps):
        requests = int(latency.counts[steps == step].sum())
        yield {
            **stack_values(run, record.stack),
            **condition_values(record.scenario, record.load),
            "measured_s": moment.start_s,
            "length_s": moment.length_s,
            "latency_from_ms": 10 ** (step / STEPS_A_DECADE),
            "latency_to_ms": 10 ** ((step + 1) / STEPS_A_DECADE),
            "requests": requests,
            "share": requests / latency.total,
        }
