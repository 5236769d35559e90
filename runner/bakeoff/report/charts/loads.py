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
from bakeoff.report import style
from bakeoff.report.charts import panel
from bakeoff.report.charts.chart import Chart, Material, of_stack, stacks_in
from bakeoff.report.charts.panel import Panel
from bakeoff.report.style import Layout, Look, Theme, plain

HEIGHT_PX = 340
SIZES = {"users": "users, each waiting for its answer", "rate": "requests sent a second"}
Sweep = tuple[str, str]
"""A scenario and a kind of load."""


def _sweeps(material: Material) -> dict[Sweep, pd.DataFrame]:
    """The rows of every scenario and kind of load that was tried at several sizes."""
    grouped = material.results.groupby(["scenario", "load_kind"], sort=False)
    found = {(str(scenario), str(kind)): rows for (scenario, kind), rows in grouped}
    return {sweep: rows.sort_values("load_size") for sweep, rows in found.items() if rows["load_size"].nunique() > 1}


def _title(material: Material, sweep: Sweep) -> str:
    what = "Closed loop" if sweep[1] == "users" else "Open loop"
    return what if material.results["scenario"].nunique() == 1 else f"{sweep[0]}, {what.lower()}"


def _draw(material: Material, theme: Theme, title: str, subtitle: str) -> Figure:
    sweeps = _sweeps(material)
    stacks = stacks_in(material.results)
    rows, columns = style.grid(len(sweeps))
    head = style.HEAD + style.legend_height(len(stacks))
    made = style.sheet(
        theme, title, subtitle, Layout(rows=rows, columns=columns, panel_height=3.1, between_rows=0.95, head=head)
    )
    style.legend(made, material.run, stacks)
    for axes, (sweep, points) in zip(style.used_panels(made, len(sweeps)), sweeps.items(), strict=True):
        for name in stacks_in(points):
            _curve(axes, of_stack(points, name), material.looks[name])
        axes.set_xlim(0, 1.05 * float(points["load_size"].max()))
        axes.set_ylim(0, 1.1 * _top(points))
        style.number_ticks(axes, "x")
        style.number_ticks(axes, "y")
        style.head_panel(axes, theme, plain(_title(material, sweep)))
        style.name_axes(axes, theme, x=SIZES[sweep[1]], y="right answers per second")
    return made.figure


def _top(rows: pd.DataFrame) -> float:
    return float(np.nanmax([*rows["throughput_rps_high"], *rows["throughput_rps"], 1.0]))


def _curve(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    point, low, high = (rows[f"throughput_rps{end}"].to_numpy(float) for end in ("", "_low", "_high"))
    axes.errorbar(
        rows["load_size"], point, yerr=[point - low, high - point],
        color=look.colour, linestyle=look.dash, linewidth=2, marker="o", markersize=4, capsize=3,
    )  # fmt: skip


def _panels(material: Material) -> tuple[Panel, ...]:
    return tuple(_live_panel(material, sweep, rows) for sweep, rows in _sweeps(material).items())


def _live_panel(material: Material, sweep: Sweep, rows: pd.DataFrame) -> Panel:
    made = panel.sheet(
        HEIGHT_PX, SIZES[sweep[1]], "right answers per second",
        x_range=panel.from_zero(1.05 * float(rows["load_size"].max())), y_range=panel.from_zero(1.1 * _top(rows)),
    )  # fmt: skip
    for axis in (made.xaxis[0], made.yaxis[0]):
        panel.plain_numbers(axis)
    drawn = [_live_curve(made, name, of_stack(rows, name), material.looks[name]) for name in stacks_in(rows)]
    panel.hover(made, drawn, [("stack", "@stack"), ("load", "@load"), ("requests/s", "@shown")])
    return Panel(_title(material, sweep), made, HEIGHT_PX)


def _live_curve(made: figure, name: str, rows: pd.DataFrame, look: Look) -> GlyphRenderer[Any]:
    known = rows.dropna(subset=["throughput_rps"])
    spans = zip(known["throughput_rps"], known["throughput_rps_low"], known["throughput_rps_high"], strict=True)
    columns = {
        "x": known["load_size"].tolist(),
        "y": known["throughput_rps"].tolist(),
        "low": known["throughput_rps_low"].tolist(),
        "high": known["throughput_rps_high"].tolist(),
        "stack": [name] * len(known),
        "load": known["load"].tolist(),
        "shown": [
            number(point) + (f" [{number(low)}, {number(high)}]" if np.isfinite(low) else "")
            for point, low, high in spans
        ],
    }
    data = panel.source(columns)
    dash = panel.DASHES[style.DASHES.index(look.dash)]
    made.line("x", "y", source=data, color=look.colour, line_dash=dash, line_width=2.5, name=name)
    if known["throughput_rps_low"].notna().all() and len(known):
        panel.whisker(made, name, data, base="x", dimension="height")
    return made.scatter("x", "y", source=data, color=look.colour, size=8, name=name)


def _alt(material: Material) -> str:
    told = []
    for sweep, rows in _sweeps(material).items():
        parts = [f"{name} {_curve_words(of_stack(rows, name))}" for name in stacks_in(rows)]
        told.append(f"{_title(material, sweep)}: {'; '.join(parts)}")
    return f"Curves of right answers per second against load. {'. '.join(told)}."


def _curve_words(rows: pd.DataFrame) -> str:
    pairs = zip(rows["load"], rows["throughput_rps"], strict=True)
    return ", ".join(f"{number(rate) if np.isfinite(rate) else 'withheld'} at {load}" for load, rate in pairs)


LOADS = Chart(
    name="throughput-by-load",
    title="Throughput against load",
    caption="Both axes start at zero; {whiskers}.",
    alt=_alt,
    has_data=lambda material: bool(material.results["throughput_rps"].notna().any()),
    draw=_draw,
    panels=_panels,
    applies=lambda material: bool(_sweeps(material)),
)
