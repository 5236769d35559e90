"""Runs side by side: what changed from the first to each of the others, and what else differs between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from bakeoff.analysis import (
    ABSENT,
    COMPARED,
    METRICS,
    PARTS,
    Change,
    Fingerprint,
    Part,
    changes_between,
    conditions_in_common,
    excludes_one,
    fingerprint_of,
    is_recorded,
    stack_facts_of,
)
from bakeoff.findings.numerals import DASH, listing, plural, ratio
from bakeoff.findings.rows import reasons_about
from bakeoff.model import Condition, Estimate, Interface, Metric, Result, Run, Stack

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIFFERENT: dict[Part, str] = {
    "machine": "different machines",
    "software": "different software",
    "workload": "different workloads",
    "code": "different code",
}
UNKNOWN: dict[Part, str] = {
    "machine": "machine not wholly recorded",
    "software": "software not wholly recorded",
    "workload": "workload not wholly recorded",
    "code": "code not recorded",
}
"""Of parts in which all that is recorded agrees."""
DIFFERENT_SETTINGS = "different settings"
CAVEAT = (
    "The runs were made at different times, and the machine may have been slower in one of them. Each verdict is "
    "therefore about a stack relative to the baseline of the first run, which was measured beside it in the same "
    "blocks: what slowed both cancels out. A change of the baseline itself shows as the opposite change of all other "
    "stacks. For stronger evidence, put both versions into one experiment, as two stacks."
)
NO_REFERENCE = (
    "The runs do not share a baseline and another stack, so no stack can be compared relative to a baseline. These "
    "verdicts are about the plain ratios, which also contain what else the machine did."
)


@dataclass(frozen=True)
class ComparedRun:
    """One of the runs."""

    letter: str
    """What it is called on the page."""
    run: Run
    changes: tuple[Change, ...]
    """From the first run to this one; empty for the first."""

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """What its numbers depend on beside the stacks."""
        return fingerprint_of(self.run.manifest)

    @property
    def main_changes(self) -> list[Change]:
        """The changes of the main metric of each load."""
        return [change for change in self.changes if change.metric == _condition(change).main_metric]

    def change(self, condition: Condition, stack: str, metric: Metric) -> Change | None:
        """The change of one metric of a stack; ``None`` where the two runs do not both quote it."""
        key = (condition, stack, metric)
        return next(
            (change for change in self.changes if (_condition(change), change.stack, change.metric) == key), None
        )


@dataclass(frozen=True)
class ComparedMetric:
    """One metric of one stack under one condition, in all runs."""

    metric: Metric
    estimates: tuple[Estimate | None, ...]
    """One for each run."""
    reasons: tuple[tuple[str, ...], ...]
    """One for each run: why it has no estimate, or one that cannot be compared."""
    changes: tuple[Change | None, ...]
    """One for each run but the first."""


@dataclass(frozen=True)
class ComparedStack:
    """One stack under one condition, in all runs."""

    name: str
    interface: Interface
    metrics: tuple[ComparedMetric, ...]

    def of(self, metric: Metric) -> ComparedMetric:
        """One of the metrics."""
        return next(compared for compared in self.metrics if compared.metric == metric)


@dataclass(frozen=True)
class ComparedCondition:
    """One scenario and load that all runs have."""

    title: str
    main_metric: Metric
    stacks: tuple[ComparedStack, ...]
    """Those that at least one of the runs measured."""


@dataclass(frozen=True)
class DifferentFact:
    """A fact on which the runs do not agree, or that one of them did not record."""

    part: str
    """``machine``, ``software``, ``workload`` or ``code``; ``stack`` for the settings of one."""
    fact: str
    values: tuple[str, ...]
    """One for each run; a dash for one that has no such stack."""

    @property
    def is_certain(self) -> bool:
        """Whether two runs that recorded it disagree."""
        return len({value for value in self.values if value != DASH and is_recorded(value)}) > 1

    @property
    def is_doubtful(self) -> bool:
        """Whether they disagree, or one of them did not record it."""
        return self.is_certain or not all(map(is_recorded, self.values))


@dataclass(frozen=True)
class RunComparison:
    """Two runs or more, the first of which is what the others are compared with."""

    runs: tuple[ComparedRun, ...]

    @property
    def first(self) -> ComparedRun:
        """What the others are compared with."""
        return self.runs[0]

    @property
    def others(self) -> tuple[ComparedRun, ...]:
        """All but the first."""
        return self.runs[1:]

    # --- words ---

    @cached_property
    def conclusions(self) -> tuple[str, ...]:
        """What changed in the main metrics from the first run to each of the others, the largest change first."""
        return tuple(self._conclusion(run) for run in self.others)

    def _conclusion(self, run: ComparedRun) -> str:
        between = f"From {self.first.letter} to {run.letter}"
        judged = [change for change in run.main_changes if change.verdict]
        if not judged:
            return f"{between}, nothing can be compared: no stack has a valid row in both at the same load."
        decided = [change for change in judged if change.verdict in ("faster", "slower")]
        if decided:
            what = listing([self.words(change) for change in sorted(decided, key=_size, reverse=True)])
        else:
            labels = dict.fromkeys(METRICS[change.metric].label for change in judged)
            what = f"no stack got faster or slower in {' or '.join(labels)}"
        return f"{between}, {what}{_undecided(judged)}."

    @cached_property
    def other_changes(self) -> tuple[str, ...]:
        """Stacks that got faster or slower in another metric than the main one of a load."""
        return tuple(
            f"From {self.first.letter} to {run.letter}, {self.words(change)}."
            for run in self.others
            for change in sorted(run.changes, key=_size, reverse=True)
            if change not in run.main_changes and change.verdict in ("faster", "slower")
        )

    def words(self, change: Change) -> str:
        """A change inside a sentence."""
        reference = f", relative to {change.reference}" if change.reference else ""
        what = f"{ratio(change.ratio)} the {METRICS[change.metric].label}{reference}"
        return f"{change.stack} got {change.verdict} at {self.title(change)} ({what})"

    def title(self, change: Change) -> str:
        """The scenario and load of a change, as the first run titles them."""
        return self.first.run.title(_condition(change))

    @cached_property
    def cautions(self) -> tuple[str, ...]:
        """What a reader must know before believing a change."""
        main = [change for run in self.others for change in run.main_changes]
        no_reference = [NO_REFERENCE] if any(change.reference is None for change in main) else []
        return (*no_reference, *self._changes_of_reference(), CAVEAT)

    def _changes_of_reference(self) -> Iterator[str]:
        changed = [
            f"{change.stack} itself had {ratio(change.plain)} the {METRICS[change.metric].label} in {run.letter} at "
            f"{self.title(change)}"
            for run in self.others
            for change in run.main_changes
            if change.verdict is None and excludes_one(change.plain)
        ]
        if changed:
            yield f"The reference changed: {listing(changed)}."

    # --- what differs between the runs ---

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Which parts of the runs differ, to be written over every table; empty where all runs agree."""
        parts = {fact.part for fact in self.differences}
        different = {fact.part for fact in self.differences if fact.is_certain}
        of_parts = (DIFFERENT[part] if part in different else UNKNOWN[part] for part in DIFFERENT if part in parts)
        return (*of_parts, *([DIFFERENT_SETTINGS] if "stack" in parts else []))

    @cached_property
    def differences(self) -> tuple[DifferentFact, ...]:
        """Every fact on which the runs do not agree: of their fingerprints, then of each stack."""
        facts = (*self._facts(), *self._facts_of_stacks())
        return (*(fact for fact in facts if fact.is_doubtful), *self._different_settings())

    def _facts(self) -> Iterator[DifferentFact]:
        for part in PARTS:
            facts = [run.fingerprint.facts(part) for run in self.runs]
            for fact in dict.fromkeys(name for facts_of_run in facts for name in facts_of_run):
                yield DifferentFact(part, fact, tuple(facts_of_run.get(fact, ABSENT) for facts_of_run in facts))

    def _facts_of_stacks(self) -> Iterator[DifferentFact]:
        """Of stacks that several runs share by name."""
        manifests = [run.run.manifest for run in self.runs]
        for name in self._stack_names:
            for (part, fact), values in stack_facts_of(manifests, name).items():
                if len(values) - values.count(None) > 1:
                    yield DifferentFact(part, fact, tuple(DASH if value is None else value for value in values))

    def _different_settings(self) -> Iterator[DifferentFact]:
        """Of stacks that several runs share by name; a run without the stack has no settings to differ."""
        for name in self._stack_names:
            stacks = [run.run.stack(name) for run in self.runs]
            if len({_settings(stack) for stack in stacks if stack}) > 1:
                yield DifferentFact("stack", name, tuple(_settings(stack) if stack else DASH for stack in stacks))

    # --- numbers ---

    @cached_property
    def conditions(self) -> tuple[ComparedCondition, ...]:
        """The scenarios and loads that all runs have, with every stack and metric."""
        return tuple(
            ComparedCondition(
                title=self.first.run.title(condition),
                main_metric=condition.main_metric,
                stacks=tuple(
                    self._stack(condition, name)
                    for name in self._stack_names
                    if any(run.run.result(condition, name) for run in self.runs)
                ),
            )
            for condition in conditions_in_common(run.run for run in self.runs)
        )

    def _stack(self, condition: Condition, name: str) -> ComparedStack:
        interface = next(interface for run in self.runs if (interface := run.run.interface_of(name)))
        return ComparedStack(name, interface, tuple(self._metric(condition, name, metric) for metric in COMPARED))

    def _metric(self, condition: Condition, stack: str, metric: Metric) -> ComparedMetric:
        results = [run.run.result(condition, stack) for run in self.runs]
        estimates = tuple(_estimate(result, metric) for result in results)
        return ComparedMetric(
            metric=metric,
            estimates=estimates,
            reasons=tuple(
                _reasons(metric, result) if estimate else _why_missing(result)
                for estimate, result in zip(estimates, results, strict=True)
            ),
            changes=tuple(run.change(condition, stack, metric) for run in self.others),
        )

    @cached_property
    def _stack_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for run in self.runs for name in run.run.stack_names))


