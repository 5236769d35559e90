"""The interactive form of a chart: one Bokeh figure a panel, without colours of its own for text and lines.

The page paints those in its theme, and it shows and hides everything that is named after a stack.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bokeh.models import (
    Axis,
    BasicTicker,
    BooleanFilter,
    CDSView,
    ColumnDataSource,
    FixedTicker,
    HoverTool,
    NumeralTickFormatter,
    Range1d,
)
from bokeh.models.annotations import TeeHead, Whisker
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure

TOOLS = "box_zoom,pan,wheel_zoom,reset"
INK = "ink"
"""A tag on what the page draws in the colour of its text."""
QUIET = "quiet"
"""A tag on words of second rank."""
DASHES = ("solid", "dashed", "dotted")

Tips = Sequence[tuple[str, str]]
"""What hovering shows: a label, and a column in braces after an at sign."""


@dataclass(frozen=True)
class Panel:
    """One figure with its heading."""

    title: str
    figure: figure
    height_px: int


def sheet(height_px: int, x: str, y: str, **options: Any) -> figure:
    """An empty figure as wide as its place, its axes named with their units."""
    made = figure(
        height=height_px,
        sizing_mode="stretch_width",
        tools=TOOLS,
        active_drag="box_zoom",
        toolbar_location="above",
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_alpha=0,
        min_border_right=14,
        x_axis_label=x or None,
        y_axis_label=y or None,
        **options,
    )
    made.toolbar.logo = None
    made.xgrid.visible = True
    for axis in (*made.xaxis, *made.yaxis):
        quiet(axis)
    return made


def quiet(axis: Axis) -> None:
    """Only what is read."""
    axis.minor_tick_line_alpha = 0
    axis.major_tick_line_alpha = 0
    axis.axis_line_alpha = 0
    axis.axis_label_text_font_style = "normal"
    axis.axis_label_text_font_size = axis.major_label_text_font_size = "12px"


def plain_numbers(axis: Axis) -> None:
    """Ticks written like every other number of the report."""
    axis.formatter = NumeralTickFormatter(format="0,0.[0000]")


def few_numbers(axis: Axis) -> None:
    """So few ticks that their numbers stand apart on a phone."""
    axis.ticker = BasicTicker(desired_num_ticks=4)
    plain_numbers(axis)


def named_ticks(axis: Axis, ticks: Mapping[float, str]) -> None:
    """Ticks at some places only, with names."""
    axis.ticker = FixedTicker(ticks=list(ticks))
    axis.major_label_overrides = {at: text for at, text in ticks.items()}  # noqa: C416, a dict of the wider type


def log_numbers(axis: Axis, low: float, high: float) -> None:
    """Ticks at 1, 2 and 5 of each decade, or at every digit where there is hardly one decade, as plain numbers."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if high / low > FEW else range(1, 10)
    axis.ticker = FixedTicker(ticks=[digit * 10.0**decade for decade in decades for digit in digits])
    plain_numbers(axis)


FEW = 4
"""Ratio of the ends of a logarithmic axis up to which every digit has room for a label."""


def from_zero(end: float) -> Range1d:
    """An axis that no zoom makes begin below zero."""
    return Range1d(start=0, end=end or 1.0, bounds=(0, None))


def source(columns: Mapping[str, Sequence[Any]]) -> ColumnDataSource:
    """Columns as Bokeh takes them."""
    return ColumnDataSource({name: list(values) for name, values in columns.items()})


def hover(made: figure, drawn: Sequence[GlyphRenderer[Any]], tips: Tips, **options: Any) -> None:
    """Numbers where the pointer is."""
    made.add_tools(HoverTool(renderers=list(drawn), tooltips=list(tips), **options))


def whisker(made: figure, stack: str, data: ColumnDataSource, base: str, dimension: Literal["width", "height"]) -> None:
    """An interval from the columns ``low`` and ``high``, drawn in the page's ink."""
    added = Whisker(
        source=data,
        base=base,
        lower="low",
        upper="high",
        dimension=dimension,
        name=stack,
        tags=[INK],
        line_width=1.4,
        level="overlay",
        lower_head=TeeHead(size=7, tags=[INK]),
        upper_head=TeeHead(size=7, tags=[INK]),
    )
    made.add_layout(added)


def rows_by_stack(stacks: Sequence[str]) -> CDSView:
    """A view of a source that has one row for each stack, in this order; the page shows and hides rows in it."""
    return CDSView(filter=BooleanFilter(booleans=[True] * len(stacks), tags=list(stacks)))


def upright(made: figure, x: str, size: int, data: ColumnDataSource, view: CDSView) -> None:
    """A short upright line in the page's ink at each row's ``x``: the end of an interval, or a limit."""
    drawn = made.scatter(x=x, y="y", marker="dash", angle=math.pi / 2, size=size, line_width=2, source=data, view=view)
    drawn.glyph.tags = [INK]


def spans(made: figure, data: ColumnDataSource, view: CDSView) -> None:
    """Each row's interval, from the columns ``low`` and ``high``, in the page's ink."""
    drawn = made.segment(x0="low", x1="high", y0="y", y1="y", line_width=1.4, source=data, view=view)
    drawn.glyph.tags = [INK]
    for end in ("low", "high"):
        upright(made, end, 9, data, view)


def notes(made: figure, data: ColumnDataSource, view: CDSView) -> None:
    """A word, from the column ``note``, where a bar would be."""
    drawn = made.text(
        x=0, y="y", text="note", x_offset=4, text_baseline="middle", text_font_size="12px",
        text_font_style="italic", source=data, view=view,
    )  # fmt: skip
    drawn.glyph.tags = [QUIET]


def inert(text: str) -> str:
    """A name that Bokeh must not take for a formula, for which it would look to the network."""
    return text.replace("$", "$\N{WORD JOINER}").replace("\\", "\\\N{WORD JOINER}")
