"""A row becomes a result: estimates over its blocks, its bound, and why numbers are withheld. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from bakeoff.analysis.audit import enough_for
from bakeoff.analysis.bounds import bound
from bakeoff.analysis.metrics import PERCENTILES, per_block
from bakeoff.analysis.rows import Row
from bakeoff.analysis.stats import geometric_mean, jackknife_estimate
from bakeoff.model import ALL_ENDPOINTS, Estimate, Histogram, Latency, Metric, Record, Result

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
    """The percentiles of all requests, and why some are not quoted."""
    percentiles: dict[str, Estimate | None] = {}
    reasons: list[str] = []
    by_block = [totals.latency for totals in row.blocks.values() if totals.latency.total]
    without_block = [Histogram.merge(by_block[:index] + by_block[index + 1 :]) for index in range(len(by_block))]
    for name, share in PERCENTILES.items():
        reason = enough_for(share, row.total.latency.total)
        percentiles[name] = None if reason else _percentile(share, row.total.latency, without_block, by_block)
        reasons += [reason] if reason else []
    max_s = row.total.latency.max_s
    return Latency(**percentiles, max=None if max_s is None else 1e3 * max_s), reasons


def _percentile(
    share: float, all_blocks: Histogram, without_block: Sequence[Histogram], by_block: Sequence[Histogram]
) -> Estimate:
    point_ms, *others_ms = (
        1e3 * (histogram.quantile_s(share) or 0.0) for histogram in (all_blocks, *without_block, *by_block)
    )
    blocks = len(by_block)
    if blocks < 2:
        return jackknife_estimate(point_ms, (), by_block=[point_ms])
    return jackknife_estimate(point_ms, others_ms[:blocks], others_ms[blocks:])


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
