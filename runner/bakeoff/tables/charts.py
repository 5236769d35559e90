"""The run as tidy tables: one row per observation, units in the column names. Every figure is drawn from one of them.

All tables share these columns where they apply:

- ``stack``, ``interface`` (``wsgi`` or ``asgi``), ``scenario``, ``endpoint`` (``*``: all of them together)
- ``load``: in words; ``load_kind``: ``users`` or ``rate``; ``load_size``: users, or arrivals a second
- an estimate is three columns: ``name`` (the point), ``name_low`` and ``name_high`` (its interval)

What was withheld or never measured is missing (``NaN`` or ``None``), never zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.model import (
    ALL_ENDPOINTS,
    ClosedLoad,
    Comparison,
    Condition,
    Estimate,
    Interval,
    Load,
    Record,
    Result,
    Run,
    load_title,
)
from bakeoff.model.histogram import Histogram, highest_value_of

Row = dict[str, Any]

BEYOND = 10
"""A percentile is drawn as long as this many requests took longer: with fewer, the tail is a matter of luck."""

SHORTEST_S = 0.5
"""A shorter rest of a slice holds too few requests for a rate or a percentile of its own."""

QUANTILES = np.unique(np.append(1 - np.logspace(0, -6, 121), [0.5, 0.999]))
"""Twenty a decade of ``1 / (1 - q)``, up to 99.9999 %: evenly spaced on HdrHistogram's axis."""

_CASE = ["scenario", "load", "load_kind", "load_size"]
_RESULT = ["requests", "errors"]
_ESTIMATES = ["throughput_rps", "latency_p50_ms", "latency_p90_ms", "latency_p99_ms", "latency_p999_ms"]
_REST = ["latency_max_ms", "rss_mib", "reuse_ratio", "bound_rps", "bound_by", "blocks", "valid", "withheld"]

_UNITS = ("_ms", "_s", "_rps", "_low", "_high", "_size", "_mib", "_per_request")
_MEASURES = (*_UNITS, "ratio", "quantile", "level", "p_value", "share")

RESULT_COLUMNS = [
    *["stack", "interface", *_CASE, "endpoint", *_RESULT],
    *[f"{name}{end}" for name in [*_ESTIMATES, "cpu_ms_per_request"] for end in ("", "_low", "_high")],
    *_REST,
]
COMPARISON_COLUMNS = [
    *["metric", *_CASE, "endpoint", "baseline", "candidate"],
    *["ratio", "ratio_low", "ratio_high", "level", "blocks", "p_value", "verdict"],
]
PERCENTILE_COLUMNS = ["stack", "interface", *_CASE, "endpoint", "quantile", "latency_ms", "requests"]
TIME_COLUMNS = [
    *["stack", "interface", *_CASE, "block", "position", "measured_s", "length_s"],
    *["requests", "throughput_rps", "latency_p50_ms", "latency_p99_ms"],
]
HEAT_COLUMNS = [
    *["stack", "interface", *_CASE, "measured_s", "length_s"],
    *["latency_from_ms", "latency_to_ms", "requests", "share"],
]
TIMELINE_COLUMNS = ["stack", "interface", "request", "endpoint", "step", "name", "start_ms", "end_ms"]


def _table(rows: Iterable[Row], columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=columns)
    # Stated, because a column that is withheld throughout would otherwise not be one of numbers.
    return frame.astype({name: "float64" for name in columns if name.endswith(_MEASURES)})


def case_columns(scenario: str, load: Load) -> Row:
    """The columns that say under which scenario and load a row was measured."""
    kind, size = ("users", load.users) if isinstance(load, ClosedLoad) else ("rate", load.mean_rate_rps)
    return {"scenario": scenario, "load": load_title(load), "load_kind": kind, "load_size": float(size)}


