"""A heat map of latency over time: drifts, stalls, and second modes that no percentile shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from bokeh.models import Range1d
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from bakeoff.findings.numerals import number
from bakeoff.model import Condition
from bakeoff.report.drawing import interactive, over_time, sheet
from bakeoff.report.drawing.chart import Chart, ChartData, of_stack, under
from bakeoff.report.drawing.interactive import InteractiveFigure

HEIGHT_PX = 230
UNIT = "latency in ms"
FAINTEST = 0.12
"""Opacity of a cell that holds one request of many: it must stay visible."""


def opacity(share: pd.Series[float]) -> pd.Series[float]:
    """How strongly a share of the requests is drawn."""
    return FAINTEST + (1 - FAINTEST) * share**0.5


# --- the picture -----------------------------------------------------------------------------------------------------


def _draw(data: ChartData) -> Figure:
    drawn, stacks, conditions = over_time.stack_rows(data, data.heat, UNIT)
    for column, condition in enumerate(conditions):
        rows = under(data.heat, condition)
        for row, name in enumerate(stacks):
            axes = drawn.subplots[row][column]
            _draw_cells(axes, of_stack(rows, name), data.styles[name].colour)
            sheet.log_scale(axes, pd.concat([rows["latency_from_ms"], rows["latency_to_ms"]]), labels=4)
            over_time.time_axis(axes, rows)
    return drawn.figure


def _draw_cells(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    """One rectangle a row, as wide as its moment is long."""
    left, low, high = (rows[name].to_numpy(float) for name in ("measured_s", "latency_from_ms", "latency_to_ms"))
    right = left + rows["length_s"].to_numpy(float)
    corners = np.stack([[left, low], [right, low], [right, high], [left, high]]).transpose(2, 0, 1)
    opacities = opacity(rows["share"]).to_numpy(float)
    axes.add_collection(
        PolyCollection(list(corners), facecolors=colour, alpha=opacities, linewidths=0, antialiased=False)
    )


# --- the interactive figures -----------------------------------------------------------------------------------------


def _interactive(data: ChartData) -> tuple[InteractiveFigure, ...]:
    return tuple(
        _interactive_map(data, condition, name)
        for condition in data.conditions_in(data.heat)
        for name in data.stacks_in(under(data.heat, condition))
    )


def _interactive_map(data: ChartData, condition: Condition, name: str) -> InteractiveFigure:
    all_stacks = under(data.heat, condition)
    rows = of_stack(all_stacks, name)
    low, high = float(all_stacks["latency_from_ms"].min()), float(all_stacks["latency_to_ms"].max())
    plot = interactive.new_figure(
        HEIGHT_PX, "seconds of measuring", UNIT,
        y_axis_type="log", y_range=Range1d(start=low, end=high), x_range=interactive.from_zero(over_time.end_s(rows)),
    )  # fmt: skip
    interactive.log_ticks(plot.yaxis[0], low, high)
    cells = plot.vbar(
        x="middle", width="width", bottom="bottom", top="top", fill_alpha="opacity",
        source=interactive.source(_cells(rows)), color=data.styles[name].colour, line_alpha=0, name=name,
    )  # fmt: skip
    interactive.hover(
        plot, [cells],
        [
            ("latency", "@bottom{0,0.[00]} to @top{0,0.[00]} ms"),
            ("second", "@middle{0.0}"),
            ("requests", "@requests{0,0}, @percent{0.[0]} % of that moment's answers"),
        ],
    )  # fmt: skip
    return InteractiveFigure(f"{name}, {data.run.title(condition)}", plot, HEIGHT_PX)


def _cells(rows: pd.DataFrame) -> dict[str, list[object]]:
    """Numbers with no more digits than are seen, because a page may hold thousands of cells."""
    return {
        "middle": (rows["measured_s"] + rows["length_s"] / 2).round(3).tolist(),
        "width": rows["length_s"].round(3).tolist(),
        "bottom": [float(f"{edge:.4g}") for edge in rows["latency_from_ms"]],
        "top": [float(f"{edge:.4g}") for edge in rows["latency_to_ms"]],
        "opacity": opacity(rows["share"]).round(2).tolist(),
        "requests": rows["requests"].astype(int).tolist(),
        "percent": (100 * rows["share"]).round(1).tolist(),
    }


# --- words -----------------------------------------------------------------------------------------------------------


def _describe(data: ChartData) -> str:
    parts = []
    for condition in data.conditions_in(data.heat):
        rows = under(data.heat, condition)
        maps = [f"{name} {_most_frequent(of_stack(rows, name))}" for name in data.stacks_in(rows)]
        parts.append(f"{data.run.title(condition)}: {', '.join(maps)}")
    return f"Heat maps of latency in milliseconds over the seconds of measuring. {'; '.join(parts)}."


def _most_frequent(rows: pd.DataFrame) -> str:
    latencies_ms = rows.groupby(["latency_from_ms", "latency_to_ms"])["requests"].sum().idxmax()
    assert isinstance(latencies_ms, tuple)
    return f"mostly {number(latencies_ms[0])} to {number(latencies_ms[1])}"


CHART = Chart(
    order=50,
    title="Latency, second by second",
    caption="The stronger the colour, the larger the share of that moment's answers. The latency axis is logarithmic.",
    describe=_describe,
    has_data=lambda data: len(data.heat) > 0,
    draw=_draw,
    interactive=_interactive,
)
