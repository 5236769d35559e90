"""Still pictures: a matplotlib figure with room for a title, a grid of subplots, and the axes that all charts share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator
from PIL import Image

from bakeoff.report.drawing.palette import INK, LINE, PAPER, QUIET, Dash, StackStyle

WIDTH = 8.8
"""Inches; at 2 pixels a point a picture is 1267 pixels wide."""
MARGIN = 0.28
HEAD = 1.0
"""Inches above the subplots, for the title, the subtitle and the legend."""
FOOT = 0.62
DPI = 144
COLOURS = 256
"""Of a picture's palette, which makes the file less than half as large; no pixel changes by more than 2 %."""

FONT = "DejaVu Sans"
"""Ships with matplotlib, so pictures are the same on every machine."""
LONGEST_NAME = 34
LETTER = 0.079
"""Inches that a letter of a name takes beside an axis."""

LINE_STYLES: dict[Dash, tuple[float, tuple[float, ...]]] = {
    "solid": (0, ()),
    "dashed": (0, (4, 1.5)),
    "dotted": (0, (1.2, 1.2)),
}
"""Offset, then lengths on and off, in widths of the line."""


@dataclass(frozen=True)
class Layout:
    """The grid of a sheet, in inches."""

    rows: int = 1
    columns: int = 1
    subplot_height: float = 2.6
    left: float = 0.75
    between_columns: float = 0.75
    between_rows: float = 0.5
    head: float = HEAD

    @property
    def height(self) -> float:
        """Of the whole sheet."""
        return self.head + self.rows * self.subplot_height + (self.rows - 1) * self.between_rows + FOOT


@dataclass(frozen=True)
class Sheet:
    """A figure and its grid of subplots."""

    figure: Figure
    subplots: tuple[tuple[Axes, ...], ...]

    def first(self, count: int) -> list[Axes]:
        """The first subplots, row by row; the rest are hidden."""
        subplots = [axes for row in self.subplots for axes in row]
        for axes in subplots[count:]:
            axes.set_visible(False)
        return subplots[:count]


def new_sheet(layout: Layout) -> Sheet:
    """An empty sheet, with room for a title and a subtitle."""
    figure = Figure(figsize=(WIDTH, layout.height), facecolor=PAPER)
    subplots = tuple(
        tuple(_subplot(figure, layout, row, column) for column in range(layout.columns)) for row in range(layout.rows)
    )
    for axes in (axes for row in subplots for axes in row):
        _style_axes(axes)
    return Sheet(figure, subplots)


def grid_shape(subplots: int) -> tuple[int, int]:
    """Rows and columns for a number of subplots, two beside each other."""
    columns = min(2, subplots)
    return -(-subplots // columns), columns


def _subplot(figure: Figure, layout: Layout, row: int, column: int) -> Axes:
    room = WIDTH - layout.left - MARGIN - (layout.columns - 1) * layout.between_columns
    width = room / layout.columns
    left = layout.left + column * (width + layout.between_columns)
    bottom = FOOT + (layout.rows - 1 - row) * (layout.subplot_height + layout.between_rows)
    return figure.add_axes((left / WIDTH, bottom / layout.height, width / WIDTH, layout.subplot_height / layout.height))


def _style_axes(axes: Axes) -> None:
    """Only the lines that are read, in quiet colours."""
    axes.set_facecolor(PAPER)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.tick_params(which="both", colors=QUIET, labelsize=9, length=0, pad=5, labelfontfamily=FONT)
    axes.grid(visible=True, color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)


# --- text ------------------------------------------------------------------------------------------------------------


def write_title(figure: Figure, title: str, subtitle: str) -> None:
    """Write the two lines at the top of a sheet."""
    _write_line(figure, 0.28, title, INK, 13, "bold")
    _write_line(figure, 0.51, subtitle, QUIET, 9.5, "normal")


def _write_line(figure: Figure, inches_down: float, text: str, colour: str, size: float, weight: str) -> None:
    x, y = MARGIN / WIDTH, 1 - inches_down / float(figure.get_size_inches()[1])
    figure.text(x, y, text, color=colour, fontsize=size, fontweight=weight, fontfamily=FONT, ha="left", va="center")


def label_axes(axes: Axes, *, x: str = "", y: str = "") -> None:
    """What an axis counts, and in which unit."""
    axes.set_xlabel(x, color=QUIET, fontsize=9.5, fontfamily=FONT, labelpad=6)
    axes.set_ylabel(y, color=QUIET, fontsize=9.5, fontfamily=FONT, labelpad=6)


def write_heading(axes: Axes, text: str, *, above: float = 7) -> None:
    """A subplot's heading, flush with its left edge, some points above it."""
    axes.set_title(text, loc="left", color=INK, fontsize=10, fontweight="bold", fontfamily=FONT, pad=above)


def legend(sheet: Sheet, styles: Mapping[str, StackStyle], stacks: Iterable[str]) -> None:
    """Which stack is which, above the subplots."""
    drawn = set(stacks)
    handles = [
        Line2D([], [], color=style.colour, linestyle=LINE_STYLES[style.dash], linewidth=2.4, label=literal(name))
        for name, style in styles.items()
        if name in drawn
    ]
    height = float(sheet.figure.get_size_inches()[1])
    sheet.figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=((MARGIN - 0.06) / WIDTH, 1 - 0.62 / height),
        ncols=_legend_columns(len(handles)),
        frameon=False,
        borderpad=0,
        labelcolor=INK,
        handlelength=1.6,
        columnspacing=1.6,
        prop={"family": FONT, "size": 9.5},
    )


