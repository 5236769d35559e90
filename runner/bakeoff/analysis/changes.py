"""One run against another: by how much each stack changed in between, and how sure that is. Pure.

The state of a machine differs from run to run. Compared is therefore a stack over the baseline that was measured beside
it, block by block, in the one run and in the other (a difference of differences): what slows both alike cancels. The
plain ratio of the two runs is kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from bakeoff.analysis.fingerprint import differences, fingerprint_of, is_recorded
from bakeoff.analysis.metrics import METRICS, is_comparable, per_block
from bakeoff.analysis.rows import Row, RowKey, rows_of
from bakeoff.analysis.stats import excludes_one, holm, permutation_p, same_within, verdict, welch_ratio
from bakeoff.model import (
    ALL_ENDPOINTS,
    Condition,
    Estimate,
    Experiment,
    Load,
    Metric,
    Result,
    Run,
    Struct,
    UserError,
    Verdict,
)

COMPARED: tuple[Metric, ...] = ("throughput", "latency_p50", "latency_p99", "cpu_per_request")
"""The metrics that runs are compared on."""


class Change(Struct, frozen=True, kw_only=True):
    """A stack in one run against the same stack in the first run; ratios are this run over the first."""

    metric: Metric
    stack: str
    scenario: str
    load: Load
    plain: Estimate
    """Of the stack alone: what the machine did to both runs is in it."""
    ratio: Estimate
    """Of the stack over the reference; the plain one where there is no reference."""
    reference: str | None
    """The baseline, if both runs measured it validly at this load."""
    p_value: float
    """Two-sided, of ``ratio``, corrected for the number of stacks (Holm)."""
    verdict: Verdict | None
    """``None`` for the reference itself."""


# --- what can be compared --------------------------------------------------------------------------------------------


def check_machines(runs: Sequence[Run]) -> None:
    """Raises `UserError` when the runs were not all made on one kind of machine."""
    first = runs[0]
    for run in runs[1:]:
        changed = [
            f"{difference.fact} is {difference.first} there and {difference.other} here"
            for difference in differences(fingerprint_of(first.manifest), fingerprint_of(run.manifest))
            if difference.part == "machine" and is_recorded(difference.first) and is_recorded(difference.other)
        ]
        if changed:
            raise UserError(
                f"{run.manifest.run_id} was made on another machine than {first.manifest.run_id}: "
                f"{', '.join(changed)}; "
                "measure both on one, or compare them all the same with --across-machines"
            )


def check_conditions(runs: Sequence[Run]) -> None:
    """Raises `UserError` when the runs have no scenario and load in common."""
    if not conditions_in_common(runs):
        raise UserError(
            f"{' and '.join(run.manifest.run_id for run in runs)} have no scenario and load in common; "
            "compare runs of one experiment"
        )


def conditions_in_common(runs: Iterable[Run]) -> tuple[Condition, ...]:
    """The scenarios and loads that all runs have, in the order of the first."""
    first, *others = (run.conditions for run in runs)
    return tuple(condition for condition in first if all(condition in conditions for conditions in others))


# --- what changed ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pair:
    """One stack under one condition, as each of the two runs measured it, all endpoints together."""

    first: Row
    other: Row
    comparable: frozenset[Metric]
    """The metrics of which both runs give an estimate that is no bound in any block."""

    def logs(self, metric: Metric) -> _Logs:
        """The logarithms of a metric's values."""
        return _Logs(_log(per_block(metric, self.first)), _log(per_block(metric, self.other)))


@dataclass(frozen=True)
class _Logs:
    """Logarithms by block, of the first run and of the other."""

    first: Mapping[int, float]
    other: Mapping[int, float]

    def over(self, reference: _Logs) -> _Logs:
        """The logarithms of the ratios to a reference, over the blocks that have both."""
        return _Logs(_difference(self.first, reference.first), _difference(self.other, reference.other))

    @property
    def samples(self) -> tuple[list[float], list[float]]:
        """Both runs' values in the order of blocks."""
        return [self.first[block] for block in sorted(self.first)], [self.other[block] for block in sorted(self.other)]


