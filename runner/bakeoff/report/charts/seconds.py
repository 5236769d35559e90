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
from bakeoff.report import style
from bakeoff.report.charts import panel
from bakeoff.report.charts.chart import Chart, Material, cases_in, of_case, of_stack, stacks_in
from bakeoff.report.charts.panel import Panel
from bakeoff.report.style import FONT, Layout, Look, Sheet, Theme, plain

HEIGHT_PX = 280


def facets(material: Material, theme: Theme, title: str, subtitle: str) -> tuple[Sheet, list[str], list[Condition]]:
    """A grid: one row of panels a stack, one column a case."""
    found = cases_in(material, material.seconds)
    stacks = [name for name in material.run.stack_names if name in set(stacks_in(material.seconds))]
    layout = Layout(
        rows=len(stacks), columns=len(found), panel_height=0.85, between_rows=0.4, between_columns=0.6, head=1.25
    )
    made = style.sheet(theme, title, subtitle, layout)
    for row, name in zip(made.panels, stacks, strict=True):
        row[0].text(0, 1.08, plain(name), transform=row[0].transAxes, color=theme.ink, fontsize=9.5, fontfamily=FONT)
    for axes in made.panels[-1]:
        style.name_axes(axes, theme, x="seconds of measuring, block after block")
    for axes, case in zip(made.panels[0], found, strict=True):
        heading = plain(material.run.title(case))
        axes.set_title(heading, loc="left", color=theme.ink, fontsize=10, fontweight="bold", fontfamily=FONT, pad=24)
    return made, stacks, found


def _draw_throughput(material: Material, theme: Theme, title: str, subtitle: str) -> Figure:
    made, stacks, found = facets(material, theme, title, subtitle)
    for column, case in enumerate(found):
        rows = of_case(material.seconds, case).dropna(subset=["throughput_rps"])
        for at, name in enumerate(stacks):
            axes = made.panels[at][column]
            _rate_line(axes, of_stack(rows, name), material.looks[name].colour)
            axes.set_ylim(0, 1.12 * float(rows["throughput_rps"].max()))
            axes.yaxis.set_major_locator(MaxNLocator(3))
            style.number_ticks(axes, "y")
            _time_axis(axes, theme, rows, of_stack(rows, name))
    name_rows(made, "requests/s")
    return made.figure


def _rate_line(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    for _, block in rows.groupby("block", sort=True):
        middle = block["measured_s"] + block["length_s"] / 2
        axes.plot(middle, block["throughput_rps"], color=colour, linewidth=1.6, marker="o", markersize=2.2)


def _time_axis(axes: Axes, theme: Theme, rows: pd.DataFrame, own: pd.DataFrame) -> None:
    """Seconds from zero, the same for all stacks of a case, with every other block shaded."""
    axes.set_xlim(0, float((rows["measured_s"] + rows["length_s"]).max()))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.grid(visible=False, axis="x")
    for _, block in list(own.groupby("block", sort=True))[1::2]:
        axes.axvspan(
            float(block["measured_s"].min()),
            float((block["measured_s"] + block["length_s"]).max()),
            facecolor=theme.shade,
            zorder=-1,
        )


def name_rows(made: Sheet, unit: str) -> None:
    """The unit beside every row of panels, and times below the last only."""
    for row in made.panels:
        row[0].set_ylabel(unit, color=made.theme.quiet, fontsize=8.5, fontfamily=FONT, labelpad=6)
        for axes in row:
            axes.tick_params(labelsize=8.5)
            axes.tick_params(axis="x", labelbottom=row is made.panels[-1])


def _panels(material: Material) -> tuple[Panel, ...]:
    return tuple(_live_panel(material, case) for case in cases_in(material, material.seconds))


def _live_panel(material: Material, case: Condition) -> Panel:
    rows = of_case(material.seconds, case).dropna(subset=["throughput_rps"])
    top = float(rows["throughput_rps"].max()) if len(rows) else 1.0
    end = float((rows["measured_s"] + rows["length_s"]).max()) if len(rows) else 1.0
    made = panel.sheet(
        HEIGHT_PX, "seconds of measuring, block after block", "requests/s",
        x_range=panel.from_zero(end), y_range=panel.from_zero(1.08 * top),
    )  # fmt: skip
    panel.plain_numbers(made.yaxis[0])
    drawn = [_live_line(made, name, of_stack(rows, name), material.looks[name]) for name in stacks_in(rows)]
    tips = [("stack", "@stack"), ("block", "@block"), ("second", "@second"), ("requests/s", "@shown")]
    panel.hover(made, drawn, tips, line_policy="nearest")
    return Panel(material.run.title(case), made, HEIGHT_PX)


def _live_line(made: figure, name: str, rows: pd.DataFrame, look: Look) -> GlyphRenderer[Any]:
    columns = {
        "x": (rows["measured_s"] + rows["length_s"] / 2).tolist(),
        "y": rows["throughput_rps"].tolist(),
        "stack": [name] * len(rows),
        "block": rows["block"].tolist(),
        "second": [f"{start_s:.1f}" for start_s in rows["measured_s"]],
        "shown": [number(rate_rps) for rate_rps in rows["throughput_rps"]],
    }
    dash = panel.DASHES[style.DASHES.index(look.dash)]
    return made.line(
        "x", "y", source=panel.source(columns), color=look.colour, line_dash=dash, line_width=1.8, name=name
    )


def _alt(material: Material, column: str, what: str) -> str:
    told = []
    for case in cases_in(material, material.seconds):
        rows = of_case(material.seconds, case)
        parts = [_range_words(name, of_stack(rows, name)[column].dropna()) for name in stacks_in(rows)]
        told.append(f"{material.run.title(case)}: {', '.join(parts)}")
    return f"{what}, one panel a stack and load. {'; '.join(told)}."


def _range_words(name: str, values: pd.Series) -> str:
    return f"{name} between {number(values.min())} and {number(values.max())}" if len(values) else f"{name} nothing"


THROUGHPUT_OVER_TIME = Chart(
    name="throughput-over-time",
    title="Throughput, second by second",
    caption="Right answers to the requests of each second, block after block. Axes start at zero.",
    alt=lambda material: _alt(material, "throughput_rps", "Lines of requests per second over time"),
    has_data=lambda material: len(material.seconds) > 0,
    draw=_draw_throughput,
    panels=_panels,
)
