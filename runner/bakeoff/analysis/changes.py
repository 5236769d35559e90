"""One run against another: by how much each stack changed in between, and how sure that is. Pure.

The machine is never the same twice, so a stack is held against the baseline that was measured beside it: compared is
candidate over baseline, block by block, in the one run and in the other (a difference of differences). What slows both
alike cancels. The plain ratio of the two runs is kept beside it.

Blocks of two runs are no pairs, so the two-sample tools stand here: Welch's interval on the logarithms, and a
studentised permutation of the blocks between the runs (Janssen, "Studentized permutation tests for non-i.i.d.
hypotheses and the generalized Behrens-Fisher problem", Statistics & Probability Letters 36, 1997).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bakeoff.analysis.stats import LEVEL, holm, verdict
from bakeoff.analysis.summary import Row, quoted, rows_of
from bakeoff.model import ALL_ENDPOINTS, Estimate, Experiment, Load, Metric, Result, Run, Struct, Verdict

METRICS: tuple[Metric, ...] = ("throughput", "latency_p50", "latency_p99", "cpu_per_request")
RESAMPLES = 9_999
"""Permutations drawn where there are more; all of them otherwise."""

NO_SPREAD = 1e-9
"""Logarithms that lie closer together count as one value."""

Key = tuple[str, str, Load]
"""Stack, scenario, load."""


class Change(Struct, frozen=True, kw_only=True):
    """A stack in one run against the same stack in the first run; ratios are this run over the first."""

    metric: Metric
    stack: str
    scenario: str
    load: Load
    plain: Estimate
    """Of the stack alone: what the machine did to both runs is in it."""
    ratio: Estimate
    """Of the stack over the yardstick; the plain one where there is no yardstick."""
    yardstick: str | None
    """The baseline, if both runs measured it validly at this load; ``None`` where there is none."""
    p_value: float
    """Two-sided, of ``ratio``, corrected for the number of stacks (Holm)."""
    verdict: Verdict | None
    """``None`` for the yardstick itself."""


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

    Baseline, alpha and margin are those of the first run.
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
Logs = dict[int, float]
"""Logarithms by block."""


def _valid(run: Run) -> dict[Key, Measured]:
    """The rows that a run quotes, all endpoints together, in the order of scenarios, loads and stacks."""
    results = {(one.stack, one.scenario, one.load, one.endpoint): one for one in run.summary.results if one.valid}
    return {
        (row.stack.name, *row.condition): (row, result)
        for row in rows_of(run.manifest.experiment, run.blocks, run.intervals)
        if row.endpoint == ALL_ENDPOINTS and (result := results.get((row.stack.name, *row.condition, row.endpoint)))
    }


def _changes(first: Run, metric: Metric, pairs: Sequence[tuple[Measured, Measured]]) -> Iterator[Change]:
    """The changes of one metric under one scenario and load."""
    rows = {ours[0].stack.name: ours[0] for ours, _ in pairs}
    logs = {
        ours[0].stack.name: (_logs(ours[0], metric), _logs(theirs[0], metric))
        for ours, theirs in pairs
        if quoted(metric, ours[1]) and quoted(metric, theirs[1])
    }
    yardstick = first.summary.baseline if first.summary.baseline in logs and len(logs) > 1 else None
    held = {name: _held(both, logs.get(yardstick or "")) for name, both in logs.items() if name != yardstick}
    rng = np.random.default_rng(first.manifest.seed)
    corrected = holm([permutation_p(*both, rng) for both in held.values()])
    p_values = dict(zip(held, corrected, strict=True))
    for name, both in logs.items():
        plain = welch_ratio(_values(both[0]), _values(both[1]))
        ratio = welch_ratio(*held[name]) if name in held else plain
        yield Change(
            metric=metric,
            stack=name,
            scenario=rows[name].condition[0],
            load=rows[name].condition[1],
            plain=plain,
            ratio=ratio,
            yardstick=yardstick,
            p_value=p_values.get(name, 1.0),
            verdict=judge(first.manifest.experiment, metric, ratio, p_values[name]) if name in held else None,
        )


def _held(both: tuple[Logs, Logs], yardstick: tuple[Logs, Logs] | None) -> tuple[list[float], list[float]]:
    """A stack's logarithms in the two runs, less those of the yardstick in the same blocks."""
    first, other = both
    if yardstick is None:
        return _values(first), _values(other)
    return _less(first, yardstick[0]), _less(other, yardstick[1])


def _less(logs: Logs, yardstick: Logs) -> list[float]:
    return [logs[block] - yardstick[block] for block in sorted(logs.keys() & yardstick.keys())]


def _values(logs: Logs) -> list[float]:
    return [logs[block] for block in sorted(logs)]


def _logs(row: Row, metric: Metric) -> Logs:
    return {block: float(np.log(value)) for block, value in row.per_block(metric).items()}


def judge(asked: Experiment, metric: Metric, ratio: Estimate, p_value: float) -> Verdict:
    """As within a run, but no difference without an interval that says so too: few blocks that are no pairs mislead."""
    found = verdict(ratio, p_value, asked.alpha, asked.margin, more_is_faster=metric == "throughput")
    holds_one = ratio.low is not None and ratio.high is not None and ratio.low <= 1 <= ratio.high
    return "inconclusive" if holds_one and found != "same" else found
