"""The latency distribution on HdrHistogram's axis, which gives each further nine the same room."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import Range1d
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from bakeoff.findings.numerals import number
from bakeoff.model import Condition
from bakeoff.report import style
from bakeoff.report.charts import panel
from bakeoff.report.charts.chart import Chart, Material, cases_in, of_case, of_stack, stacks_in
from bakeoff.report.charts.panel import Panel
from bakeoff.report.style import Layout, Look, Theme, plain
from bakeoff.tables import charts as tables

QUARTER = (4, "75 %")
"""Shown on a short axis, which would have hardly a label otherwise."""
PERCENTS = ((2, "50 %"), (10, "90 %"), (100, "99 %"), (1e3, "99.9 %"), (1e4, "99.99 %"), (1e5, "99.999 %"))
"""Where each percentile lies on an axis of ``1 / (1 - q)``."""
SHORT = 40
HEIGHT_PX = 340


def _draw(material: Material, theme: Theme, title: str, subtitle: str) -> Figure:
    found, stacks = cases_in(material, material.percentiles), stacks_in(material.percentiles)
    head = style.HEAD + style.legend_height(len(stacks))
    rows, columns = style.grid(len(found))
    layout = Layout(rows=rows, columns=columns, panel_height=3.1, between_rows=0.95, head=head)
    made = style.sheet(theme, title, subtitle, layout)
    style.legend(made, material.run, stacks)
    for at, (axes, case) in enumerate(zip(style.used_panels(made, len(found)), found, strict=True)):
        _panel(material, axes, theme, case)
        style.name_axes(axes, theme, x="percentile of the requests", y="" if at % columns else "latency in ms")
    return made.figure


def _panel(material: Material, axes: Axes, theme: Theme, case: Condition) -> None:
    rows = of_case(material.percentiles, case)
    for name in stacks_in(rows):
        curve, look = of_stack(rows, name), material.looks[name]
        axes.plot(1 / (1 - curve["quantile"]), curve["latency_ms"], color=look.colour, linestyle=look.dash, linewidth=2)
    axes.set_xscale("log")
    right = 1.15 * float(1 / (1 - rows["quantile"].max()))
    axes.set_xlim(1, right)
    shown = _shown_percents(right)
    axes.set_xticks([at for at, _ in shown], [text for _, text in shown])
    axes.xaxis.set_minor_locator(NullLocator())
    style.log_scale(axes, rows["latency_ms"], labels=8)
    style.head_panel(axes, theme, plain(material.run.title(case)))


def _panels(material: Material) -> tuple[Panel, ...]:
    return tuple(_live_panel(material, case) for case in cases_in(material, material.percentiles))


def _live_panel(material: Material, case: Condition) -> Panel:
    rows = of_case(material.percentiles, case)
    right = 1.15 * float(1 / (1 - rows["quantile"].max()))
    made = panel.sheet(
        HEIGHT_PX, "percentile of the requests", "latency in ms",
        x_axis_type="log", y_axis_type="log", x_range=Range1d(start=1, end=right, bounds=(1, right)),
    )  # fmt: skip
    panel.named_ticks(made.xaxis[0], dict(_shown_percents(right)))
    panel.log_numbers(made.yaxis[0], float(rows["latency_ms"].min()), float(rows["latency_ms"].max()))
    drawn = [_live_curve(made, name, of_stack(rows, name), material.looks[name]) for name in stacks_in(rows)]
    panel.hover(
        made, drawn,
        [("stack", "@stack"), ("percentile", "@percentile"), ("latency", "@latency")], line_policy="nearest",
    )  # fmt: skip
    return Panel(material.run.title(case), made, HEIGHT_PX)


def _live_curve(made: figure, name: str, curve: pd.DataFrame, look: Look) -> GlyphRenderer[Any]:
    columns = {
        "x": (1 / (1 - curve["quantile"])).tolist(),
        "y": curve["latency_ms"].tolist(),
        "stack": [name] * len(curve),
        "percentile": [f"{100 * (quantile):.7g} %" for quantile in curve["quantile"]],
        "latency": [f"{number(latency_ms)} ms" for latency_ms in curve["latency_ms"]],
    }
    dash = panel.DASHES[style.DASHES.index(look.dash)]
    return made.line(
        "x", "y", source=panel.source(columns), color=look.colour, line_dash=dash, line_width=2.5, name=name
    )


def _shown_percents(right: float) -> list[tuple[float, str]]:
    """The labels that an axis up to ``right`` has room for."""
    return [(at, text) for at, text in (*PERCENTS, *([QUARTER] if right < SHORT else [])) if at <= right]


def _alt(material: Material) -> str:
    told = []
    for case in cases_in(material, material.percentiles):
        rows = of_case(material.percentiles, case)
        parts = [f"{name} {_quantiles_words(of_stack(rows, name))}" for name in stacks_in(rows)]
        told.append(f"{material.run.title(case)}: {', '.join(parts)}")
    return f"Curves of latency in milliseconds by percentile. {'; '.join(told)}."


def _quantiles_words(curve: pd.DataFrame) -> str:
    parts = []
    for quantile in (0.5, 0.99):
        at = curve[np.isclose(curve["quantile"], quantile, atol=1e-9, rtol=0)]["latency_ms"]
        if len(at):
            parts.append(f"p{100 * quantile:g} {number(float(at.iloc[0]))}")
    return " and ".join(parts) or "too few requests"


PERCENTILES = Chart(
    name="latency-percentiles",
    title="Latency, from the quickest request to the slowest",
    caption=(
        "All blocks merged. Both axes are logarithmic; "
        f"a curve ends where fewer than {tables.BEYOND} requests took longer."
    ),
    alt=_alt,
    has_data=lambda material: len(material.percentiles) > 0,
    draw=_draw,
    panels=_panels,
)
