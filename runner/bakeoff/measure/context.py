"""What a run works with, and who is told how it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bakeoff.load.generator import LoadGenerator
from bakeoff.model import Certificate, Interval, Record, Slice
from bakeoff.stacks import Backend


class Observer:
    """Receives the events of a run. Override those of interest."""

    def block_began(self, number: int, blocks: int) -> None:
        """A block's stacks are about to start."""

    def slice_began(self, planned: Slice, expected_s: float) -> None:
        """The warm-up of a slice is over, and its window of ``expected_s`` opens next."""

    def tick(self, elapsed_s: float, rate_rps: float) -> None:
        """A moment within a slice."""

    def slice_measured(self, planned: Slice, intervals: Sequence[Interval]) -> None:
        """A slice has its histograms; none if it failed."""

    def slice_ended(self, record: Record) -> None:
        """A slice has its record."""

    def answers_differ(self, problem: str) -> None:
        """Base and head of a gate answer differently, so that they do not do the same work."""

    def profiling_began(self) -> None:
        """A gate has found a regression and is about to take CPU profiles."""

    def timeline_began(self) -> None:
        """The timelines are about to be taken."""

    def report_began(self) -> None:
        """Measuring is over; the reports are about to be written."""


@dataclass(frozen=True)
class RunContext:
    """What a run works with."""

    backend: Backend
    generator: LoadGenerator
    observer: Observer
    certify: Callable[[], Certificate]
    """Examines the generator before its numbers are used."""
