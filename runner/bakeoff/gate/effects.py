"""The effects of one paired block: log(head / base) of each metric, above zero being worse. Pure.

Over all endpoints, a latency effect is the mean of the endpoints' effects, weighted by their requests. The median of a
mixture of fast and slow endpoints would belong to neither, and jump from one to the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.analysis import GENERATOR_BUSY, METRICS, PERCENTILES, accounting, all_users_ran, errors, sent_on_time
from bakeoff.model import (
    ALL_ENDPOINTS,
    BASE,
    HEAD,
    SIDES,
    BlockResult,
    ClosedLoad,
    Counts,
    GateMetric,
    Histogram,
    Interval,
    Latencies,
    OpenLoad,
    Record,
    total_outcomes,
)

QUANTILES: Mapping[GateMetric, float] = {
    metric: PERCENTILES[definition.percentile] for metric, definition in METRICS.items() if definition.percentile
}
MIN_ANSWERS = {"latency_p50": 5, "latency_p90": 20, "latency_p99": 50}
"""Answers that each side must have given in a block for it to have an effect on a percentile."""


@dataclass(frozen=True, order=True)
class MetricKey:
    """A metric at an endpoint."""

    metric: GateMetric
    endpoint: str = ALL_ENDPOINTS


Effects = Mapping[MetricKey, float]
"""The effects of one block. A metric that could not be measured, or is only a bound on a side, is absent."""


@dataclass(frozen=True)
class BlockCounts:
    """The requests and errors of both sides of a block."""

    base: Counts
    head: Counts


@dataclass(frozen=True)
class BlockEffects:
    """What one block contributes to the decision."""

    effects: Effects
    counts: BlockCounts
    censored: frozenset[MetricKey] = frozenset()
    """The percentiles that are only lower bounds on a side, since they fall among requests without a right answer."""


@dataclass(frozen=True)
class _Measurement:
    """One side's metric in a block: its logarithm, and the number of answers behind it."""

    log: float
    answers: int


_Measurements = dict[MetricKey, _Measurement]


def block_effects(block: BlockResult, intervals: Sequence[Interval]) -> BlockEffects:
    """The effects of a block, given its histograms."""
    base, head = (_measurements(block, intervals, side) for side in SIDES)
    on_both_sides = [key for key in base if key in head]
    effects = {key: head[key].log - base[key].log for key in on_both_sides}
    answers = {key: base[key].answers + head[key].answers for key in on_both_sides}
    censored = frozenset(key for side in SIDES for key in _censored(block, intervals, side))
    censored_metrics = {key.metric for key in censored}
    joined = _with_all_endpoints(effects, answers)
    return BlockEffects(
        effects={
            key: effect
            for key, effect in joined.items()
            if key.endpoint != ALL_ENDPOINTS or key.metric not in censored_metrics
        },
        counts=block_counts(block),
        censored=censored,
    )


def block_counts(block: BlockResult) -> BlockCounts:
    """The requests and errors of both sides. They count even where the effects of the block do not."""
    return BlockCounts(base=_counts(block, BASE), head=_counts(block, HEAD))


def log_metrics(block: BlockResult, intervals: Sequence[Interval], side: str) -> Mapping[MetricKey, float]:
    """Logarithms of one side's metrics: latencies by endpoint, all others over all endpoints."""
    return {key: measurement.log for key, measurement in _measurements(block, intervals, side).items()}


def why_not_believed(block: BlockResult) -> str | None:
    """Why nothing that was counted in a block can be believed; ``None`` if it can be.

    This ends the gate: a block could not be left out without regard to what was wrong with it.
    """
    for record in block.records:
        for problem in (*accounting([record]), *all_users_ran([record])):
            return f"{record.stack}: {problem}"
    return None


def why_unusable(block: BlockResult, intervals: Sequence[Interval]) -> str | None:
    """Why the effects of a block must be left out; ``None`` if they need not be.

    Either the load generator was too slow, which favours neither side, because they share it. Or requests failed at the
    base, so that there is nothing to compare with. Errors are compared in all blocks: without those in which the base
    fails, only the head's failures would count.
    """
    base = _counts(block, BASE)
    if failed := errors(base.requests, base.errors, filter(None, [base.reason])):
        return f"at the base, {failed[0]}"
    open_records = [record for side in SIDES for record in _records(block, side, OpenLoad)]
    for use in (record.generator for record in open_records):
        if use is not None and use.cpu_s > GENERATOR_BUSY * use.window_s:
            return f"the load generator was busy for {use.cpu_s / use.window_s:.0%} of the open loop"
    lag, latency = (
        Histogram.merge(interval.histogram for interval in _intervals(open_records, intervals) if interval.kind == kind)
        for kind in ("lag", "latency")
    )
    return next(iter(sent_on_time(open_records[0].load, lag.quantile_s(0.99), latency.quantile_s(0.99))), None)


