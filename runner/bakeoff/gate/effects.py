"""What one block of a duet says of each metric: log(head / base), above zero being worse. Pure.

Over all endpoints a latency is the mean of the endpoints' effects, weighted by their requests. The median of a mixture
of cakes and frostings would be a number of neither, and jump from one to the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.audit import GENERATOR_BUSY, sent_on_time
from bakeoff.gate.decision import Effects, Key
from bakeoff.gate.trial import Measured
from bakeoff.histogram import Histogram
from bakeoff.model import BlockResult, ClosedLoad, Counts, GateMetric, Interval, OpenLoad, Record
from bakeoff.tallies import total_fates

BASE, HEAD = SIDES = "base", "head"
QUANTILES: Mapping[GateMetric, float] = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p99": 0.99}
FEWEST = {"latency_p50": 5, "latency_p90": 20, "latency_p99": 50}
"""Answers of each side below which a block says nothing of a percentile."""


@dataclass(frozen=True)
class _Pair:
    """The records of both sides under one kind of load: one each, or one for each round of a closed loop."""

    base: Sequence[Record]
    head: Sequence[Record]


def measured(block: BlockResult, intervals: Sequence[Interval]) -> Measured:
    """The effects of a block, and the counts of its requests."""
    closed, opened = (_pair(block, kind) for kind in (ClosedLoad, OpenLoad))
    effects: dict[Key, float] = {}
    effects.update(_cpu(block))
    effects.update(_throughput(closed, intervals))
    for metric, quantile in QUANTILES.items():
        effects.update(_latency(metric, quantile, opened, intervals))
    effects.update(_memory(opened))
    effects.update(_log_ratio("start_up", block.ready_s.get(BASE), block.ready_s.get(HEAD)))
    return Measured(
        effects=effects, base=_counted((*closed.base, *opened.base)), head=_counted((*closed.head, *opened.head))
    )


def levels(block: BlockResult, intervals: Sequence[Interval], side: str) -> Mapping[Key, float]:
    """Logarithms of one side's metrics in a block: CPU and memory over all, latencies by endpoint."""
    opened = _of(block, side, OpenLoad)
    values: dict[Key, float | None] = {
        Key("cpu_per_request"): _cpu_per_request_s(_of(block, side, ClosedLoad, OpenLoad)),
        Key("memory"): _rss_bytes(opened),
    }
    for endpoint in _endpoints(opened):
        found = _latencies(opened, endpoint, intervals)
        values |= {
            Key(metric, endpoint): found.quantile_s(quantile)
            for metric, quantile in QUANTILES.items()
            if found.total >= FEWEST[metric]
        }
    return {key: float(np.log(value)) for key, value in values.items() if value is not None and value > 0}


def _pair(block: BlockResult, kind: type[ClosedLoad] | type[OpenLoad]) -> _Pair:
    return _Pair(base=_of(block, BASE, kind), head=_of(block, HEAD, kind))


def _of(block: BlockResult, side: str, *kinds: type[ClosedLoad] | type[OpenLoad]) -> list[Record]:
    return [record for record in block.records if record.stack == side and isinstance(record.load, kinds)]


def _counted(records: Iterable[Record]) -> Counts:
    fates = total_fates(tally for record in records for tally in record.tallies)
    return Counts(requests=fates.offered, errors=fates.errors)


def _log_ratio(metric: GateMetric, base: float | None, head: float | None) -> Effects:
    # CPU time can seem to be negative: a worker process that ends takes what it used with it.
    if base is None or head is None or min(base, head) <= 0:
        return {}
    return {Key(metric): float(np.log(head / base))}


def _cpu(block: BlockResult) -> Effects:
    """Server CPU time per right answer, while both compete for the same CPUs, over both loads."""
    base, head = (_cpu_per_request_s(_of(block, side, ClosedLoad, OpenLoad)) for side in SIDES)
    return _log_ratio("cpu_per_request", base, head)


