"""From records to conclusions: rows, comparisons, and what is withheld and why. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bakeoff.analysis import audit, stats
from bakeoff.analysis import bounds as laws
from bakeoff.model import (
    ALL_ENDPOINTS,
    BlockResult,
    Certificate,
    Comparison,
    Condition,
    Estimate,
    Experiment,
    Histogram,
    HistogramKind,
    Interval,
    Latency,
    Load,
    Manifest,
    Metric,
    Record,
    Result,
    Stack,
    Summary,
)

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
MIB = 2**20


@dataclass
class Measured:
    """One stack, condition and endpoint in one block: its slices added up."""

    window_s: float = 0.0
    completed: int = 0
    offered: int = 0
    errors: int = 0
    cpu_s: float = 0.0
    all_completed: int = 0
    latency: Histogram = field(default_factory=lambda: Histogram.of([]))
    lag: Histogram = field(default_factory=lambda: Histogram.of([]))

    @property
    def throughput_rps(self) -> float:
        """Right answers a second."""
        return self.completed / self.window_s

    @property
    def cpu_s_per_request(self) -> float:
        """Server CPU time per right answer; 0 when unknown."""
        return self.cpu_s / self.all_completed if self.all_completed else 0.0


@dataclass
class Row:
    """A stack under a condition at an endpoint, block by block."""

    stack: Stack
    condition: Condition
    endpoint: str
    blocks: dict[int, Measured]
    records: list[Record]

    def per_block(self, metric: Metric) -> dict[int, float]:
        """One value per block, by block number; blocks without one are left out."""
        values = {number: _value(metric, measured) for number, measured in self.blocks.items()}
        return {number: value for number, value in values.items() if value}


def _value(metric: Metric, measured: Measured) -> float | None:
    if metric == "throughput":
        return measured.throughput_rps
    if metric == "cpu_per_request":
        return measured.cpu_s_per_request
    return measured.latency.quantile_s(QUANTILES[metric.removeprefix("latency_")])


def summarise(
    manifest: Manifest, blocks: Sequence[BlockResult], intervals: Iterable[Interval], certificate: Certificate
) -> Summary:
    """The analysis of a whole run."""
    experiment = manifest.experiment
    rows = rows_of(experiment, blocks, intervals)
    cores = max(1, len(manifest.machine.server_cpus))
    results = [
        _result(row, laws.unloaded_latency_s(row.stack.name, row.records, blocks), cores, certificate) for row in rows
    ]
    failures = [record.failure for block in blocks for record in block.records if record.failure]
    return Summary(
        run_id=manifest.run_id,
        experiment=experiment.name,
        profile=manifest.profile,
        baseline=experiment.baseline,
        results=tuple(results),
        comparisons=tuple(_comparisons(experiment, rows, results, manifest.seed)),
        generator=certificate,
        timeline=manifest.timelines,
        failures=tuple(failures),
    )


def rows_of(experiment: Experiment, blocks: Sequence[BlockResult], intervals: Iterable[Interval]) -> list[Row]:
    """Every stack under every condition at every endpoint (``*`` first), block by block."""
    histograms = _by_slice(intervals)
    grouped: dict[tuple[str, str, Load], list[Record]] = defaultdict(list)
    for block in blocks:
        for record in block.records:
            grouped[record.stack, record.scenario, record.load].append(record)
    rows: list[Row] = []
    for scenario in experiment.scenarios:
        for load in experiment.loads:
            for stack in experiment.stacks:
                records = grouped.get((stack.name, scenario.name, load), [])
                endpoints = sorted({counts.endpoint for record in records for counts in record.endpoints})
                for endpoint in [ALL_ENDPOINTS, *endpoints]:
                    measured = _measure(records, endpoint, histograms)
                    rows.append(Row(stack, Condition(scenario.name, load), endpoint, measured, records))
    return rows


SliceKey = tuple[int, int, str, HistogramKind]
"""Block, position, endpoint, kind."""


def _by_slice(intervals: Iterable[Interval]) -> dict[SliceKey, Histogram]:
    parts: dict[SliceKey, list[Histogram]] = defaultdict(list)
    for interval in intervals:
        for endpoint in (interval.endpoint, ALL_ENDPOINTS):
            parts[interval.block, interval.position, endpoint, interval.kind].append(interval.histogram)
    return {key: Histogram.merge(several) for key, several in parts.items()}


def _measure(records: Iterable[Record], endpoint: str, histograms: dict[SliceKey, Histogram]) -> dict[int, Measured]:
    by_block: dict[int, Measured] = {}
    for record in records:
        if record.failure:
            continue
        measured = by_block.setdefault(record.block, Measured())
        measured.window_s += record.window_s
        measured.cpu_s += record.server.cpu_s if record.server else 0.0
        for counts in record.endpoints:
            measured.all_completed += counts.completed
            if endpoint in (ALL_ENDPOINTS, counts.endpoint):
                measured.completed += counts.completed
                measured.offered += counts.offered
                measured.errors += counts.outcomes.errors
        place = (record.block, record.position, endpoint)
        measured.latency = Histogram.merge([measured.latency, histograms.get((*place, "latency"), _NO_VALUES)])
        measured.lag = Histogram.merge([measured.lag, histograms.get((*place, "lag"), _NO_VALUES)])
    return by_block


_NO_VALUES = Histogram.of([])


def _result(row: Row, unloaded_s: float | None, cores: int, certificate: Certificate) -> Result:
    scenario, load = row.condition
    everything = row.endpoint == ALL_ENDPOINTS
    latency = Histogram.merge(measured.latency for measured in row.blocks.values())
    percentiles, too_few = _percentiles(row, latency.total)
    faults = _faults(row, latency, certificate)
    valid = not faults
    throughput = stats.geometric_mean(list(row.per_block("throughput").values()))
    cpu = stats.geometric_mean([1e3 * value for value in row.per_block("cpu_per_request").values()])
    return Result(
        stack=row.stack.name,
        interface=row.stack.interface,
        scenario=scenario,
        endpoint=row.endpoint,
        load=load,
        requests=sum(measured.offered for measured in row.blocks.values()),
        errors=sum(measured.errors for measured in row.blocks.values()),
        throughput_rps=throughput if valid else None,
        latency_ms=Latency(**percentiles, max=_ms(latency.max_s)) if valid else _NOTHING,
        cpu_ms_per_request=cpu if valid and everything else None,
        rss_mib=_rss_mib(row.records),
        reuse_ratio=_reuse(row.records),
        bound=laws.bound(row.stack, load, unloaded_s, cpu.point / 1e3 if cpu else None, cores)
        if everything and valid
        else None,
        valid=valid,
        withheld=tuple(faults if faults else too_few + _unseen(row.records)),
    )


_NOTHING = Latency(p50=None, p90=None, p99=None, p999=None, max=None)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3


def _percentiles(row: Row, requests: int) -> tuple[dict[str, Estimate | None], list[str]]:
    """Each percentile in milliseconds, and why some are not quoted."""
    found: dict[str, Estimate | None] = {}
    reasons: list[str] = []
    for name, quantile in QUANTILES.items():
        found[name] = None
        reason = audit.enough_for(quantile, requests)
        if reason:
            reasons.append(reason)
            continue
        values = [measured.latency.quantile_s(quantile) for measured in row.blocks.values()]
        found[name] = stats.geometric_mean([1e3 * value for value in values if value])
    return found, reasons


def _faults(row: Row, latency: Histogram, certificate: Certificate) -> list[str]:
    """Everything that keeps a row from being published."""
    failed = [record.failure for record in row.records if record.failure]
    if failed:
        return [f"{failure.stage}: {failure.message}" for failure in dict.fromkeys(failed)]
    if not latency.total:
        return ["no right answers"]
    measured = list(row.blocks.values())
    offered = sum(one.offered for one in measured)
    reasons = [counts.reason for record in row.records for counts in record.endpoints if counts.reason]
    faults = audit.errors(offered, sum(one.errors for one in measured), reasons)
    faults += audit.accounting(row.records)
    faults += audit.in_order([latency.quantile_s(quantile) or 0.0 for quantile in QUANTILES.values()])
    if row.endpoint != ALL_ENDPOINTS:
        return faults
    window_s = sum(one.window_s for one in measured)
    mean_s = latency.mean_s or 0.0
    load = row.condition.load
    throughput_rps = sum(one.completed for one in measured) / window_s
    lag = Histogram.merge(one.lag for one in measured)
    faults += audit.littles_law(load, throughput_rps, mean_s)
    faults += audit.outlasts_queue(window_s / len(row.records), mean_s)
    faults += audit.carried(load, offered, window_s)
    faults += audit.sent_on_time(load, lag.quantile_s(0.99), latency.quantile_s(0.99))
    faults += audit.below_ceiling(load, throughput_rps, certificate.closed_ceiling_rps, certificate.open_ceiling_rps)
    faults += audit.generator_kept_up(row.records)
    faults += audit.idle_means_idle(row.records)
    return faults


def _unseen(records: Iterable[Record]) -> list[str]:
    """Why there is no CPU time and no memory, where nobody could look."""
    reasons = dict.fromkeys(record.server_unknown for record in records if record.server_unknown)
    return [f"server CPU time and memory are unknown: {reason}" for reason in reasons]


def _rss_mib(records: Iterable[Record]) -> float | None:
    sizes = [record.server.rss_bytes for record in records if record.server]
    return max(sizes) / MIB if sizes else None


def _reuse(records: Iterable[Record]) -> float | None:
    uses = [record.generator for record in records if record.generator]
    sent = sum(use.requests_sent for use in uses)
    return max(0.0, 1 - sum(use.connections_opened for use in uses) / sent) if sent else None


_METRICS: tuple[Metric, ...] = ("throughput", "latency_p50", "latency_p90", "latency_p99", "cpu_per_request")


def _comparisons(
    experiment: Experiment, rows: Sequence[Row], results: Sequence[Result], seed: int
) -> Iterable[Comparison]:
    """Each candidate against the baseline, Holm-corrected over the candidates of one metric, load and endpoint."""
    if experiment.blocks < 2:
        return
    valid = {
        (row.stack.name, *row.condition, row.endpoint): (row, result)
        for row, result in zip(rows, results, strict=True)
        if result.valid
    }
    for (stack, scenario, load, endpoint), (base, base_result) in valid.items():
        if stack != experiment.baseline:
            continue
        candidates = [
            pair
            for other in experiment.stacks
            if other.name != stack and (pair := valid.get((other.name, scenario, load, endpoint)))
        ]
        for metric in _METRICS:
            measurable = [row for row, result in candidates if quoted(metric, result) and quoted(metric, base_result)]
            yield from _compare(experiment, metric, base, measurable, seed)


def quoted(metric: Metric, result: Result) -> bool:
    """Whether a row gives a number for a metric."""
    if metric == "throughput":
        return result.throughput_rps is not None
    if metric == "cpu_per_request":
        return result.cpu_ms_per_request is not None
    return getattr(result.latency_ms, metric.removeprefix("latency_")) is not None


def _compare(
    experiment: Experiment, metric: Metric, base: Row, candidates: Sequence[Row], seed: int
) -> Iterable[Comparison]:
    pairs = [_log_ratios(metric, base, candidate) for candidate in candidates]
    kept = [(row, logs) for row, logs in zip(candidates, pairs, strict=True) if len(logs) > 1]
    p_values = stats.holm([stats.sign_flip_p(logs, np.random.default_rng(seed)) for _, logs in kept])
    for (row, logs), p_value in zip(kept, p_values, strict=True):
        ratio = stats.ratio_estimate(logs)
        yield Comparison(
            metric=metric,
            scenario=base.condition.scenario,
            endpoint=base.endpoint,
            load=base.condition.load,
            baseline=base.stack.name,
            candidate=row.stack.name,
            ratio=ratio,
            p_value=p_value,
            verdict=stats.verdict(
                ratio, p_value, experiment.alpha, experiment.margin, more_is_faster=metric == "throughput"
            ),
        )


def _log_ratios(metric: Metric, base: Row, candidate: Row) -> list[float]:
    ours, theirs = base.per_block(metric), candidate.per_block(metric)
    return [float(np.log(theirs[number] / ours[number])) for number in sorted(ours.keys() & theirs.keys())]
