"""How figures look: two themes, one palette, and the axes that all of them share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from bakeoff.model import Run

# Wong, "Points of view: Color blindness", Nature Methods 8, 441 (2011), after Okabe and Ito (2008). Warm colours are
# WSGI and cool ones ASGI: the two families stay apart in every common form of colour blindness.
WARM = ("#D55E00", "#E69F00", "#CC79A7")
COOL = ("#0072B2", "#56B4E9", "#009E73")
OTHER = "#8A8A8A"
Dash = tuple[float, tuple[float, ...]]
"""Offset, then lengths on and off, in widths of the line; none is a solid line."""
DASHES: tuple[Dash, ...] = ((0, ()), (0, (4, 1.5)), (0, (1.2, 1.2)))
"""Once a family's colours are used up, its next stacks repeat them with another kind of line."""

FONT = "DejaVu Sans"
"""Ships with matplotlib, so figures are the same on every machine."""
LONGEST_NAME = 34
LETTER = 0.079
"""Inches that a letter of a name takes beside an axis."""


@dataclass(frozen=True)
class Theme:
    """The colours of everything but the data."""

    name: str
    paper: str
    ink: str
    quiet: str
    """Text of second rank."""
    line: str
    shade: str
    """Alternate bands behind the data."""


LIGHT = Theme(name="light", paper="#ffffff", ink="#1b1f24", quiet="#5b636e", line="#dfe3e8", shade="#f5f7f9")
DARK = Theme(name="dark", paper="#15181c", ink="#e8eaed", quiet="#9aa3ae", line="#2e343b", shade="#1c2025")


@dataclass(frozen=True)
class Look:
    """How one stack is drawn, in every figure."""

    colour: str
    dash: Dash


def looks(run: Run) -> dict[str, Look]:
    """The look of each stack: the family by interface, the member by order in the experiment."""
    found: dict[str, Look] = {}
    used: dict[str | None, int] = {}
    for name in run.stack_names:
        interface = run.interface_of(name)
        family = {"wsgi": WARM, "asgi": COOL}.get(interface or "", (OTHER,))
        nth = used.get(interface, 0)
        used[interface] = nth + 1
        found[name] = Look(family[nth % len(family)], DASHES[nth // len(family) % len(DASHES)])
    return found


# --- colours ---------------------------------------------------------------------------------------------------------


def mixed(colour: str, paper: str, share: float) -> str:
    """A colour as if printed at a share of its strength, without letting what lies behind it through."""
    ink, ground = np.array(to_rgb(colour)), np.array(to_rgb(paper))
    red, green, blue = (share * ink + (1 - share) * ground).tolist()
    return to_hex((red, green, blue))


def readable_on(fill: str) -> str:
    """Black or white, whichever stands out more (relative luminance, WCAG 2.1)."""
    rgb = np.array(to_rgb(fill))
    linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return "#000000" if float(linear @ [0.2126, 0.7152, 0.0722]) > 0.179 else "#ffffff"


# --- text ------------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Text from a user's files as matplotlib must be given it: no formulas, no missing glyphs, not endless."""
    known = "".join(letter if ord(letter) in _glyphs() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    short = known if len(known) <= LONGEST_NAME else known[: LONGEST_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"
    # A legend leaves out labels that begin with an underscore.
    return (" " + short if short.startswith("_") else short).replace("$", r"\$")


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family=FONT))).get_charmap())


# --- sheets and axes -------------------------------------------------------------------------------------------------

WIDTH = 8.8
"""Inches; at 2 pixels a point a figure is 1267 pixels wide."""
MARGIN = 0.28
HEAD = 1.0
"""Inches above the panels, for the title, the subtitle and the legend."""
FOOT = 0.62
DPI = 144


@dataclass(frozen=True)
class Sheet:
    """A figure with its title, and a grid of panels in which the data goes."""

    figure: Figure
    panels: tuple[tuple[Axes, ...], ...]
    theme: Theme


@dataclass(frozen=True)
class Layout:
    """The grid of a sheet, in inches."""

    rows: int = 1
    columns: int = 1
    panel_height: float = 2.6
    left: float = 0.75
    between_columns: float = 0.75
    between_rows: float = 0.5
    head: float = HEAD

    @property
    def height(self) -> float:
        """Of the whole sheet."""
        return self.head + self.rows * self.panel_height + (self.rows - 1) * self.between_rows + FOOT


