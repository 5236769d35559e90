"""The final table in a terminal of any width, with colour or without."""

from __future__ import annotations

import re
from io import StringIO
from typing import Literal

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from bakeoff.model import Run
from bakeoff.report import grid
from bakeoff.report.grid import Cell, Grid

STYLES = {"faster": "bold green", "slower": "bold red", "same": "dim", "inconclusive": "yellow", "bad": "red"}
NARROWEST = 20
"""Columns below which no table can be laid out; a terminal that claims less is taken to be this wide."""


WIDEST = 10_000


def render_table(run: Run, width: int, colour: bool) -> str:
    """One table per scenario and load, with as many columns as fit, and the reasons for what is missing."""
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
        for each in grid.result_grids(run):
            _print(console, _fitting(console, each))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _print(console: Console, each: Grid) -> None:
    console.print(Text(clean(each.title), style="bold"))
    console.print(_table(each))
    for mark, note in enumerate(each.notes, start=1):
        console.print(Text(clean(f"{mark}) {note}"), style="dim"))
    console.print()


def _fitting(console: Console, each: Grid) -> Grid:
    """The grid without the columns that there is no room for."""
    ranks = sorted({head.rank for head in each.heads}, reverse=True)
    candidates = [grid.narrowed(each, rank) for rank in ranks]
    return next((one for one in candidates if _natural_width(console, one) <= console.width), candidates[-1])


def _natural_width(console: Console, each: Grid) -> int:
    unlimited = console.options.update_width(WIDEST)
    return Measurement.get(console, unlimited, _table(each)).maximum


def _table(each: Grid) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for head in each.heads:
        title = Text(head.title) + Text(f"\n{head.unit}", style="dim")
        justify: Literal["left", "right"] = "right" if head.numeric else "left"
        table.add_column(title, justify=justify, overflow="fold", no_wrap=head.numeric)
    for row in each.rows:
        table.add_row(*(_text(cell) for cell in row))
    return table


def _text(cell: Cell) -> Text:
    marks = "".join(f" {mark})" for mark in cell.marks)
    text = Text(clean(cell.text), style=STYLES.get(cell.kind, "")) + Text(marks, style="dim")
    return text + Text(f"\n{clean(cell.detail)}", style="dim") if cell.detail else text


def clean(text: str) -> str:
    """Text that cannot steer the terminal."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", text)