def _log(values: Mapping[int, float]) -> dict[int, float]:
    return {block: float(np.log(value)) for block, value in values.items()}


def _difference(logs: Mapping[int, float], reference: Mapping[int, float]) -> dict[int, float]:
    return {block: logs[block] - reference[block] for block in logs.keys() & reference.keys()}


def changes_between(first: Run, other: Run) -> tuple[Change, ...]:
    """Every stack that both runs measured validly under the same scenario and load, metric by metric.

    Baseline, alpha and margin are those of the first run.
    """
    first_rows, other_rows = _valid_rows(first), _valid_rows(other)
    pairs = [_pair(*row, *other_rows[key]) for key, row in first_rows.items() if key in other_rows]
    return tuple(
        change
        for _, stacks in groupby(pairs, key=lambda pair: pair.first.condition)
        for change in _changes_of_condition(first, list(stacks))
    )


def _valid_rows(run: Run) -> dict[RowKey, tuple[Row, Result]]:
    """The rows of all endpoints together that a run publishes, in the order of scenarios, loads and stacks."""
    rows = rows_of(run.manifest.experiment, run.blocks, run.intervals)
    results = {row.key: run.result(row.condition, row.stack.name) for row in rows if row.endpoint == ALL_ENDPOINTS}
    return {row.key: (row, result) for row in rows if (result := results.get(row.key)) and result.valid}


def _pair(first: Row, first_result: Result, other: Row, other_result: Result) -> _Pair:
    comparable = [
        metric
        for metric in COMPARED
        if is_comparable(metric, first, first_result) and is_comparable(metric, other, other_result)
    ]
    return _Pair(first, other, frozenset(comparable))


def _changes_of_condition(first: Run, pairs: Sequence[_Pair]) -> Iterator[Change]:
    for metric in COMPARED:
        logs = {pair.first.stack.name: pair.logs(metric) for pair in pairs if metric in pair.comparable}
        yield from _changes_of_metric(first, metric, pairs[0].first.condition, logs)


def _changes_of_metric(run: Run, metric: Metric, condition: Condition, logs: Mapping[str, _Logs]) -> Iterator[Change]:
    """The changes of one metric under one condition, from the logarithms of each stack."""
    baseline = run.summary.baseline
    reference = logs[baseline] if baseline in logs and len(logs) > 1 else None
    judged = {
        name: (stack_logs.over(reference) if reference else stack_logs).samples
        for name, stack_logs in logs.items()
        if reference is None or name != baseline
    }
    rng = np.random.default_rng(run.manifest.seed)
    p_values = dict(zip(judged, holm([permutation_p(*samples, rng) for samples in judged.values()]), strict=True))
    for name, stack_logs in logs.items():
        plain = welch_ratio(*stack_logs.samples)
        ratio = welch_ratio(*judged[name]) if name in judged else plain
        yield Change(
            metric=metric,
            stack=name,
            scenario=condition.scenario,
            load=condition.load,
            plain=plain,
            ratio=ratio,
            reference=baseline if reference else None,
            p_value=p_values.get(name, 1.0),
            verdict=judge(run.manifest.experiment, metric, ratio, p_values[name]) if name in judged else None,
        )


def judge(experiment: Experiment, metric: Metric, ratio: Estimate, p_value: float) -> Verdict:
    """The verdict on a change: ``faster`` or ``slower`` needs both a significant p and an interval without 1.

    Within a run the test alone decides; the few blocks of two runs are no pairs, and either alone would mislead.
    """
    if not same_within(ratio, experiment.margin) and not excludes_one(ratio):
        return "inconclusive"
    more_is_better = METRICS[metric].more_is_better
    return verdict(ratio, p_value, experiment.alpha, experiment.margin, more_is_better=more_is_better)
