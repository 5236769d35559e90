"""What one block of a duet says of each metric: log(head / base), above zero being worse. Pure.

Over all endpoints a latency is the mean of the endpoints' effects, weighted by their requests. The median of a mixture
of cakes and frostings would be a number of neither, and jump from one to the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.analysis.audit import GENERATOR_BUSY, sent_on_time
from bakeoff.gate.decision import Effects, Key
from bakeoff.gate.state import Measured
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
    OpenLoad,
    Record,
    total_outcomes,
)

QUANTILES: Mapping[GateMetric, float] = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p99": 0.99}
FEWEST = {"latency_p50": 5, "latency_p90": 20, "latency_p99": 50}
"""Answers of each side below which a block says nothing of a percentile."""


@dataclass(frozen=True)
class _Level:
    """One side's metric in a block: its logarithm, and how many answers it rests on."""

    log: float
    answers: int


_Levels = dict[Key, _Level]


def measured(block: BlockResult, intervals: Sequence[Interval]) -> Measured:
    """The effects of a block, and the counts of its requests."""
    base, head = (_levels(block, intervals, side) | _busy(block, intervals, side) for side in SIDES)
    both = [key for key in base if key in head]
    effects = {key: head[key].log - base[key].log for key in both}
    answers = {key: base[key].answers + head[key].answers for key in both}
    return Measured(effects=_over_all(effects, answers), base=_counted(block, BASE), head=_counted(block, HEAD))


def levels(block: BlockResult, intervals: Sequence[Interval], side: str) -> Mapping[Key, float]:
    """Logarithms of one side's metrics in a block: CPU, memory and start-up over all, latencies by endpoint."""
    return {key: level.log for key, level in _levels(block, intervals, side).items()}


def _levels(block: BlockResult, intervals: Sequence[Interval], side: str) -> _Levels:
    closed, opened = _of(block, side, ClosedLoad), _of(block, side, OpenLoad)
    found = {
        **_level(Key("cpu_per_request"), _cpu_per_request_s((*closed, *opened))),
        **_level(Key("memory"), _rss_bytes(opened)),
        **_level(Key("start_up"), block.ready_s.get(side)),
    }
    for endpoint, latencies in _by_endpoint(opened, intervals).items():
        for metric, quantile in QUANTILES.items():
            if latencies.total >= FEWEST[metric]:
                found |= _level(Key(metric, endpoint), latencies.quantile_s(quantile), latencies.total)
    return found


def _busy(block: BlockResult, intervals: Sequence[Interval], side: str) -> _Levels:
    """What users who only asked one side would get: users / mean latency (Little 1961), here as that latency."""
    found: _Levels = {}
    for endpoint, latencies in _by_endpoint(_of(block, side, ClosedLoad), intervals).items():
        found |= _level(Key("throughput", endpoint), latencies.mean_s, latencies.total)
    return found


def _level(key: Key, value: float | None, answers: int = 0) -> _Levels:
    # CPU time can seem to be negative: a worker process that ends takes what it used with it.
    return {} if value is None or value <= 0 else {key: _Level(float(np.log(value)), answers)}


def _over_all(effects: Effects, answers: Mapping[Key, int]) -> Effects:
    """The effects, with those of endpoints joined into one a metric; endpoints stay where a latency has several."""
    found = {key: effect for key, effect in effects.items() if key.endpoint == ALL_ENDPOINTS}
    for metric in dict.fromkeys(key.metric for key in effects if key.endpoint != ALL_ENDPOINTS):
        own = {key: effect for key, effect in effects.items() if key.metric == metric}
        found[Key(metric)] = float(np.average(list(own.values()), weights=[answers[key] for key in own]))
        if metric in QUANTILES and len(own) > 1:
            found |= own
    return found


def _of(block: BlockResult, side: str, kind: type[ClosedLoad] | type[OpenLoad]) -> list[Record]:
    return [record for record in block.records if record.stack == side and isinstance(record.load, kind)]


def _counted(block: BlockResult, side: str) -> Counts:
    outcomes = total_outcomes(counts for record in block.records if record.stack == side for counts in record.endpoints)
    return Counts(requests=outcomes.offered, errors=outcomes.errors)


def _cpu_per_request_s(records: Sequence[Record]) -> float | None:
    """Server CPU time per right answer, while both sides compete for the same CPUs."""
    answers = sum(counts.completed for record in records for counts in record.endpoints)
    cpu_s = [record.server.cpu_s for record in records if record.server]
    return sum(cpu_s) / answers if answers and len(cpu_s) == len(records) else None


def _rss_bytes(records: Sequence[Record]) -> float | None:
    """What a side held last."""
    last = records[-1].server
    return last.rss_bytes if last else None


def _by_endpoint(records: Sequence[Record], intervals: Sequence[Interval]) -> dict[str, Histogram]:
    """All latencies of each endpoint that was answered."""
    positions = {record.position for record in records}
    wanted = [one for one in intervals if one.position in positions and one.kind == "latency"]
    endpoints = sorted({one.endpoint for one in wanted})
    merged = {name: Histogram.merge(one.histogram for one in wanted if one.endpoint == name) for name in endpoints}
    return {name: histogram for name, histogram in merged.items() if histogram.total}


def spoiled(block: BlockResult, intervals: Sequence[Interval]) -> str | None:
    """Why a block is not to be decided on, through no fault of either side, or ``None``.

    Both sides share one generator, so leaving a block out for its sake favours neither.
    """
    opened = [record for side in SIDES for record in _of(block, side, OpenLoad)]
    load, use = opened[0].load, opened[0].generator
    if use is not None and use.cpu_s > GENERATOR_BUSY * use.window_s:
        return f"the load generator was busy for {use.cpu_s / use.window_s:.0%} of the open loop"
    positions = {record.position for record in opened}
    lag, latency = (
        Histogram.merge(one.histogram for one in intervals if one.position in positions and one.kind == kind)
        for kind in ("lag", "latency")
    )
    return next(iter(sent_on_time(load, lag.quantile_s(0.99), latency.quantile_s(0.99))), None)