def _measurements(block: BlockResult, intervals: Sequence[Interval], side: str) -> _Measurements:
    """All metrics of a side."""
    closed_records, open_records = _records(block, side, ClosedLoad), _records(block, side, OpenLoad)
    measurements = {
        **_measurement(MetricKey("cpu_per_request"), _cpu_per_request_s(open_records)),
        **_measurement(MetricKey("throughput"), _s_per_request(closed_records)),
        **_measurement(MetricKey("memory"), _rss_bytes(open_records)),
        **_measurement(MetricKey("start_up"), block.ready_s.get(side)),
    }
    for endpoint, latencies in _latencies(open_records, intervals).items():
        for metric, quantile in QUANTILES.items():
            if latencies.right.total >= MIN_ANSWERS[metric]:
                key = MetricKey(metric, endpoint)
                measurements |= _measurement(key, _exact_s(latencies, quantile), latencies.right.total)
    return measurements


def _censored(block: BlockResult, intervals: Sequence[Interval], side: str) -> Iterator[MetricKey]:
    """The percentiles of a side that are only lower bounds."""
    for endpoint, latencies in _latencies(_records(block, side, OpenLoad), intervals).items():
        for metric, share in QUANTILES.items():
            quantile = latencies.quantile(share)
            if latencies.total >= MIN_ANSWERS[metric] and quantile is not None and quantile.at_least:
                yield MetricKey(metric, endpoint)


def _exact_s(latencies: Latencies, share: float) -> float | None:
    """A quantile of all requests; ``None`` where it falls among those without a right answer, and is only a bound."""
    quantile = latencies.quantile(share)
    return None if quantile is None or quantile.at_least else quantile.value_s


def _measurement(key: MetricKey, value: float | None, answers: int = 0) -> _Measurements:
    # A CPU time can appear negative: when a worker process ends, its share leaves the kernel's account.
    return {} if value is None or value <= 0 else {key: _Measurement(float(np.log(value)), answers)}


def _with_all_endpoints(effects: Effects, answers: Mapping[MetricKey, int]) -> Effects:
    """The effects over all endpoints; those of single endpoints stay for latencies that have several."""
    joined = {key: effect for key, effect in effects.items() if key.endpoint == ALL_ENDPOINTS}
    for metric in dict.fromkeys(key.metric for key in effects if key.endpoint != ALL_ENDPOINTS):
        by_endpoint = {key: effect for key, effect in effects.items() if key.metric == metric}
        weights = [answers[key] for key in by_endpoint]
        joined[MetricKey(metric)] = float(np.average(list(by_endpoint.values()), weights=weights))
        if metric in QUANTILES and len(by_endpoint) > 1:
            joined |= by_endpoint
    return joined


def _records(block: BlockResult, side: str, kind: type[ClosedLoad] | type[OpenLoad]) -> list[Record]:
    return [record for record in block.records if record.stack == side and isinstance(record.load, kind)]


def _counts(block: BlockResult, side: str) -> Counts:
    endpoints = [counts for record in block.records if record.stack == side for counts in record.endpoints]
    outcomes = total_outcomes(endpoints)
    reason = next((counts.reason for counts in endpoints if counts.reason), None)
    return Counts(requests=outcomes.offered, errors=outcomes.errors, reason=reason)


def _cpu_per_request_s(records: Sequence[Record]) -> float | None:
    """Server CPU time per right answer; ``None`` if it is unknown for a part of the records."""
    answers = sum(counts.completed for record in records for counts in record.endpoints)
    cpu_s = [record.server.cpu_s for record in records if record.server]
    return sum(cpu_s) / answers if answers and len(cpu_s) == len(records) else None


def _s_per_request(records: Sequence[Record]) -> float | None:
    """The inverse of throughput: the time that a side had in the closed loop, for each right answer."""
    answers = sum(counts.completed for record in records for counts in record.endpoints)
    return sum(record.window_s for record in records) / answers if answers else None


def _rss_bytes(records: Sequence[Record]) -> float | None:
    """Memory in use at the end of the last record."""
    server = records[-1].server
    return server.rss_bytes if server else None


def _latencies(records: Sequence[Record], intervals: Sequence[Interval]) -> dict[str, Latencies]:
    """All latencies by endpoint, of endpoints with at least one request."""
    of_records = _intervals(records, intervals)
    by_endpoint = {
        endpoint: Latencies.of(interval for interval in of_records if interval.endpoint == endpoint)
        for endpoint in sorted({interval.endpoint for interval in of_records})
    }
    return {endpoint: latencies for endpoint, latencies in by_endpoint.items() if latencies.total}


def _intervals(records: Sequence[Record], intervals: Sequence[Interval]) -> list[Interval]:
    positions = {record.position for record in records}
    return [interval for interval in intervals if interval.position in positions]