def _cpu_per_request_s(records: Sequence[Record]) -> float | None:
    answers = sum(tally.completed for record in records for tally in record.tallies)
    cpu_s = [record.server.cpu_s for record in records if record.server]
    return sum(cpu_s) / answers if answers and len(cpu_s) == len(records) else None


def _memory(pair: _Pair) -> Effects:
    return _log_ratio("memory", _rss_bytes(pair.base), _rss_bytes(pair.head))


def _rss_bytes(records: Sequence[Record]) -> float | None:
    """What a side held last."""
    last = records[-1].server
    return last.rss_bytes if last else None


def _throughput(pair: _Pair, intervals: Sequence[Interval]) -> Effects:
    """What users who only asked one side would get: users / latency (Little 1961), here as the ratio of latencies."""
    per_endpoint = {
        endpoint: (float(np.log(head.mean_s / base.mean_s)), base.total + head.total)
        for endpoint, base, head in _by_endpoint(pair, intervals, fewest=1)
        if base.mean_s and head.mean_s
    }
    return _over_all("throughput", per_endpoint)


def _latency(metric: GateMetric, quantile: float, pair: _Pair, intervals: Sequence[Interval]) -> Effects:
    per_endpoint: dict[str, tuple[float, int]] = {}
    for endpoint, base, head in _by_endpoint(pair, intervals, FEWEST[metric]):
        low, high = base.quantile_s(quantile), head.quantile_s(quantile)
        if low and high:
            per_endpoint[endpoint] = float(np.log(high / low)), base.total + head.total
    effects: dict[Key, float] = dict(_over_all(metric, per_endpoint))
    if len(per_endpoint) > 1:
        effects.update({Key(metric, endpoint): effect for endpoint, (effect, _) in per_endpoint.items()})
    return effects


def _over_all(metric: GateMetric, per_endpoint: Mapping[str, tuple[float, int]]) -> Effects:
    if not per_endpoint:
        return {}
    effects, weights = zip(*per_endpoint.values(), strict=True)
    return {Key(metric): float(np.average(effects, weights=weights))}


def _by_endpoint(pair: _Pair, intervals: Sequence[Interval], fewest: int) -> list[tuple[str, Histogram, Histogram]]:
    """Endpoint, latencies of the base, latencies of the head, where both have enough answers."""
    found = []
    for endpoint in sorted(_endpoints(pair.base) | _endpoints(pair.head)):
        base, head = (_latencies(records, endpoint, intervals) for records in (pair.base, pair.head))
        if min(base.total, head.total) >= fewest:
            found.append((endpoint, base, head))
    return found


def _endpoints(records: Sequence[Record]) -> set[str]:
    return {tally.endpoint for record in records for tally in record.tallies}


def _latencies(records: Sequence[Record], endpoint: str, intervals: Sequence[Interval]) -> Histogram:
    positions = {record.position for record in records}
    return Histogram.merge(
        one.histogram
        for one in intervals
        if one.position in positions and one.endpoint == endpoint and one.kind == "latency"
    )


def spoiled(block: BlockResult, intervals: Sequence[Interval]) -> str | None:
    """Why a block is not to be decided on, through no fault of either side, or ``None``.

    Both sides share one generator, so leaving a block out for its sake favours neither.
    """
    pair = _pair(block, OpenLoad)
    opened = (*pair.base, *pair.head)
    load, use = opened[0].load, opened[0].generator
    if use is not None and use.cpu_s > GENERATOR_BUSY * use.window_s:
        return f"the load generator was busy for {use.cpu_s / use.window_s:.0%} of the open loop"
    positions = {record.position for record in opened}
    lag, latency = (
        Histogram.merge(one.histogram for one in intervals if one.position in positions and one.kind == kind)
        for kind in ("lag", "latency")
    )
    return next(iter(sent_on_time(load, lag.quantile_s(0.99), latency.quantile_s(0.99))), None)
