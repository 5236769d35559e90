"""One run, whole, as it is stored, and its parts by name: what findings, tables and reports are made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bakeoff.model.base import ALL_ENDPOINTS, Interface, Metric
from bakeoff.model.experiment import Condition, Load, Stack, load_words
from bakeoff.model.manifest import Manifest, Timeline
from bakeoff.model.record import BlockResult, Interval, Record
from bakeoff.model.summary import Comparison, Result, Summary

DEFAULT_LEVEL = 0.95


@dataclass(frozen=True)
class Run:
    """A run's manifest, its blocks, their histograms, and the analysis of them. Its parts are indexed on first use."""

    manifest: Manifest
    summary: Summary
    blocks: tuple[BlockResult, ...]
    intervals: tuple[Interval, ...]

    # --- conditions ---

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition, as asked for and in that order, then any that was measured beyond that."""
        experiment = self.manifest.experiment
        asked = [Condition(scenario.name, load) for scenario in experiment.scenarios for load in experiment.loads]
        return tuple(dict.fromkeys(asked + [Condition(row.scenario, row.load) for row in self.summary.results]))

    def title(self, condition: Condition) -> str:
        """A condition's heading: the load alone where the run has one scenario, both where it has more."""
        words = load_words(condition.load)
        return f"{condition.scenario}, {words}" if self.has_scenarios else words

    @cached_property
    def has_scenarios(self) -> bool:
        """Whether there is more than one scenario."""
        return len({condition.scenario for condition in self.conditions}) > 1

    # --- stacks ---

    @cached_property
    def stack_names(self) -> tuple[str, ...]:
        """Every stack, in the order of the experiment."""
        return tuple(dict.fromkeys([*self._stacks, *(row.stack for row in self.summary.results)]))

    def stack(self, name: str) -> Stack | None:
        """The definition of a stack."""
        return self._stacks.get(name)

    def interface_of(self, name: str) -> Interface | None:
        """The interface that a stack was declared with."""
        stack = self.stack(name)
        if stack is not None:
            return stack.interface
        return next((row.interface for row in self.summary.results if row.stack == name), None)

    @cached_property
    def _stacks(self) -> dict[str, Stack]:
        return {stack.name: stack for stack in self.manifest.experiment.stacks}

    # --- results ---

    def endpoints(self, condition: Condition) -> tuple[str, ...]:
        """The endpoints measured under a condition, without the one that takes all together."""
        names = (row.endpoint for row in self.summary.results if Condition(row.scenario, row.load) == condition)
        return tuple(name for name in dict.fromkeys(names) if name != ALL_ENDPOINTS)

    def result(self, condition: Condition, stack: str, endpoint: str = ALL_ENDPOINTS) -> Result | None:
        """One row of the results."""
        return self._results.get((*condition, stack, endpoint))

    @cached_property
    def _results(self) -> dict[tuple[str, Load, str, str], Result]:
        # Reversed, so that the first of two rows with the same key is the one that is kept.
        return {(row.scenario, row.load, row.stack, row.endpoint): row for row in reversed(self.summary.results)}

    def is_valid(self, condition: Condition, stack: str) -> bool:
        """Whether a stack's row for all endpoints together may be quoted."""
        row = self.result(condition, stack)
        return row is not None and row.valid

    def comparisons(
        self, condition: Condition, metric: Metric, endpoint: str = ALL_ENDPOINTS
    ) -> tuple[Comparison, ...]:
        """Every candidate against the baseline on one metric, both of them valid, in the order of the stacks."""
        by_candidate = {
            comparison.candidate: comparison
            for comparison in self._comparisons.get((*condition, metric, endpoint), ())
            if self.is_valid(condition, comparison.candidate) and self.is_valid(condition, comparison.baseline)
        }
        return tuple(by_candidate[name] for name in self.stack_names if name in by_candidate)

    @cached_property
    def _comparisons(self) -> dict[tuple[str, Load, Metric, str], list[Comparison]]:
        groups: dict[tuple[str, Load, Metric, str], list[Comparison]] = {}
        for row in self.summary.comparisons:
            groups.setdefault((row.scenario, row.load, row.metric, row.endpoint), []).append(row)
        return groups

    @cached_property
    def confidence_level(self) -> float:
        """The confidence level of the intervals, a share of one."""
        return next((row.throughput_rps.level for row in self.summary.results if row.throughput_rps), DEFAULT_LEVEL)

    # --- records ---

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """Every slice's record, in the order of measurement."""
        blocks = sorted(self.blocks, key=lambda block: block.number)
        return tuple(record for block in blocks for record in sorted(block.records, key=lambda record: record.position))

    def records_of(self, condition: Condition, stack: str) -> tuple[Record, ...]:
        """The slices of one stack under one condition."""
        return tuple(self._records.get((*condition, stack), ()))

    @cached_property
    def _records(self) -> dict[tuple[str, Load, str], list[Record]]:
        groups: dict[tuple[str, Load, str], list[Record]] = {}
        for record in self.records:
            groups.setdefault((record.scenario, record.load, record.stack), []).append(record)
        return groups

    @cached_property
    def measured_blocks(self) -> int:
        """Blocks that left at least one record without a failure."""
        return len({record.block for record in self.records if record.failure is None})

    @property
    def timelines(self) -> tuple[Timeline, ...]:
        """The timelines, from the analysis or, when that never came about, from the manifest."""
        return self.summary.timeline or self.manifest.timelines


@dataclass(frozen=True)
class Listed:
    """A run folder as a list of runs shows it: without histograms, and however far it came."""

    folder: str
    """Its name, relative to the list."""
    manifest: Manifest | None = None
    summary: Summary | None = None
    blocks: tuple[BlockResult, ...] = ()
    report: bool = False
    """Whether it has a page of its own."""
    problem: str | None = None
    """Why it cannot be read."""
