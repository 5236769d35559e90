"""The live display of a run and of a gate."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from bakeoff.cli.progress import GateProgress, RunProgress
from bakeoff.model import ClosedLoad, Histogram, Interval, Slice
from tests.builders import experiment

SLICE = Slice(position=0, stack="a", scenario="s", load=ClosedLoad(users=8), seed=1)


def intervals(*medians_ms: int) -> list[Interval]:
    """One second for each median."""
    return [
        Interval(
            block=0, position=0, endpoint="/", kind="latency", start_s=float(at), length_s=1.0,
            histogram=Histogram.of([median_ms * 1_000_000] * 3),
        )
        for at, median_ms in enumerate(medians_ms)
    ]  # fmt: skip


def bar_on(width: int, *, terminal: bool = True) -> tuple[RunProgress, Console]:
    """A bar on a console that writes into a string."""
    console = Console(file=StringIO(), width=width, force_terminal=terminal, color_system=None, _environ={})
    return RunProgress(experiment(), console=console), console


def shown(bar: RunProgress, console: Console) -> list[str]:
    """The lines that the display consists of now."""
    with console.capture() as capture:
        console.print(bar)
    return capture.get().splitlines()


def test_the_rate_and_the_latency_so_far_are_shown() -> None:
    """The latency appears once the stack has been measured."""
    bar, console = bar_on(100)
    bar.slice_measured(SLICE, intervals(30, 40))
    bar.slice_began(SLICE, 1.0)
    bar.tick(0.5, 1234.0)
    assert shown(bar, console)[1:] == ["a at 8 users 1,234 requests/s", "median latency so far \u2586\u2588 40.0 ms"]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """A wrapped line would make the display scroll."""
    bar, console = bar_on(width)
    bar.slice_measured(SLICE, intervals(*range(1, 60)))
    bar.slice_began(SLICE, 1.0)
    bar.tick(0.5, 1234.0)
    lines = shown(bar, console)
    assert len(lines) == 3
    assert all(len(line) <= width for line in lines)


def test_nothing_is_written_where_there_is_no_terminal() -> None:
    """A bar would fill a log."""
    bar, console = bar_on(80, terminal=False)
    with bar:
        bar.block_began(0, 7)
        bar.slice_began(SLICE, 1.0)
        bar.tick(0.5, 1234.0)
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue() == ""


def test_escape_codes_are_not_passed_to_the_terminal() -> None:
    """A name in a user's file may contain them."""
    bar, console = bar_on(80)
    bar.certifying("\x1b[2Jgone")
    assert "\x1b" not in "".join(shown(bar, console))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_a_gate_shows_its_block_and_its_time_on_one_line(width: int) -> None:
    """It is cut where the terminal is too narrow."""
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system=None, _environ={})
    bar = GateProgress(120.0, console)
    bar.block_began(3, 12)
    with console.capture() as capture:
        console.print(bar)
    (line,) = capture.get().splitlines()
    assert len(line) <= width
    if width >= 60:
        assert line.startswith("block 3 of about 12 ")
        assert line.rstrip().endswith("of at most 2:00")


def test_a_gate_shows_nothing_where_stderr_is_no_terminal() -> None:
    """A bar would fill a log."""
    console = Console(file=StringIO(), force_terminal=False, _environ={})
    with GateProgress(120.0, console) as bar:
        bar.block_began(1, 12)
        bar.profiling_began()
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().strip() == ""
