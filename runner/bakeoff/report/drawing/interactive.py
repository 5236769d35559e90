"""Interactive figures (Bokeh), without colours of their own for text and lines.

The page's script gives those the colours of its theme, and shows and hides everything that is named after a stack.
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
ALL_DIGITS_UP_TO = 4
"""Ratio of the ends of a logarithmic axis up to which every digit has room for a label."""

Tips = Sequence[tuple[str, str]]
"""What hovering shows: a label, and a column in braces after an at sign."""


@dataclass(frozen=True)
class InteractiveFigure:
    """A Bokeh figure with its heading."""

    title: str
    figure: figure
    height_px: int


def new_figure(height_px: int, x: str, y: str, **options: Any) -> figure:
    """An empty figure as wide as its place, its axes labelled ``x`` and ``y``, with units."""
    plot = figure(
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
    plot.toolbar.logo = None
    for axis in (*plot.xaxis, *plot.yaxis):
        _style_axis(axis)
    return plot


def _style_axis(axis: Axis) -> None:
    """Labels only, without lines."""
    axis.minor_tick_line_alpha = 0
    axis.major_tick_line_alpha = 0
    axis.axis_line_alpha = 0
    axis.axis_label_text_font_style = "normal"
    axis.axis_label_text_font_size = axis.major_label_text_font_size = "12px"


# --- axes ------------------------------------------------------------------------------------------------------------


def number_ticks(axis: Axis, *, few: bool = False) -> None:
    """Ticks written like every other number of the report; a few, so that their numbers stand apart on a phone."""
    if few:
        axis.ticker = BasicTicker(desired_num_ticks=4)
    axis.formatter = NumeralTickFormatter(format="0,0.[0000]")


def log_ticks(axis: Axis, low: float, high: float) -> None:
    """Ticks at 1, 2 and 5 of each decade, or at every digit where there is hardly one decade, as plain numbers."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if high / low > ALL_DIGITS_UP_TO else range(1, 10)
    axis.ticker = FixedTicker(ticks=[digit * 10.0**decade for decade in decades for digit in digits])
    number_ticks(axis)


def named_ticks(axis: Axis, names: Mapping[float, str]) -> None:
    """Ticks at some places only, with names."""
    axis.ticker = FixedTicker(ticks=list(names))
    axis.major_label_overrides = {place: name for place, name in names.items()}  # noqa: C416, a dict of the wider type


def from_zero(end: float) -> Range1d:
    """The range of an axis that no zoom makes begin below zero."""
    return Range1d(start=0, end=end or 1.0, bounds=(0, None))


# --- data ------------------------------------------------------------------------------------------------------------


def source(columns: Mapping[str, Sequence[Any]]) -> ColumnDataSource:
    """Columns as Bokeh takes them."""
    return ColumnDataSource({name: list(values) for name, values in columns.items()})


def rows_by_stack(stacks: Sequence[str]) -> CDSView:
    """A view of a source that has one row for each stack, in this order; the page shows and hides rows in it."""
    return CDSView(filter=BooleanFilter(booleans=[True] * len(stacks), tags=list(stacks)))


def literal(text: str) -> str:
    """A name that Bokeh must not take for a formula, for which it would load a library from the network."""
    return text.replace("$", "$\N{WORD JOINER}").replace("\\", "\\\N{WORD JOINER}")


# --- marks -----------------------------------------------------------------------------------------------------------


def hover(plot: figure, renderers: Sequence[GlyphRenderer[Any]], tips: Tips, **options: Any) -> None:
    """Show numbers where the pointer is."""
    plot.add_tools(HoverTool(renderers=list(renderers), tooltips=list(tips), **options))


def whisker(plot: figure, stack: str, data: ColumnDataSource, base: str, dimension: Literal["width", "height"]) -> None:
    """An interval from the columns ``low`` and ``high``, drawn in the page's ink."""
    annotation = Whisker(
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
    plot.add_layout(annotation)


def upright_mark(plot: figure, x: str, size: int, data: ColumnDataSource, view: CDSView) -> None:
    """A short upright line in the page's ink at each row's ``x``: the end of an interval, or a limit."""
    renderer = plot.scatter(
        x=x, y="y", marker="dash", angle=math.pi / 2, size=size, line_width=2, source=data, view=view
    )
    renderer.glyph.tags = [INK]


def intervals(plot: figure, data: ColumnDataSource, view: CDSView) -> None:
    """Each row's interval, from the columns ``low`` and ``high``, in the page's ink."""
    renderer = plot.segment(x0="low", x1="high", y0="y", y1="y", line_width=1.4, source=data, view=view)
    renderer.glyph.tags = [INK]
    for end in ("low", "high"):
        upright_mark(plot, end, 9, data, view)


def notes(plot: figure, data: ColumnDataSource, view: CDSView) -> None:
    """A word, from the column ``note``, where a bar would be."""
    renderer = plot.text(
        x=0, y="y", text="note", x_offset=4, text_baseline="middle", text_font_size="12px",
        text_font_style="italic", source=data, view=view,
    )  # fmt: skip
    renderer.glyph.tags = [QUIET]
