"""A run or a gate on a terminal: block, time, live rate, latency so far. Where stderr is no terminal, only failures."""

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

from bakeoff.experiment.plan import expected_s
from bakeoff.findings.numerals import number
from bakeoff.measure import Observer
from bakeoff.model import Experiment, Histogram, Interval, Record, Slice, label
from bakeoff.report.sparkline import BLOCKS, LETTERS, strip
from bakeoff.report.terminal import clean

BAR = 24
BESIDE_THE_BAR = 52
"""Columns that everything else in the bar's line takes."""
STRIP = 24


class _Shown(Observer):
    """Stands on a terminal for as long as its context lasts, and nowhere where there is none."""

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
        return BarColumn(bar_width=max(4, min(BAR, self._console.width - BESIDE_THE_BAR)))


class GateBar(_Shown):
    """Which block a gate is at, and how many it is likely to take; a context manager."""

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
        """Show the block; blocks count from one, and how many there will be is a guess."""
        told = f"block {number} of about {blocks}"
        self._progress.update(self._task, description=told, completed=number - 1, total=blocks)

    def profiling_began(self) -> None:
        """Show what comes after the verdict."""
        self._progress.update(self._task, description="profiling both")


class ProgressBar(_Shown):
    """A bar over the whole run, and under it what goes on; a context manager."""

    def __init__(self, experiment: Experiment, started_s: float | None = None, console: Console | None = None) -> None:
        super().__init__(console, refreshes_hz=8)
        self._blocks = experiment.blocks
        self._block = 0
        self._per_block = max(
            1, len(experiment.stacks) * len(experiment.scenarios) * len(experiment.loads) * experiment.passes
        )
        self._done = 0
        self._expected_s = expected_s(experiment)
        self._started_s = started_s or time.monotonic()
        self._medians_ms: dict[str, list[float]] = defaultdict(list)
        self._what = ""
        self._rate = ""
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            self._bar(),
            TextColumn("{task.fields[left]}"),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._task = self._progress.add_task(f"block 1/{self._blocks}", total=self._blocks * self._per_block, left="")

    def __rich__(self) -> Group:
        """The bar, what is under load and how fast it answers, and how long its answers took so far."""
        lines = [" ".join(part for part in (self._what, self._rate) if part), self._latency()]
        texts = (Text(clean(line), no_wrap=True, overflow="ellipsis") for line in lines if line)
        return Group(self._progress, *texts)

    def certifying(self, what: str) -> None:
        """Show which part of the generator's examination is under way."""
        self._show(what, description="certifying the generator")

    def block_began(self, number: int, blocks: int) -> None:
        """Show the block."""
        self._block = number
        self._show("starting the stacks", description=f"block {number + 1}/{blocks}")

    def slice_began(self, one: Slice, expected_s: float) -> None:
        """Show the stack under load."""
        self._show(_place(one))

    def tick(self, elapsed_s: float, rate_rps: float) -> None:
        """Show the live rate."""
        self._show(self._what, rate=f"{rate_rps:,.0f} requests/s")

    def slice_measured(self, one: Slice, intervals: Sequence[Interval]) -> None:
        """Keep the median of each of its seconds."""
        self._medians_ms[_place(one)] += medians_ms(intervals)

    def slice_ended(self, record: Record) -> None:
        """Move the bar."""
        self._done += 1
        if record.failure:
            self._console.print(f"{record.stack} failed: {record.failure.message}", markup=False)
        self._progress.update(self._task, completed=self._done)

    def timeline_began(self) -> None:
        """Show the last act."""
        self._show("one of each, at once, on every stack", description="timeline")

    def report_began(self) -> None:
        """Show that it is nearly done."""
        self._show("writing the reports", description="report")

    def _show(self, what: str, description: str | None = None, rate: str = "") -> None:
        self._what, self._rate = what, rate
        self._progress.update(self._task, description=description, left=self._left())

    def _latency(self) -> str:
        """The medians so far of the stack and load that are shown, second by second."""
        seen = self._medians_ms.get(self._what)
        if not seen:
            return ""
        marks = LETTERS if self._console.options.ascii_only else BLOCKS
        return f"median latency so far {strip(seen, STRIP, marks)} {number(seen[-1])} ms"

    def _left(self) -> str:
        """Time left: by the pace of whole blocks once there is one, before that by the plan."""
        elapsed_s = time.monotonic() - self._started_s
        whole_blocks = self._done // self._per_block
        share = self._done / (self._blocks * self._per_block)
        total_s = elapsed_s / share if whole_blocks else self._expected_s
        left_s = max(0.0, total_s - elapsed_s)
        return f"about {_minutes(left_s)} left"


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _place(one: Slice) -> str:
    return f"{one.stack} at {label(one.load)}"


def medians_ms(intervals: Iterable[Interval]) -> list[float]:
    """The median latency of each second of a slice that has any, all endpoints together."""
    seconds: dict[float, list[Histogram]] = defaultdict(list)
    for each in intervals:
        if each.kind == "latency":
            seconds[each.start_s].append(each.histogram)
    found = (Histogram.merge(seconds[start_s]).quantile_s(0.5) for start_s in sorted(seconds))
    return [1e3 * median_s for median_s in found if median_s is not None]
