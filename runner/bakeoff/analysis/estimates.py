"""A row becomes a result: estimates over its blocks, its bound, and why numbers are withheld. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from bakeoff.analysis.audit import enough_for
from bakeoff.analysis.bounds import bound
from bakeoff.analysis.metrics import PERCENTILES, bounded, per_block, percentile_title
from bakeoff.analysis.rows import Row
from bakeoff.analysis.stats import LEVEL, geometric_mean, jackknife_estimate
from bakeoff.model import ALL_ENDPOINTS, Estimate, Latencies, Latency, Metric, Quantile, Record, Result

MIB = 2**20


def result_of(row: Row, reasons: Sequence[str], cores: float) -> Result:
    """What is published of a row: its numbers, or the reasons to withhold them."""
    result = Result(
        stack=row.stack.name,
        interface=row.stack.interface,
        scenario=row.condition.scenario,
        endpoint=row.endpoint,
        load=row.condition.load,
        requests=row.total.offered,
        errors=row.total.errors,
        throughput_rps=None,
        latency_ms=Latency(p50=None, p90=None, p99=None, p999=None, max=None),
        cpu_ms_per_request=None,
        rss_mib=_rss_mib(row.records),
        reuse_ratio=_reuse_ratio(row.records),
        bound=None,
        valid=not reasons,
        withheld=tuple(reasons),
    )
    return result if reasons else _with_numbers(result, row, cores)


def _with_numbers(result: Result, row: Row, cores: float) -> Result:
    latency, too_few = _latency(row)
    result = msgspec.structs.replace(
        result,
        throughput_rps=_estimate(row, "throughput"),
        latency_ms=latency,
        withheld=(*too_few, *_unknown_use(row.records)),
    )
    if row.endpoint != ALL_ENDPOINTS:
        return result
    cpu_ms = _estimate(row, "cpu_per_request")
    cpu_s = cpu_ms.point / 1e3 if cpu_ms else None
    return msgspec.structs.replace(
        result, cpu_ms_per_request=cpu_ms, bound=bound(row.stack, row.condition.load, row.unloaded_s, cpu_s, cores)
    )


def _estimate(row: Row, metric: Metric) -> Estimate | None:
    return geometric_mean(list(per_block(metric, row).values()))


def _latency(row: Row) -> tuple[Latency, list[str]]:
    """The percentiles of all requests, and what is to be said about those that are not quoted or not exact."""
    percentiles: dict[str, Estimate | None] = dict.fromkeys(PERCENTILES)
    at_least: list[str] = []
    reasons: list[str] = []
    by_block = [totals.latency for totals in row.blocks.values() if totals.latency.total]
    without_block = [Latencies.merge(by_block[:index] + by_block[index + 1 :]) for index in range(len(by_block))]
    for name, share in PERCENTILES.items():
        quantile = row.total.latency.quantile(share)
        too_few = enough_for(share, row.total.latency.total)
        if too_few or quantile is None:
            reasons += [too_few] if too_few else []
            continue
        percentiles[name] = _percentile(share, quantile, without_block, by_block)
        at_least += [name] if quantile.at_least else []
        reasons += _not_exact(name, row, quantile)
    longest = row.total.latency.quantile(1.0)
    max_ms = None if longest is None else 1e3 * longest.value_s
    at_least += ["max"] if longest and longest.at_least else []
    return Latency(**percentiles, max=max_ms, at_least=tuple(at_least)), reasons


def _percentile(
    share: float, quantile: Quantile, without_block: Sequence[Latencies], by_block: Sequence[Latencies]
) -> Estimate:
    """A percentile with its interval; without one where it, or a value that the interval is made of, is a bound."""
    point_ms, blocks = 1e3 * quantile.value_s, len(by_block)
    parts = [part for latencies in (*without_block, *by_block) if (part := latencies.quantile(share))]
    if blocks < 2 or quantile.at_least or any(part.at_least for part in parts):
        return Estimate(point=point_ms, low=None, high=None, level=LEVEL, n=blocks)
    others_ms = [1e3 * part.value_s for part in parts]
    return jackknife_estimate(point_ms, others_ms[:blocks], others_ms[blocks:])


def _not_exact(name: str, row: Row, quantile: Quantile) -> list[str]:
    """What is to be said of a percentile that is a lower bound, in all blocks together or in one of them."""
    title = percentile_title(name)
    errors = f"{row.total.errors:,} of {row.total.offered:,} requests got no right answer"
    if quantile.at_least:
        return [f"{title} is a lower bound, without interval and verdict: {errors}"]
    blocks = bounded(name, row)
    where = f"a lower bound in {blocks} of {len(row.blocks)} blocks"
    return [f"{title} is without interval and verdict, since it is {where}: {errors}"] if blocks else []


def _unknown_use(records: Iterable[Record]) -> list[str]:
    """Why there is no CPU time and no memory, where they could not be read."""
    reasons = dict.fromkeys(record.server_unknown for record in records if record.server_unknown)
    return [f"server CPU time and memory are unknown: {reason}" for reason in reasons]


def _rss_mib(records: Iterable[Record]) -> float | None:
    """The most memory that the stack's processes held together."""
    sizes = [record.server.rss_bytes for record in records if record.server]
    return max(sizes) / MIB if sizes else None


def _reuse_ratio(records: Iterable[Record]) -> float | None:
    """The share of requests that were sent on a connection already open."""
    uses = [record.generator for record in records if record.generator]
    sent = sum(use.requests_sent for use in uses)
    return max(0.0, 1 - sum(use.connections_opened for use in uses) / sent) if sent else None
