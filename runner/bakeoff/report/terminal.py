"""What a terminal shows of any width, with colour or without: the result tables, and sparklines of progress."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Literal

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from bakeoff.findings.grid import Cell, Grid, narrowed
from bakeoff.model import printable

STYLES = {"faster": "bold green", "slower": "bold red", "same": "dim", "inconclusive": "yellow", "bad": "red"}
NARROWEST = 20
"""Columns below which no table can be laid out; a narrower terminal is treated as this wide."""
WIDEST = 10_000


def render_table(grids: Iterable[Grid], width: int, *, colour: bool) -> str:
    """Tables with as many columns as fit, each with the reasons for what is missing in it."""
    console = Console(
        file=StringIO(),
        width=max(width, NARROWEST),
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        _environ={},
    )
    with console.capture() as capture:
        for grid in grids:
            _print(console, _fitting(console, grid))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _print(console: Console, grid: Grid) -> None:
    console.print(Text(printable(grid.title), style="bold"))
    console.print(_table(grid))
    for mark, note in enumerate(grid.notes, start=1):
        console.print(Text(printable(f"{mark}) {note}"), style="dim"))
    console.print()


def _fitting(console: Console, grid: Grid) -> Grid:
    """The grid without the columns for which there is no room."""
    ranks = sorted({head.rank for head in grid.heads}, reverse=True)
    candidates = [narrowed(grid, rank) for rank in ranks]
    fitting = (candidate for candidate in candidates if _natural_width(console, candidate) <= console.width)
    return next(fitting, candidates[-1])


def _natural_width(console: Console, grid: Grid) -> int:
    unlimited = console.options.update_width(WIDEST)
    return Measurement.get(console, unlimited, _table(grid)).maximum


def _table(grid: Grid) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for head in grid.heads:
        title = Text(head.title) + Text(f"\n{head.unit}", style="dim")
        justify: Literal["left", "right"] = "right" if head.numeric else "left"
        table.add_column(title, justify=justify, overflow="fold", no_wrap=head.numeric)
    for row in grid.rows:
        table.add_row(*(_text(cell) for cell in row))
    return table


def _text(cell: Cell) -> Text:
    marks = "".join(f" {mark})" for mark in cell.marks)
    text = Text(printable(cell.text), style=STYLES.get(cell.kind, "")) + Text(marks, style="dim")
    return text + Text(f"\n{printable(cell.detail)}", style="dim") if cell.detail else text


# --- sparkline -------------------------------------------------------------------------------------------------------

BLOCKS = "▁▂▃▄▅▆▇█"
LETTERS = "_.-:=+*#"
"""For terminals without block characters."""


def sparkline(values: Sequence[float], width: int, marks: str = BLOCKS) -> str:
    """The last ``width`` values, each as one of ``marks``: the first of them is zero, the last the largest value.

    It starts at zero, so that nearly equal values look flat.
    """
    shown = list(values)[-width:] if width > 0 else []
    top = max(shown, default=0.0)
    if top <= 0:
        return marks[0] * len(shown)
    return "".join(marks[round((len(marks) - 1) * max(0.0, value) / top)] for value in shown)
