"""Live display of a run or a gate on stderr. Where stderr is no terminal, only failures are printed."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from bakeoff.cli import note
from bakeoff.experiment import expected_s
from bakeoff.findings.numerals import number
from bakeoff.measure import Observer
from bakeoff.model import Experiment, Histogram, Interval, Record, Slice, load_title, printable
from bakeoff.report.terminal import BLOCKS, LETTERS, sparkline

BAR_COLUMNS = 24
OTHER_COLUMNS = 52
"""Columns of the bar's line that everything beside the bar takes."""
SPARKLINE_COLUMNS = 24


class _LiveDisplay(Observer):
    """A display that stands on the terminal while its context is open, if stderr is one."""

    def __init__(self, console: Console | None, refreshes_hz: float) -> None:
        self._console = console or Console(file=sys.stderr)
        self._live = Live(self, console=self._console, transient=True, refresh_per_second=refreshes_hz)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __rich__(self) -> RenderableType:
        """What is shown now."""
        raise NotImplementedError

    def _bar(self) -> BarColumn:
        return BarColumn(bar_width=max(4, min(BAR_COLUMNS, self._console.width - OTHER_COLUMNS)))


class GateProgress(_LiveDisplay):
    """The block that a gate is at, and about how many it will take."""

    def __init__(self, budget_s: float, console: Console | None = None) -> None:
        super().__init__(console, refreshes_hz=2)  # Seldom: a gate looks for half a per cent of CPU time.
        limit = TextColumn(f"of at most {_minutes(budget_s)}")
        self._progress = Progress(
            TextColumn("[bold]{task.description}"), self._bar(), TimeElapsedColumn(), limit, console=self._console
        )
        self._task = self._progress.add_task("probing what it carries", total=None)

    def __rich__(self) -> Progress:
        """The bar."""
        return self._progress

    def block_began(self, number: int, blocks: int) -> None:
        """Show the block; they count from one, and ``blocks`` is an estimate."""
        description = f"block {number} of about {blocks}"
        self._progress.update(self._task, description=description, completed=number - 1, total=blocks)

    def answers_differ(self, problem: str) -> None:
        """Say so before anything is measured."""
        note(f"base and head answer differently, so they may not do the same work: {problem}")

    def profiling_began(self) -> None:
        """Show that a regression's CPU time is being profiled."""
        self._progress.update(self._task, description="profiling both")


class RunProgress(_LiveDisplay):
    """A bar over the whole run; under it the stack under load, its rate and its latency so far."""

    def __init__(self, experiment: Experiment, started_s: float | None = None, console: Console | None = None) -> None:
        super().__init__(console, refreshes_hz=8)
        self._blocks = experiment.blocks
        self._slices_per_block = max(
            1, len(experiment.stacks) * len(experiment.scenarios) * len(experiment.loads) * experiment.passes
        )
        self._slices_done = 0
        self._expected_s = expected_s(experiment)
        self._started_s = started_s or time.monotonic()
        self._medians_ms: dict[str, list[float]] = defaultdict(list)
        self._failures: set[str] = set()
        self._activity = ""
        self._rate = ""
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            self._bar(),
            TextColumn("{task.fields[left]}"),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._task = self._progress.add_task(
            f"block 1/{self._blocks}", total=self._blocks * self._slices_per_block, left=""
        )

    def __rich__(self) -> Group:
        """The bar, the activity with its rate, and the latency so far."""
        lines = [" ".join(part for part in (self._activity, self._rate) if part), self._latency()]
        texts = (Text(printable(line), no_wrap=True, overflow="ellipsis") for line in lines if line)
        return Group(self._progress, *texts)

    def certifying(self, step: str) -> None:
        """Show which step of the generator's examination is under way."""
        self._show(step, description="certifying the generator")

    def block_began(self, number: int, blocks: int) -> None:
        """Show the block."""
        self._show("starting the stacks", description=f"block {number + 1}/{blocks}")

    def slice_began(self, planned: Slice, expected_s: float) -> None:
        """Show the stack under load."""
        self._show(_stack_and_load(planned))

    def tick(self, elapsed_s: float, rate_rps: float) -> None:
        """Show the live rate."""
        self._show(self._activity, rate=f"{rate_rps:,.0f} requests/s")

    def slice_measured(self, planned: Slice, intervals: Sequence[Interval]) -> None:
        """Keep the median latency of each second of the slice."""
        self._medians_ms[_stack_and_load(planned)] += medians_ms(intervals)

    def slice_ended(self, record: Record) -> None:
        """Move the bar, and print a failure the first time that it happens."""
        self._slices_done += 1
        if record.failure and (failed := f"{record.stack} failed: {record.failure.message}") not in self._failures:
            self._failures.add(failed)
            self._console.print(printable(failed), markup=False)
        self._progress.update(self._task, completed=self._slices_done)

    def timeline_began(self) -> None:
        """Show that the timelines are being taken."""
        self._show("one of each, at once, on every stack", description="timeline")

    def report_began(self) -> None:
        """Show that the reports are being written."""
        self._show("writing the reports", description="report")

    def _show(self, activity: str, description: str | None = None, rate: str = "") -> None:
        self._activity, self._rate = activity, rate
        self._progress.update(self._task, description=description, left=self._time_left())

    def _latency(self) -> str:
        """The medians so far of the stack and load that are shown, second by second."""
        medians = self._medians_ms.get(self._activity)
        if not medians:
            return ""
        marks = LETTERS if self._console.options.ascii_only else BLOCKS
        return f"median latency so far {sparkline(medians, SPARKLINE_COLUMNS, marks)} {number(medians[-1])} ms"

    def _time_left(self) -> str:
        """Time left, from the pace so far once a block is complete, before that from the plan."""
        elapsed_s = time.monotonic() - self._started_s
        total_s = self._expected_s
        if self._slices_done >= self._slices_per_block:
            total_s = elapsed_s * self._blocks * self._slices_per_block / self._slices_done
        return f"about {_minutes(max(0.0, total_s - elapsed_s))} left"


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _stack_and_load(planned: Slice) -> str:
    return f"{planned.stack} at {load_title(planned.load)}"


def medians_ms(intervals: Iterable[Interval]) -> list[float]:
    """The median latency of each second that has any, all endpoints together, in order."""
    by_second: dict[float, list[Histogram]] = defaultdict(list)
    for interval in intervals:
        if interval.kind == "latency":
            by_second[interval.start_s].append(interval.histogram)
    medians_s = (Histogram.merge(by_second[start_s]).quantile_s(0.5) for start_s in sorted(by_second))
    return [1e3 * median_s for median_s in medians_s if median_s is not None]