def sheet(theme: Theme, title: str, subtitle: str, layout: Layout) -> Sheet:
    """An empty sheet."""
    figure = Figure(figsize=(WIDTH, layout.height), facecolor=theme.paper)
    _write(figure, 0.28, title, theme.ink, 13, "bold")
    _write(figure, 0.51, subtitle, theme.quiet, 9.5, "normal")
    rows = [[_panel(figure, layout, row, column) for column in range(layout.columns)] for row in range(layout.rows)]
    for axes in (axes for row in rows for axes in row):
        dress(axes, theme)
    return Sheet(figure, tuple(tuple(row) for row in rows), theme)


def grid(panels: int) -> tuple[int, int]:
    """Rows and columns for some panels, two beside each other."""
    columns = min(2, panels)
    return -(-panels // columns), columns


def used_panels(made: Sheet, amount: int) -> list[Axes]:
    """The first panels of a sheet, row by row; the rest are hidden."""
    panels = [axes for row in made.panels for axes in row]
    for axes in panels[amount:]:
        axes.set_visible(False)
    return panels[:amount]


def _write(figure: Figure, inches_down: float, text: str, colour: str, size: float, weight: str) -> None:
    height = float(figure.get_size_inches()[1])
    place = (MARGIN / WIDTH, 1 - inches_down / height)
    figure.text(*place, text, color=colour, fontsize=size, fontweight=weight, fontfamily=FONT, ha="left", va="center")


def _panel(figure: Figure, layout: Layout, row: int, column: int) -> Axes:
    room = WIDTH - layout.left - MARGIN - (layout.columns - 1) * layout.between_columns
    width = room / layout.columns
    left = layout.left + column * (width + layout.between_columns)
    bottom = FOOT + (layout.rows - 1 - row) * (layout.panel_height + layout.between_rows)
    return figure.add_axes((left / WIDTH, bottom / layout.height, width / WIDTH, layout.panel_height / layout.height))


def dress(axes: Axes, theme: Theme) -> None:
    """Only the lines that are read, in quiet colours."""
    axes.set_facecolor(theme.paper)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(theme.line)
    axes.tick_params(which="both", colors=theme.quiet, labelsize=9, length=0, pad=5, labelfontfamily=FONT)
    axes.grid(visible=True, color=theme.line, linewidth=0.7)
    axes.set_axisbelow(True)


def name_axes(axes: Axes, theme: Theme, *, x: str = "", y: str = "") -> None:
    """What an axis counts, and in which unit."""
    axes.set_xlabel(x, color=theme.quiet, fontsize=9.5, fontfamily=FONT, labelpad=6)
    axes.set_ylabel(y, color=theme.quiet, fontsize=9.5, fontfamily=FONT, labelpad=6)


def head_panel(axes: Axes, theme: Theme, text: str) -> None:
    """A panel's heading, flush with its left edge."""
    axes.set_title(text, loc="left", color=theme.ink, fontsize=10, fontweight="bold", fontfamily=FONT, pad=7)


def legend(made: Sheet, run: Run, names: Iterable[str]) -> None:
    """One line above the panels: which stack is which."""
    known = looks(run)
    shown = [name for name in known if name in set(names)]
    handles = [
        Line2D([], [], color=known[name].colour, linestyle=known[name].dash, linewidth=2.4, label=plain(name))
        for name in shown
    ]
    height = float(made.figure.get_size_inches()[1])
    made.figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=((MARGIN - 0.06) / WIDTH, 1 - 0.62 / height),
        ncols=legend_columns(len(shown)),
        frameon=False,
        borderpad=0,
        labelcolor=made.theme.ink,
        handlelength=1.6,
        columnspacing=1.6,
        prop={"family": FONT, "size": 9.5},
    )


def legend_columns(entries: int) -> int:
    """Entries beside each other in a legend."""
    return max(1, min(4, entries))


def legend_height(entries: int) -> float:
    """Inches that a legend takes."""
    return 0.24 * -(-entries // legend_columns(entries)) + 0.12


def number_ticks(axes: Axes, axis: str) -> None:
    """Ticks written like every other number in the report."""
    chosen = axes.xaxis if axis == "x" else axes.yaxis
    chosen.set_major_formatter(lambda value, _: tick(value))
    chosen.set_minor_formatter(lambda _, __: "")


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


LOG_STEPS = ((1.0, 2.0, 5.0), (1.0, 3.0))


def tick(value: float) -> str:
    """A tick's label: no trailing zeros."""
    return f"{value:,.0f}" if value == round(value) else f"{value:.6f}".rstrip("0")
