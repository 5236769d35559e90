"""The progress of a run on a terminal: block, stack, live rate, time left. Silent where stderr is no terminal."""

from __future__ import annotations

import sys
import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bakeoff.execute import Observer
from bakeoff.model import Experiment, Record, Slice, label
from bakeoff.plan import expected_s


class ProgressBar(Observer):
    """A bar over the whole run; a context manager."""

    def __init__(self, experiment: Experiment, started_s: float | None = None) -> None:
        self._blocks = experiment.blocks
        self._block = 0
        self._per_block = max(
            1, len(experiment.stacks) * len(experiment.scenarios) * len(experiment.loads) * experiment.passes
        )
        self._done = 0
        self._expected_s = expected_s(experiment)
        self._started_s = started_s or time.monotonic()
        console = Console(file=sys.stderr)
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[what]}"),
            TextColumn("{task.fields[left]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(
            f"block 1/{self._blocks}", total=self._blocks * self._per_block, what="starting", left=""
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def certifying(self, what: str) -> None:
        """Show which part of the generator's examination is under way."""
        self._show(what, description="certifying the generator")

    def block_began(self, number: int, blocks: int) -> None:
        """Show the block."""
        self._block = number
        self._show("starting the stacks", description=f"block {number + 1}/{blocks}")

    def slice_began(self, one: Slice, expected_s: float) -> None:
        """Show the stack under load."""
        self._what = f"{one.stack} at {label(one.load)}"
        self._show(self._what)

    def tick(self, elapsed_s: float, rate_rps: float) -> None:
        """Show the live rate."""
        self._show(f"{self._what}: {rate_rps:,.0f} requests/s")

    def slice_ended(self, record: Record) -> None:
        """Move the bar."""
        self._done += 1
        if record.failure:
            self._progress.console.print(f"{record.stack} failed: {record.failure.message}", markup=False)
        self._progress.update(self._task, completed=self._done)

    def timeline_began(self) -> None:
        """Show the last act."""
        self._show("one of each, at once, on every stack", description="timeline")

    def report_began(self) -> None:
        """Show that it is nearly done."""
        self._show("writing the reports", description="report")

    def _show(self, what: str, description: str | None = None) -> None:
        self._progress.update(self._task, description=description, what=what, left=self._left())

    def _left(self) -> str:
        """Time left: by the pace of whole blocks once there is one, before that by the plan."""
        elapsed_s = time.monotonic() - self._started_s
        whole_blocks = self._done // self._per_block
        share = self._done / (self._blocks * self._per_block)
        total_s = elapsed_s / share if whole_blocks else self._expected_s
        left_s = max(0.0, total_s - elapsed_s)
        return f"about {int(left_s) // 60}:{int(left_s) % 60:02d} left"
