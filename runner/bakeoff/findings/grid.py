"""Tables as readers see them: cells of text, units in the heads, and a footnote wherever a number is missing.

The page, Markdown and the terminal draw the same grids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bakeoff.findings.numerals import DASH, TIMES, interval, merged, number, shape
from bakeoff.model import Estimate


@dataclass(frozen=True)
class Cell:
    """One field of a table."""

    text: str
    detail: str = ""
    """A second line in small print."""
    marks: tuple[int, ...] = ()
    """The footnotes that explain it."""
    kind: str = ""
    """A word for its style: an interface, a verdict, ``bad`` or ``quiet``."""
    reasons: tuple[str, ...] = ()
    """Why there is no number, or no interval; `make_grid` makes footnotes of them."""


@dataclass(frozen=True)
class Head:
    """A column's name and unit."""

    title: str
    unit: str = ""
    numeric: bool = True
    rank: int = 0
    """Where there is no room for all columns, those of the highest rank are left out first; rank 0 always stays."""


@dataclass(frozen=True)
class Grid:
    """One table."""

    title: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    """Footnotes; the first has mark 1."""


MISSING = Cell(DASH)


def missing(*reasons: str) -> Cell:
    """A number that was withheld or never measured."""
    return Cell(DASH, reasons=reasons)


def ratio_cell(estimate: Estimate) -> Cell:
    """A ratio over its interval."""
    return Cell(f"{number(estimate.point)} {TIMES}", interval(estimate))


def make_grid(title: str, heads: Iterable[Head], rows: Iterable[Sequence[Cell]]) -> Grid:
    """A table whose footnotes are the reasons in its cells. Reasons that differ only in numbers share a footnote."""
    cells = [list(row) for row in rows]
    alike: dict[str, list[str]] = {}
    for reason in (reason for row in cells for cell in row for reason in cell.reasons):
        alike.setdefault(shape(reason), []).append(reason)
    marks = {common: mark for mark, common in enumerate(alike, start=1)}

    def marked(cell: Cell) -> Cell:
        return replace(cell, marks=tuple(dict.fromkeys(marks[shape(reason)] for reason in cell.reasons)))

    return Grid(
        title=title,
        heads=tuple(heads),
        rows=tuple(tuple(marked(cell) if cell.reasons else cell for cell in row) for row in cells),
        notes=tuple(merged(reasons) for reasons in alike.values()),
    )


def narrowed(whole: Grid, rank: int) -> Grid:
    """A grid with only the columns up to a rank, and only the footnotes that those need."""
    kept = [index for index, head in enumerate(whole.heads) if head.rank <= rank]
    used = sorted({mark for row in whole.rows for index in kept for mark in row[index].marks})
    renumbered = {mark: new for new, mark in enumerate(used, start=1)}

    def remarked(cell: Cell) -> Cell:
        return replace(cell, marks=tuple(renumbered[mark] for mark in cell.marks))

    return Grid(
        title=whole.title,
        heads=tuple(whole.heads[index] for index in kept),
        rows=tuple(tuple(remarked(row[index]) for index in kept) for row in whole.rows),
        notes=tuple(whole.notes[mark - 1] for mark in used),
    )