def _estimate_columns(name: str, estimate: Estimate | None) -> Row:
    if estimate is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), None)
    return {name: estimate.point, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


# --- results and comparisons -----------------------------------------------------------------------------------------


def results_table(run: Run) -> pd.DataFrame:
    """One row per stack, scenario, load and endpoint.

    Beside the shared columns: ``requests`` and ``errors`` (counts); the estimates ``throughput_rps`` (right answers a
    second), ``latency_p50_ms`` to ``latency_p999_ms`` and ``cpu_ms_per_request``; ``latency_max_ms``; ``rss_mib``;
    ``reuse_ratio`` (share of one); ``bound_rps`` and ``bound_by``; ``blocks`` behind the throughput; ``valid``;
    ``withheld`` (reasons, separated by ``; ``). The numbers of a row that is not valid are missing.
    """
    return _table((_result_row(row) for row in run.summary.results), RESULT_COLUMNS)


def _result_row(row: Result) -> Row:
    about = {
        "stack": row.stack,
        "interface": row.interface,
        **case_columns(row.scenario, row.load),
        "endpoint": row.endpoint,
        "requests": row.requests,
        "errors": row.errors,
        "valid": row.valid,
        "withheld": "; ".join(row.withheld),
    }
    return about | _measured_columns(row) if row.valid else about


def _measured_columns(row: Result) -> Row:
    latency, bound = row.latency_ms, row.bound
    estimates = (row.throughput_rps, latency.p50, latency.p90, latency.p99, latency.p999)
    columns = _estimate_columns("cpu_ms_per_request", row.cpu_ms_per_request)
    for name, estimate in zip(_ESTIMATES, estimates, strict=True):
        columns |= _estimate_columns(name, estimate)
    return columns | {
        "latency_max_ms": latency.max,
        "rss_mib": row.rss_mib,
        "reuse_ratio": row.reuse_ratio,
        "bound_rps": bound.rps if bound else None,
        "bound_by": bound.by if bound else None,
        "blocks": row.throughput_rps.n if row.throughput_rps else None,
    }


def comparison_table(run: Run) -> pd.DataFrame:
    """One row per candidate, metric, scenario, load and endpoint.

    Beside the shared columns: ``metric``; ``baseline`` and ``candidate`` (stacks); the estimate ``ratio`` (candidate
    over baseline) with its ``level`` and ``blocks``; ``p_value``; ``verdict``.
    """
    return _table((_comparison_row(each) for each in run.summary.comparisons), COMPARISON_COLUMNS)


def _comparison_row(each: Comparison) -> Row:
    return {
        "metric": each.metric,
        **case_columns(each.scenario, each.load),
        "endpoint": each.endpoint,
        "baseline": each.baseline,
        "candidate": each.candidate,
        **_estimate_columns("ratio", each.ratio),
        "level": each.ratio.level,
        "blocks": each.ratio.n,
        "p_value": each.p_value,
        "verdict": each.verdict,
    }


# --- histograms ------------------------------------------------------------------------------------------------------


def percentile_table(run: Run) -> pd.DataFrame:
    """The latency distribution of each stack, scenario, load and endpoint, all blocks merged.

    Beside the shared columns: ``quantile`` (share of one); ``latency_ms``, which that share of the requests did not
    exceed; ``requests`` in the distribution. A curve ends where fewer than ten requests took longer.
    """
    parts: dict[tuple[str, Condition, str], list[Histogram]] = defaultdict(list)
    for record, interval in _latencies(run):
        parts[record.stack, Condition(record.scenario, record.load), interval.endpoint].append(interval.histogram)
    merged = _with_all_endpoints({key: Histogram.merge(group) for key, group in parts.items()})
    rows = (row for key in _in_order(run, merged) for row in _percentile_rows(run, *key, merged[key]))
    return _table(rows, PERCENTILE_COLUMNS)


def _latencies(run: Run) -> Iterator[tuple[Record, Interval]]:
    """The latency histograms, each with the record of its slice."""
    slices = {(record.block, record.position): record for record in run.records}
    for interval in run.intervals:
        record = slices.get((interval.block, interval.position))
        if interval.kind == "latency" and record is not None:
            yield record, interval


Merged = dict[tuple[str, Condition, str], Histogram]


def _with_all_endpoints(merged: Merged) -> Merged:
    parts: dict[tuple[str, Condition, str], list[Histogram]] = defaultdict(list)
    for (stack, case, endpoint), histogram in merged.items():
        if endpoint != ALL_ENDPOINTS:
            parts[stack, case, ALL_ENDPOINTS].append(histogram)
    return {key: Histogram.merge(group) for key, group in parts.items()} | merged


def _in_order(run: Run, merged: Merged) -> list[tuple[str, Condition, str]]:
    stacks, every_case = run.stack_names, run.conditions
    known = [key for key in merged if key[0] in stacks and key[1] in every_case]
    return sorted(known, key=lambda key: (every_case.index(key[1]), stacks.index(key[0]), key[2]))


def _percentile_rows(run: Run, stack: str, case: Condition, endpoint: str, histogram: Histogram) -> Iterator[Row]:
    total = histogram.total
    shared = {
        "stack": stack,
        "interface": run.interface_of(stack),
        **case_columns(*case),
        "endpoint": endpoint,
        "requests": total,
    }
    for quantile in QUANTILES[(1 - QUANTILES) * total >= BEYOND - 1e-6]:
        latency_s = histogram.quantile_s(float(quantile))
        if latency_s is not None:
            yield shared | {"quantile": float(quantile), "latency_ms": latency_s * 1e3}


def time_table(run: Run) -> pd.DataFrame:
    """Throughput and latency by second of measuring, the slices of each stack and case laid one after another.

    Beside the shared columns: ``block`` and ``position`` of the slice; ``measured_s``, the seconds that this stack had
    been measured at this load when the interval began (warm-ups and other stacks' slices do not count);
    ``length_s`` of the interval, about one second; ``requests``, those sent in the interval and
    answered rightly; ``throughput_rps``, the same over ``length_s``; ``latency_p50_ms`` and ``latency_p99_ms``.
    """
    parts: dict[tuple[int, int], list[Interval]] = defaultdict(list)
    for record, interval in _latencies(run):
        parts[record.block, record.position].append(interval)
    rows = (
        _time_row(run, record, offset, together)
        for key, (record, offset) in _offsets(run).items()
        for together in _seconds(parts[key])
    )
    return _table(rows, TIME_COLUMNS)


def _seconds(intervals: list[Interval]) -> list[list[Interval]]:
    """The intervals of one slice by when they began; a rest too short to give a rate joins the second before it."""
    grouped: dict[float, list[Interval]] = defaultdict(list)
    for each in _whole(intervals):
        grouped[each.start_s].append(each)
    seconds = [grouped[start] for start in sorted(grouped)]
    if len(seconds) > 1 and seconds[-1][0].length_s < SHORTEST_S:
        seconds[-2:] = [seconds[-2] + seconds[-1]]
    return seconds


def _whole(intervals: list[Interval]) -> list[Interval]:
    """Those of all endpoints together where there are such, so that no request counts twice."""
    return [each for each in intervals if each.endpoint == ALL_ENDPOINTS] or intervals


def _offsets(run: Run) -> dict[tuple[int, int], tuple[Record, float]]:
    """Each slice's record, and the seconds its stack had been measured in its case before it."""
    spent: dict[tuple[str, Condition], float] = defaultdict(float)
    found = {}
    for record in run.records:
        key = (record.stack, Condition(record.scenario, record.load))
        found[record.block, record.position] = (record, spent[key])
        spent[key] += record.window_s
    return found


def _time_row(run: Run, record: Record, offset: float, intervals: list[Interval]) -> Row:
    histogram = Histogram.merge(each.histogram for each in intervals)
    start_s = min(each.start_s for each in intervals)
    length_s = max(each.start_s + each.length_s for each in intervals) - start_s
    p50, p99 = histogram.quantile_s(0.5), histogram.quantile_s(0.99)
    return {
        "stack": record.stack,
        "interface": run.interface_of(record.stack),
        **case_columns(record.scenario, record.load),
        "block": record.block,
        "position": record.position,
        "measured_s": offset + start_s,
        "length_s": length_s,
        "requests": histogram.total,
        "throughput_rps": histogram.total / length_s if length_s > 0 else None,
        "latency_p50_ms": p50 * 1e3 if p50 is not None else None,
        "latency_p99_ms": p99 * 1e3 if p99 is not None else None,
    }


def heat_table(run: Run) -> pd.DataFrame:
    """How long the requests of each moment took: one row per stack, case, moment and step of latency that has any.

    Beside the shared columns: ``measured_s`` and ``length_s`` of the moment, as in `time_table`: about a second, more
    in a run of more than ``MOMENTS`` seconds, and for the last moment the fraction that was measured;
    ``latency_from_ms`` and ``latency_to_ms``, a tenth of a decade apart; ``requests``; ``share`` of the moment's
    requests.
    """
    moments = _moments(run)
    rows = (
        row
        for record, start_s, length_s, merged in moments
        for row in _heat_rows(run, record, start_s, length_s, merged)
    )
    return _table(rows, HEAT_COLUMNS)


MOMENTS = 60
"""Columns that a heat map has room for, and the page."""
STEPS_A_DECADE = 10


def _moments(run: Run) -> Iterator[tuple[Record, float, float, Histogram]]:
    """A record of its stack and case, when it began, how long it lasted, and the latencies of each moment.

    Intervals belong to the moment in which they begin; a moment lasts from the first of them to the end of the last.
    """
    offsets = _offsets(run)
    longest_s = max((offset + record.window_s for record, offset in offsets.values()), default=0.0)
    width_s = max(1.0, longest_s / MOMENTS)

    def measured_s(interval: Interval) -> float:
        return offsets[interval.block, interval.position][1] + interval.start_s

    grouped: dict[tuple[str, Condition, int], list[Interval]] = defaultdict(list)
    for record, interval in _latencies(run):
        moment = int(measured_s(interval) / width_s)
        grouped[record.stack, Condition(record.scenario, record.load), moment].append(interval)
    for key in sorted(grouped, key=lambda key: key[2]):
        intervals = _whole(grouped[key])
        record = offsets[intervals[0].block, intervals[0].position][0]
        start_s = min(map(measured_s, intervals))
        end_s = max(measured_s(interval) + interval.length_s for interval in intervals)
        yield record, start_s, end_s - start_s, Histogram.merge(interval.histogram for interval in intervals)


def _heat_rows(run: Run, record: Record, start_s: float, length_s: float, merged: Histogram) -> Iterator[Row]:
    latency_ms = highest_value_of(merged.buckets) / 1e6
    steps = np.floor(np.log10(np.maximum(latency_ms, 1e-3)) * STEPS_A_DECADE).astype(int)
    for step in np.unique(steps):
        requests = int(merged.counts[steps == step].sum())
        yield {
            "stack": record.stack,
            "interface": run.interface_of(record.stack),
            **case_columns(record.scenario, record.load),
            "measured_s": start_s,
            "length_s": length_s,
            "latency_from_ms": 10 ** (step / STEPS_A_DECADE),
            "latency_to_ms": 10 ** ((step + 1) / STEPS_A_DECADE),
            "requests": requests,
            "share": requests / merged.total,
        }


# --- timelines -------------------------------------------------------------------------------------------------------


def timeline_table(run: Run) -> pd.DataFrame:
    """One row per step of each timeline.

    ``request`` is the number of the request on that stack, from 0; ``step`` the number of the step within it, from 1;
    ``name`` what the step is called; ``start_ms`` and ``end_ms`` count from the moment both requests were sent.
    """
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
    return _table(rows, TIMELINE_COLUMNS)
