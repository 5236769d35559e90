"""The latency distribution on HdrHistogram's axis, which gives each further nine the same room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import Range1d
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from bakeoff.findings.numerals import at_least, listing, number
from bakeoff.model import Condition
from bakeoff.report.drawing import interactive, sheet
from bakeoff.report.drawing.chart import Chart, ChartData, of_stack, under
from bakeoff.report.drawing.interactive import InteractiveFigure
from bakeoff.report.drawing.palette import StackStyle
from bakeoff.report.drawing.sheet import LINE_STYLES, Layout, literal
from bakeoff.tables import BEYOND

TICKS = ((2, "50 %"), (10, "90 %"), (100, "99 %"), (1e3, "99.9 %"), (1e4, "99.99 %"), (1e5, "99.999 %"))
"""Where each percentile lies on an axis of ``1 / (1 - q)``."""
SHORT = 40
"""An axis that ends before this has hardly a label, and gets another."""
TICK_OF_A_SHORT_AXIS = (4, "75 %")
HEIGHT_PX = 340


def _place(quantile: pd.Series) -> pd.Series:
    """Where a quantile lies on the axis."""
    return 1 / (1 - quantile)


def _axis_end(rows: pd.DataFrame) -> float:
    return 1.15 * float(_place(rows["quantile"]).max())


def _ticks(axis_end: float) -> dict[float, str]:
    """The labels that an axis has room for."""
    ticks = (*TICKS, *([TICK_OF_A_SHORT_AXIS] if axis_end < SHORT else []))
    return {place: text for place, text in ticks if place <= axis_end}


# --- the picture -----------------------------------------------------------------------------------------------------


def _draw(data: ChartData) -> Figure:
    conditions, stacks = data.conditions_in(data.percentiles), data.stacks_in(data.percentiles)
    rows, columns = sheet.grid_shape(len(conditions))
    head = sheet.HEAD + sheet.legend_height(len(stacks))
    drawn = sheet.new_sheet(Layout(rows=rows, columns=columns, subplot_height=3.1, between_rows=0.95, head=head))
    sheet.legend(drawn, data.styles, stacks)
    for position, (axes, condition) in enumerate(zip(drawn.first(len(conditions)), conditions, strict=True)):
        _draw_curves(data, axes, condition)
        sheet.label_axes(axes, x="percentile of the requests", y="" if position % columns else "latency in ms")
    return drawn.figure


def _draw_curves(data: ChartData, axes: Axes, condition: Condition) -> None:
    rows = under(data.percentiles, condition)
    for name in data.stacks_in(rows):
        curve, style = of_stack(rows, name), data.styles[name]
        axes.plot(
            _place(curve["quantile"]), curve["latency_ms"],
            color=style.colour, linestyle=LINE_STYLES[style.dash], linewidth=2,
        )  # fmt: skip
        bounds = curve[curve["at_least"]]
        axes.scatter(_place(bounds["quantile"]), bounds["latency_ms"], marker="^", color=style.colour, s=20)
    axes.set_xscale("log")
    axes.set_xlim(1, _axis_end(rows))
    ticks = _ticks(_axis_end(rows))
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.xaxis.set_minor_locator(NullLocator())
    sheet.log_scale(axes, rows["latency_ms"], labels=8)
    sheet.write_heading(axes, literal(data.run.title(condition)))


# --- the interactive figures -----------------------------------------------------------------------------------------


def _interactive(data: ChartData) -> tuple[InteractiveFigure, ...]:
    return tuple(_interactive_curves(data, condition) for condition in data.conditions_in(data.percentiles))


def _interactive_curves(data: ChartData, condition: Condition) -> InteractiveFigure:
    rows = under(data.percentiles, condition)
    end = _axis_end(rows)
    plot = interactive.new_figure(
        HEIGHT_PX, "percentile of the requests", "latency in ms",
        x_axis_type="log", y_axis_type="log", x_range=Range1d(start=1, end=end, bounds=(1, end)),
    )  # fmt: skip
    interactive.named_ticks(plot.xaxis[0], _ticks(end))
    interactive.log_ticks(plot.yaxis[0], float(rows["latency_ms"].min()), float(rows["latency_ms"].max()))
    curves = [
        drawn
        for name in data.stacks_in(rows)
        for drawn in _interactive_curve(plot, name, of_stack(rows, name), data.styles[name])
    ]
    interactive.hover(
        plot, curves,
        [("stack", "@stack"), ("percentile", "@percentile"), ("latency", "@latency")], line_policy="nearest",
    )  # fmt: skip
    return InteractiveFigure(data.run.title(condition), plot, HEIGHT_PX)


def _interactive_curve(plot: figure, name: str, curve: pd.DataFrame, style: StackStyle) -> Iterator[GlyphRenderer[Any]]:
    columns = _columns(name, curve)
    yield plot.line(
        "x", "y", source=interactive.source(columns),
        color=style.colour, line_dash=style.dash, line_width=2.5, name=name,
    )  # fmt: skip
    bounds = curve[curve["at_least"]]
    if len(bounds):
        yield plot.scatter(
            "x", "y", source=interactive.source(_columns(name, bounds)),
            color=style.colour, marker="triangle", size=7, name=name,
        )  # fmt: skip


def _columns(name: str, curve: pd.DataFrame) -> dict[str, list[Any]]:
    return {
        "x": _place(curve["quantile"]).tolist(),
        "y": curve["latency_ms"].tolist(),
        "stack": [name] * len(curve),
        "percentile": [f"{100 * quantile:.7g} %" for quantile in curve["quantile"]],
        "latency": [f"{words} ms" for words in _latency_words(curve)],
    }


def _latency_words(curve: pd.DataFrame) -> list[str]:
    pairs = zip(curve["latency_ms"], curve["at_least"], strict=True)
    return [at_least(latency_ms) if is_bound else number(latency_ms) for latency_ms, is_bound in pairs]


# --- words -----------------------------------------------------------------------------------------------------------


def _describe(data: ChartData) -> str:
    parts = []
    for condition in data.conditions_in(data.percentiles):
        rows = under(data.percentiles, condition)
        curves = [f"{name} {_curve_words(of_stack(rows, name))}" for name in data.stacks_in(rows)]
        parts.append(f"{data.run.title(condition)}: {', '.join(curves)}")
    return f"Curves of latency in milliseconds by percentile. {'; '.join(parts)}."


def _curve_words(curve: pd.DataFrame) -> str:
    parts = []
    for quantile in (0.5, 0.99, 0.999):
        words = _latency_words(curve[np.isclose(curve["quantile"], quantile, atol=1e-9, rtol=0)])
        parts += [f"p{100 * quantile:g} {latency}" for latency in words[:1]]
    return listing(parts) or "too few requests"


CHART = Chart(
    order=40,
    title="Latency, from the quickest request to the slowest",
    caption=f"Logarithmic axes. Curves end where fewer than {BEYOND} requests took longer; triangles are lower bounds.",
    describe=_describe,
    has_data=lambda data: len(data.percentiles) > 0,
    draw=_draw,
    interactive=_interactive,
)
