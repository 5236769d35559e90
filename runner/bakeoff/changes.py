"""One run against another: by how much each stack changed in between, and how sure that is. Pure.

Blocks of two runs are no pairs, so the two-sample tools stand here: Welch's interval on the logarithms, and a
studentised permutation of the blocks between the runs (Janssen, "Studentized permutation tests for non-i.i.d.
hypotheses and the generalized Behrens-Fisher problem", Statistics & Probability Letters 36, 1997). Both know how much
blocks differ within a run. Neither knows what else changed on the machine from one run to the other: the surer way to
compare two versions of a stack is to put both into one experiment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bakeoff.analysis import Row, quoted, rows_of
from bakeoff.model import ALL_ENDPOINTS, Estimate, Load, Metric, Result, Struct, Verdict
from bakeoff.run import Run
from bakeoff.stats import LEVEL, holm, verdict

METRICS: tuple[Metric, ...] = ("throughput", "latency_p50", "latency_p99", "cpu_per_request")
RESAMPLES = 9_999
"""Permutations drawn where there are more; all of them otherwise."""

NO_SPREAD = 1e-9
"""Logarithms that lie closer together count as one value."""

Key = tuple[str, str, Load]
"""Stack, scenario, load."""


class Change(Struct, frozen=True, kw_only=True):
    """A stack in one run against the same stack in the first run. ``ratio`` is this run over the first."""

    metric: Metric
    stack: str
    scenario: str
    load: Load
    ratio: Estimate
    p_value: float
    """Two-sided, corrected for the number of stacks (Holm)."""
    verdict: Verdict


def welch_ratio(first_logs: ArrayLike, other_logs: ArrayLike, level: float = LEVEL) -> Estimate:
    """exp(difference of means) of logarithms, one per block, with Welch's interval (Biometrika 34, 1947).

    ``n`` is the smaller number of blocks. No interval where one of them has a single block, or where neither varies.
    """
    first, other = (np.asarray(logs, dtype=np.float64) for logs in (first_logs, other_logs))
    difference, n = float(other.mean() - first.mean()), min(len(first), len(other))
    point = float(np.exp(difference))
    if n < 2 or not _vary(first, other):
        return Estimate(point=point, low=None, high=None, level=level, n=n)
    parts = np.array([each.var(ddof=1) / len(each) for each in (first, other)])
    freedom = parts.sum() ** 2 / (parts**2 / [len(first) - 1, len(other) - 1]).sum()
    half = float(stats.t.ppf((1 + level) / 2, freedom) * np.sqrt(parts.sum()))
    low, high = np.exp([difference - half, difference + half]).tolist()
    return Estimate(point=point, low=low, high=high, level=level, n=n)


def _vary(*samples: NDArray[np.float64]) -> bool:
    """Whether there is any spread beyond what rounding leaves."""
    return any(float(np.ptp(each)) > NO_SPREAD for each in samples)


def permutation_p(first_logs: ArrayLike, other_logs: ArrayLike, rng: np.random.Generator) -> float:
    """Two-sided p of a studentised permutation test that two runs' logarithms have one mean. With a single block, 1."""
    first, other = (np.asarray(logs, dtype=np.float64) for logs in (first_logs, other_logs))
    if min(len(first), len(other)) < 2 or not _vary(first, other):
        return 1.0
    outcome = stats.permutation_test(
        (first, other),
        _welch_t,
        permutation_type="independent",
        vectorized=True,
        n_resamples=RESAMPLES,
        alternative="two-sided",
        rng=rng,
    )
    return float(outcome.pvalue)


def _welch_t(first: NDArray[np.float64], other: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """The difference of means over its standard error; a vanishing spread counts as the smallest positive number."""
    variance = sum(each.var(axis=axis, ddof=1) / each.shape[axis] for each in (first, other))
    result: NDArray[np.float64] = (other.mean(axis=axis) - first.mean(axis=axis)) / np.sqrt(
        np.maximum(variance, 1e-300)
    )
    return result


def changes(first: Run, other: Run) -> tuple[Change, ...]:
    """Every stack that both runs measured validly under the same scenario and load, metric by metric.

    Alpha and margin are those of the first run.
    """
    ours, theirs = _valid(first), _valid(other)
    both = [key for key in ours if key in theirs]
    conditions = [list(group) for _, group in groupby(both, key=lambda key: key[1:])]
    return tuple(
        change
        for keys in conditions
        for metric in METRICS
        for change in _changes(first, metric, [(ours[key], theirs[key]) for key in keys])
    )


Measured = tuple[Row, Result]


def _valid(run: Run) -> dict[Key, Measured]:
    """The rows that a run quotes, all endpoints together, in the order of scenarios, loads and stacks."""
    results = {(one.stack, one.scenario, one.load, one.endpoint): one for one in run.summary.results if one.valid}
    return {
        (row.stack.name, *row.condition): (row, result)
        for row in rows_of(run.manifest.experiment, run.blocks, run.intervals)
        if row.endpoint == ALL_ENDPOINTS and (result := results.get((row.stack.name, *row.condition, row.endpoint)))
    }


def _changes(first: Run, metric: Metric, pairs: Sequence[tuple[Measured, Measured]]) -> Iterator[Change]:
    kept = [(ours, theirs) for ours, theirs in pairs if quoted(metric, ours[1]) and quoted(metric, theirs[1])]
    logs = [(_logs(ours[0], metric), _logs(theirs[0], metric)) for ours, theirs in kept]
    rng = np.random.default_rng(first.manifest.seed)
    p_values = holm([permutation_p(*each, rng) for each in logs])
    for ((row, _), _), each, p_value in zip(kept, logs, p_values, strict=True):
        ratio = welch_ratio(*each)
        yield Change(
            metric=metric,
            stack=row.stack.name,
            scenario=row.condition[0],
            load=row.condition[1],
            ratio=ratio,
            p_value=p_value,
            verdict=_verdict(first, metric, ratio, p_value),
        )


def _verdict(first: Run, metric: Metric, ratio: Estimate, p_value: float) -> Verdict:
    """As within a run, but no difference without an interval that says so too: few blocks that are no pairs mislead."""
    asked = first.manifest.experiment
    found = verdict(ratio, p_value, asked.alpha, asked.margin, more_is_faster=metric == "throughput")
    holds_one = ratio.low is not None and ratio.high is not None and ratio.low <= 1 <= ratio.high
    return "inconclusive" if holds_one and found != "same" else found


def _logs(row: Row, metric: Metric) -> list[float]:
    return [float(np.log(value)) for value in row.per_block(metric).values()]