def compare_runs(runs: Sequence[Run]) -> RunComparison:
    """Compare every run with the first: two of them at least, no more than there are letters."""
    return RunComparison(
        tuple(
            ComparedRun(letter, run, changes_between(runs[0], run) if position else ())
            for position, (letter, run) in enumerate(zip(LETTERS, runs, strict=False))
        )
    )


def _condition(change: Change) -> Condition:
    return Condition(change.scenario, change.load)


def _size(change: Change) -> tuple[bool, float]:
    """Sorts throughput after latency, and a larger change after a smaller one."""
    return change.metric == "throughput", max(change.ratio.point, 1 / change.ratio.point)


def _undecided(judged: Sequence[Change]) -> str:
    """How many of the comparisons are the same or inconclusive."""
    same = sum(change.verdict == "same" for change in judged)
    inconclusive = sum(change.verdict == "inconclusive" for change in judged)
    if inconclusive == len(judged) > 1:
        return f": all {inconclusive} comparisons are inconclusive"
    parts = [f"{same} stayed the same to within the margin"] if same else []
    parts += [f"{inconclusive} {'is' if inconclusive == 1 else 'are'} inconclusive"] if inconclusive else []
    return f"; of {plural(len(judged), 'comparison')}, {listing(parts)}" if parts else ""


def _settings(stack: Stack) -> str:
    """How a stack was set up, without its name, the folder that it lies in and the port that it was given."""
    fields = msgspec.to_builtins(stack)
    settings = {name: value for name, value in fields.items() if name not in ("name", "directory", "port") and value}
    return ", ".join(f"{name} {_setting(value)}" for name, value in settings.items())


def _setting(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={setting}" for name, setting in value.items())
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _estimate(result: Result | None, metric: Metric) -> Estimate | None:
    """An estimate that may be quoted."""
    return METRICS[metric].of_result(result) if result is not None and result.valid else None


def _reasons(metric: Metric, result: Result | None) -> tuple[str, ...]:
    percentile = METRICS[metric].percentile
    return reasons_about(percentile, result) if percentile else ()


def _why_missing(result: Result | None) -> tuple[str, ...]:
    return ("not part of this run",) if result is None else result.withheld or ("not recorded",)
