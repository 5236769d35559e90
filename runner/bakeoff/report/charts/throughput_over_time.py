"""Throughput over the seconds of measuring: does a result drift, and do blocks agree?"""

from __future__ import annotations

from typing import Any

import pandas as pd
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bakeoff.findings.numerals import number
from bakeoff.model import Condition
from bakeoff.report.drawing import interactive, over_time, sheet
from bakeoff.report.drawing.chart import Chart, ChartData, of_stack, under
from bakeoff.report.drawing.interactive import InteractiveFigure
from bakeoff.report.drawing.palette import SHADE, StackStyle

HEIGHT_PX = 280
UNIT = "requests/s"


def _rows(data: ChartData, condition: Condition) -> pd.DataFrame:
    return under(data.seconds, condition).dropna(subset=["throughput_rps"])


def _middle_s(rows: pd.DataFrame) -> pd.Series:
    return rows["measured_s"] + rows["length_s"] / 2


# --- the picture -----------------------------------------------------------------------------------------------------


def _draw(data: ChartData) -> Figure:
    drawn, stacks, conditions = over_time.stack_rows(data, data.seconds, UNIT)
    for column, condition in enumerate(conditions):
        rows = _rows(data, condition)
        for row, name in enumerate(stacks):
            axes = drawn.subplots[row][column]
            _draw_blocks(axes, of_stack(rows, name), data.styles[name].colour)
            axes.set_ylim(0, 1.12 * float(rows["throughput_rps"].max()))
            axes.yaxis.set_major_locator(MaxNLocator(3))
            sheet.number_ticks(axes, "y")
            over_time.time_axis(axes, rows)
            axes.grid(visible=False, axis="x")
    return drawn.figure


def _draw_blocks(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    """One line a block, with every other block shaded."""
    for position, (_, block) in enumerate(rows.groupby("block", sort=True)):
        axes.plot(_middle_s(block), block["throughput_rps"], color=colour, linewidth=1.6, marker="o", markersize=2.2)
        if position % 2:
            axes.axvspan(float(block["measured_s"].min()), over_time.end_s(block), facecolor=SHADE, zorder=-1)


# --- the interactive figures -----------------------------------------------------------------------------------------


def _interactive(data: ChartData) -> tuple[InteractiveFigure, ...]:
    return tuple(_interactive_lines(data, condition) for condition in data.conditions_in(data.seconds))


def _interactive_lines(data: ChartData, condition: Condition) -> InteractiveFigure:
    rows = _rows(data, condition)
    highest = float(rows["throughput_rps"].max()) if len(rows) else 1.0
    plot = interactive.new_figure(
        HEIGHT_PX, over_time.TIME_AXIS, UNIT,
        x_range=interactive.from_zero(over_time.end_s(rows)), y_range=interactive.from_zero(1.08 * highest),
    )  # fmt: skip
    interactive.number_ticks(plot.yaxis[0])
    lines = [_interactive_line(plot, name, of_stack(rows, name), data.styles[name]) for name in data.stacks_in(rows)]
    tips = [("stack", "@stack"), ("block", "@block"), ("second", "@second"), (UNIT, "@rate")]
    interactive.hover(plot, lines, tips, line_policy="nearest")
    return InteractiveFigure(data.run.title(condition), plot, HEIGHT_PX)


def _interactive_line(plot: figure, name: str, rows: pd.DataFrame, style: StackStyle) -> GlyphRenderer[Any]:
    columns = {
        "x": _middle_s(rows).tolist(),
        "y": rows["throughput_rps"].tolist(),
        "stack": [name] * len(rows),
        "block": rows["block"].tolist(),
        "second": [f"{start_s:.1f}" for start_s in rows["measured_s"]],
        "rate": [number(rate_rps) for rate_rps in rows["throughput_rps"]],
    }
    source = interactive.source(columns)
    return plot.line("x", "y", source=source, color=style.colour, line_dash=style.dash, line_width=1.8, name=name)


# --- words -----------------------------------------------------------------------------------------------------------


def _describe(data: ChartData) -> str:
    parts = []
    for condition in data.conditions_in(data.seconds):
        rows = under(data.seconds, condition)
        lines = [_range(name, of_stack(rows, name)["throughput_rps"].dropna()) for name in data.stacks_in(rows)]
        parts.append(f"{data.run.title(condition)}: {', '.join(lines)}")
    return f"Lines of requests per second over time, one panel a stack and load. {'; '.join(parts)}."


def _range(name: str, values: pd.Series) -> str:
    return f"{name} between {number(values.min())} and {number(values.max())}" if len(values) else f"{name} nothing"


CHART = Chart(
    order=60,
    title="Throughput, second by second",
    caption="Right answers to the requests of each second, block after block. Axes start at zero.",
    describe=_describe,
    has_data=lambda data: len(data.seconds) > 0,
    draw=_draw,
    interactive=_interactive,
)
