"""Throughput against load: where does each stack stop growing?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bakeoff.findings.numerals import number
from bakeoff.report.drawing import interactive, sheet
from bakeoff.report.drawing.chart import Chart, ChartData, of_stack
from bakeoff.report.drawing.interactive import InteractiveFigure
from bakeoff.report.drawing.palette import StackStyle
from bakeoff.report.drawing.sheet import LINE_STYLES, Layout, literal

HEIGHT_PX = 340
UNIT = "right answers per second"
LOAD_AXES = {"users": "users, each waiting for its answer", "rate": "requests sent a second"}
Sweep = tuple[str, str]
"""A scenario and a kind of load."""


def _sweeps(data: ChartData) -> dict[Sweep, pd.DataFrame]:
    """The rows of every scenario and kind of load that was tried at several sizes."""
    sweeps = {}
    for (scenario, kind), rows in data.results.groupby(["scenario", "load_kind"], sort=False):
        if rows["load_size"].nunique() > 1:
            sweeps[str(scenario), str(kind)] = rows.sort_values("load_size")
    return sweeps


def _title(data: ChartData, sweep: Sweep) -> str:
    scenario, kind = sweep
    loop = "Closed loop" if kind == "users" else "Open loop"
    return f"{scenario}, {loop.lower()}" if data.run.has_scenarios else loop


def _highest(rows: pd.DataFrame) -> float:
    return float(np.nanmax([*rows["throughput_rps_high"], *rows["throughput_rps"], 1.0]))


# --- the picture -----------------------------------------------------------------------------------------------------


def _draw(data: ChartData) -> Figure:
    sweeps = _sweeps(data)
    stacks = data.stacks_in(data.results)
    rows, columns = sheet.grid_shape(len(sweeps))
    head = sheet.HEAD + sheet.legend_height(len(stacks))
    drawn = sheet.new_sheet(Layout(rows=rows, columns=columns, subplot_height=3.1, between_rows=0.95, head=head))
    sheet.legend(drawn, data.styles, stacks)
    for axes, (sweep, points) in zip(drawn.first(len(sweeps)), sweeps.items(), strict=True):
        for name in data.stacks_in(points):
            _draw_curve(axes, of_stack(points, name), data.styles[name])
        axes.set_xlim(0, 1.05 * float(points["load_size"].max()))
        axes.set_ylim(0, 1.1 * _highest(points))
        sheet.number_ticks(axes, "x")
        sheet.number_ticks(axes, "y")
        sheet.write_heading(axes, literal(_title(data, sweep)))
        sheet.label_axes(axes, x=LOAD_AXES[sweep[1]], y=UNIT)
    return drawn.figure


def _draw_curve(axes: Axes, rows: pd.DataFrame, style: StackStyle) -> None:
    point, low, high = (rows[f"throughput_rps{end}"].to_numpy(float) for end in ("", "_low", "_high"))
    axes.errorbar(
        rows["load_size"], point, yerr=[point - low, high - point],
        color=style.colour, linestyle=LINE_STYLES[style.dash], linewidth=2, marker="o", markersize=4, capsize=3,
    )  # fmt: skip


# --- the interactive figures -----------------------------------------------------------------------------------------


def _interactive(data: ChartData) -> tuple[InteractiveFigure, ...]:
    return tuple(_interactive_sweep(data, sweep, rows) for sweep, rows in _sweeps(data).items())


def _interactive_sweep(data: ChartData, sweep: Sweep, rows: pd.DataFrame) -> InteractiveFigure:
    plot = interactive.new_figure(
        HEIGHT_PX, LOAD_AXES[sweep[1]], UNIT,
        x_range=interactive.from_zero(1.05 * float(rows["load_size"].max())),
        y_range=interactive.from_zero(1.1 * _highest(rows)),
    )  # fmt: skip
    for axis in (plot.xaxis[0], plot.yaxis[0]):
        interactive.number_ticks(axis)
    curves = [_interactive_curve(plot, name, of_stack(rows, name), data.styles[name]) for name in data.stacks_in(rows)]
    interactive.hover(plot, curves, [("stack", "@stack"), ("load", "@load"), ("requests/s", "@estimate")])
    return InteractiveFigure(_title(data, sweep), plot, HEIGHT_PX)


def _interactive_curve(plot: figure, name: str, rows: pd.DataFrame, style: StackStyle) -> GlyphRenderer[Any]:
    known = rows.dropna(subset=["throughput_rps"])
    estimates = zip(known["throughput_rps"], known["throughput_rps_low"], known["throughput_rps_high"], strict=True)
    columns = {
        "x": known["load_size"].tolist(),
        "y": known["throughput_rps"].tolist(),
        "low": known["throughput_rps_low"].tolist(),
        "high": known["throughput_rps_high"].tolist(),
        "stack": [name] * len(known),
        "load": known["load"].tolist(),
        "estimate": [
            number(point) + (f" [{number(low)}, {number(high)}]" if np.isfinite(low) else "")
            for point, low, high in estimates
        ],
    }
    source = interactive.source(columns)
    plot.line("x", "y", source=source, color=style.colour, line_dash=style.dash, line_width=2.5, name=name)
    if known["throughput_rps_low"].notna().all() and len(known):
        interactive.whisker(plot, name, source, base="x", dimension="height")
    return plot.scatter("x", "y", source=source, color=style.colour, size=8, name=name)


# --- words -----------------------------------------------------------------------------------------------------------


def _describe(data: ChartData) -> str:
    parts = []
    for sweep, rows in _sweeps(data).items():
        curves = [f"{name} {_curve_words(of_stack(rows, name))}" for name in data.stacks_in(rows)]
        parts.append(f"{_title(data, sweep)}: {'; '.join(curves)}")
    return f"Curves of right answers per second against load. {'. '.join(parts)}."


def _curve_words(rows: pd.DataFrame) -> str:
    pairs = zip(rows["load"], rows["throughput_rps"], strict=True)
    return ", ".join(f"{number(rate) if np.isfinite(rate) else 'withheld'} at {load}" for load, rate in pairs)


CHART = Chart(
    order=20,
    title="Throughput against load",
    caption="Both axes start at zero; {whiskers}.",
    describe=_describe,
    has_data=lambda data: bool(data.results["throughput_rps"].notna().any()),
    draw=_draw,
    interactive=_interactive,
    applies=lambda data: bool(_sweeps(data)),
)