def legend_height(entries: int) -> float:
    """Inches that a legend takes."""
    return 0.24 * -(-entries // _legend_columns(entries)) + 0.12


def _legend_columns(entries: int) -> int:
    return max(1, min(4, entries))


def literal(text: str) -> str:
    """Text from a user's files as matplotlib must be given it: no formulas, no missing glyphs, not too long."""
    printable = "".join(letter if ord(letter) in _glyphs() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    if len(printable) > LONGEST_NAME:
        printable = printable[: LONGEST_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"
    # A legend leaves out labels that begin with an underscore.
    return (" " + printable if printable.startswith("_") else printable).replace("$", r"\$")


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family=FONT))).get_charmap())


# --- scales ----------------------------------------------------------------------------------------------------------

LOG_STEPS = ((1.0, 2.0, 5.0), (1.0, 3.0))


def number_ticks(axes: Axes, axis: str) -> None:
    """Ticks written like every other number in the report."""
    chosen = axes.xaxis if axis == "x" else axes.yaxis
    chosen.set_major_formatter(lambda value, _: _tick(value))
    chosen.set_minor_formatter(lambda _, __: "")


def _tick(value: float) -> str:
    """A tick's label: no trailing zeros."""
    return f"{value:,.0f}" if value == round(value) else f"{value:.6f}".rstrip("0")


def log_scale(axes: Axes, values: pd.Series, labels: int) -> None:
    """A logarithmic vertical axis over some values, with about as many labels as there is room for."""
    low, high = float(values.min()), float(values.max())
    axes.set_yscale("log")
    axes.set_ylim(low / 1.3, high * 1.3)
    decades = math.log10(1.69 * high / low)
    steps = next((steps for steps in LOG_STEPS if decades * len(steps) <= labels), (1.0,))
    axes.yaxis.set_major_locator(LogLocator(subs=steps))
    axes.yaxis.set_minor_locator(NullLocator())
    number_ticks(axes, "y")


# --- files -----------------------------------------------------------------------------------------------------------


def as_png(figure: Figure) -> bytes:
    """A figure as a PNG, the same bytes for the same figure. The figure is empty afterwards."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])  # type: ignore[no-untyped-call]
    # Not Pillow's default method, median cut: it gives thin lines the colour of their neighbours.
    picture = Image.fromarray(pixels).quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    buffer = BytesIO()
    picture.save(buffer, format="PNG")
    # Figure and canvas refer to each other, and hold several megabytes until the next garbage collection.
    figure.clear()
    del canvas.renderer
    return buffer.getvalue()
