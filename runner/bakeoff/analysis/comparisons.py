"""The stacks of one run against its baseline, block by block. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bakeoff.analysis.metrics import METRICS, RUN_METRICS, is_quoted, per_block
from bakeoff.analysis.rows import Row
from bakeoff.analysis.stats import holm, ratio_estimate, sign_flip_p, verdict
from bakeoff.model import Comparison, Experiment, Metric, Result


def comparisons_of(
    experiment: Experiment, rows: Sequence[Row], results: Sequence[Result], seed: int
) -> Iterator[Comparison]:
    """Each candidate against the baseline, by condition, endpoint and metric, where both have an estimate."""
    if experiment.blocks < 2:
        return
    quoted = {
        metric: {row.key: row for row, result in zip(rows, results, strict=True) if is_quoted(metric, result)}
        for metric in RUN_METRICS
    }
    candidates = [stack.name for stack in experiment.stacks if stack.name != experiment.baseline]
    for baseline in rows:
        if baseline.stack.name != experiment.baseline:
            continue
        for metric, rows_of_metric in quoted.items():
            if baseline.key in rows_of_metric:
                others = [rows_of_metric.get(baseline.key_of(name)) for name in candidates]
                yield from _compared(experiment, metric, baseline, [row for row in others if row], seed)


def _compared(
    experiment: Experiment, metric: Metric, baseline: Row, candidates: Sequence[Row], seed: int
) -> Iterator[Comparison]:
    """One metric at one endpoint. Its p-values are corrected for the number of candidates (Holm)."""
    log_ratios = {row.stack.name: _log_ratios(metric, baseline, row) for row in candidates}
    compared = {name: logs for name, logs in log_ratios.items() if len(logs) > 1}
    p_values = holm([sign_flip_p(logs, np.random.default_rng(seed)) for logs in compared.values()])
    more_is_better = METRICS[metric].more_is_better
    for (name, logs), p_value in zip(compared.items(), p_values, strict=True):
        ratio = ratio_estimate(logs)
        yield Comparison(
            metric=metric,
            scenario=baseline.condition.scenario,
            endpoint=baseline.endpoint,
            load=baseline.condition.load,
            baseline=baseline.stack.name,
            candidate=name,
            ratio=ratio,
            p_value=p_value,
            verdict=verdict(ratio, p_value, experiment.alpha, experiment.margin, more_is_better=more_is_better),
        )


def _log_ratios(metric: Metric, baseline: Row, candidate: Row) -> list[float]:
    """log(candidate / baseline) in every block that measured both."""
    base, other = per_block(metric, baseline), per_block(metric, candidate)
    return [float(np.log(other[number] / base[number])) for number in sorted(base.keys() & other.keys())]
