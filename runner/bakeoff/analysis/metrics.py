"""The metrics: how each is called, its unit, which direction is better, and where its value is read. Pure.

A new metric is an entry here and its name in `bakeoff.model.Metric`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

from bakeoff.analysis.rows import Row, Totals
from bakeoff.model import Estimate, GateMetric, Metric, Result

PERCENTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
"""The fields of `bakeoff.model.Latency` that are percentiles, and the share of the requests that each covers."""


@dataclass(frozen=True)
class MetricDefinition:
    """A metric. Its values are in ``unit``, wherever they are read."""

    label: str
    """Within a sentence, after "the"."""
    heading: str
    """Above a column."""
    unit: str
    column: str = ""
    """The column of the public tables; empty where they have none."""
    more_is_better: bool = False
    percentile: str | None = None
    """The percentile of the latencies that it is; a key of `PERCENTILES`."""
    of_totals: Callable[[Totals], float | None] = lambda _: None
    """Its value in a block, or in all of them together; ``None`` where it is unknown or a run does not compare it."""
    of_result: Callable[[Result], Estimate | None] = lambda _: None
    """Its estimate; ``None`` where it is withheld or a run does not estimate it."""


def _latency(percentile: str, label: str) -> MetricDefinition:
    return MetricDefinition(
        label=label,
        heading=percentile,
        unit="ms",
        column=f"latency_{percentile}_ms",
        percentile=percentile,
        of_totals=lambda totals: latency_ms(totals, percentile),
        of_result=lambda result: latency_estimate(result, percentile),
    )


def percentile_title(name: str) -> str:
    """What a percentile is called in text: ``p99.9`` for the field ``p999``."""
    return f"p{100 * PERCENTILES[name]:g}"


def latency_ms(totals: Totals, percentile: str) -> float | None:
    """A percentile of the latencies in milliseconds, which may be a lower bound; ``None`` where nothing was sent."""
    quantile = totals.latency.quantile(PERCENTILES[percentile])
    return None if quantile is None else 1e3 * quantile.value_s


def latency_estimate(result: Result, percentile: str) -> Estimate | None:
    """The estimate of a percentile, in milliseconds."""
    estimate: Estimate | None = getattr(result.latency_ms, percentile)
    return estimate


def _cpu_ms_per_request(totals: Totals) -> float | None:
    cpu_s = totals.cpu_s_per_request
    return None if cpu_s is None else 1e3 * cpu_s


METRICS: Mapping[GateMetric, MetricDefinition] = {
    "throughput": MetricDefinition(
        label="throughput",
        heading="throughput",
        unit="requests/s",
        column="throughput_rps",
        more_is_better=True,
        of_totals=lambda totals: totals.throughput_rps,
        of_result=lambda result: result.throughput_rps,
    ),
    "latency_p50": _latency("p50", "median latency"),
    "latency_p90": _latency("p90", "p90 latency"),
    "latency_p99": _latency("p99", "p99 latency"),
    "cpu_per_request": MetricDefinition(
        label="CPU time per request",
        heading="CPU",
        unit="ms/request",
        column="cpu_ms_per_request",
        of_totals=_cpu_ms_per_request,
        of_result=lambda result: result.cpu_ms_per_request,
    ),
    "memory": MetricDefinition(label="memory", heading="memory", unit="MiB", column="rss_mib"),
    "start_up": MetricDefinition(label="start-up time", heading="start-up", unit="s"),
}
"""Every metric of a run or of a gate. The last two are compared by gates only."""

RUN_METRICS: tuple[Metric, ...] = get_args(Metric)
"""Those that a run compares."""


def per_block(metric: Metric, row: Row) -> dict[int, float]:
    """The values of a metric by block number; blocks without one, or with zero, are left out."""
    values = {number: METRICS[metric].of_totals(totals) for number, totals in row.blocks.items()}
    return {number: value for number, value in values.items() if value}


def is_comparable(metric: Metric, row: Row, result: Result) -> bool:
    """Whether a row gives an estimate of a metric, and its value in every block is known, not only a lower bound.

    A block with a bound cannot be left out of a comparison either: it is one in which more requests failed.
    """
    percentile = METRICS[metric].percentile
    return METRICS[metric].of_result(result) is not None and (percentile is None or not bounded(percentile, row))


def bounded(percentile: str, row: Row) -> int:
    """In how many blocks a percentile is only a lower bound."""
    quantiles = [totals.latency.quantile(PERCENTILES[percentile]) for totals in row.blocks.values()]
    return sum(quantile is not None and quantile.at_least for quantile in quantiles)
