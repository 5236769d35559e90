"""A heat map of latency over time: drifts, stalls, and second humps that no percentile shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from bokeh.models import Range1d
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bakeoff.findings.numerals import number
from bakeoff.model import Condition
from bakeoff.report import style
from bakeoff.report.charts import panel
from bakeoff.report.charts.chart import Chart, Material, cases_in, of_case, of_stack, stacks_in
from bakeoff.report.charts.panel import Panel
from bakeoff.report.charts.seconds import facets, name_rows
from bakeoff.report.style import Theme

HEIGHT_PX = 230
FAINTEST = 0.12
"""Opacity of a field that holds a single request of many: it must not vanish."""


def opacity(share: pd.Series[float]) -> pd.Series[float]:
    """How strongly a share of the requests is drawn."""
    return FAINTEST + (1 - FAINTEST) * share**0.5


def _draw(material: Material, theme: Theme, title: str, subtitle: str) -> Figure:
    made, stacks, found = facets(material, theme, title, subtitle)
    for column, case in enumerate(found):
        rows = of_case(material.heat, case)
        for at, name in enumerate(stacks):
            axes = made.panels[at][column]
            _fields(axes, of_stack(rows, name), material.looks[name].colour)
            style.log_scale(axes, pd.concat([rows["latency_from_ms"], rows["latency_to_ms"]]), labels=4)
            axes.set_xlim(0, float((rows["measured_s"] + rows["length_s"]).max()))
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    name_rows(made, "latency in ms")
    return made.figure


def _fields(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    left, low, high = (rows[name].to_numpy(float) for name in ("measured_s", "latency_from_ms", "latency_to_ms"))
    right = left + rows["length_s"].to_numpy(float)
    corners = np.stack([[left, low], [right, low], [right, high], [left, high]]).transpose(2, 0, 1)
    shades = opacity(rows["share"]).to_numpy(float)
    axes.add_collection(PolyCollection(list(corners), facecolors=colour, alpha=shades, linewidths=0))


def _panels(material: Material) -> tuple[Panel, ...]:
    return tuple(
        _live_panel(material, case, name)
        for case in cases_in(material, material.heat)
        for name in material.run.stack_names
        if len(of_stack(of_case(material.heat, case), name))
    )


def _live_panel(material: Material, case: Condition, name: str) -> Panel:
    everything = of_case(material.heat, case)
    rows = of_stack(everything, name)
    low, high = float(everything["latency_from_ms"].min()), float(everything["latency_to_ms"].max())
    end = float((rows["measured_s"] + rows["length_s"]).max())
    made = panel.sheet(
        HEIGHT_PX, "seconds of measuring", "latency in ms",
        y_axis_type="log", y_range=Range1d(start=low, end=high), x_range=panel.from_zero(end),
    )  # fmt: skip
    panel.log_numbers(made.yaxis[0], low, high)
    drawn = made.vbar(
        x="middle", width="width", bottom="bottom", top="top", fill_alpha="opacity",
        source=panel.source(_fields_of(rows)), color=material.looks[name].colour, line_alpha=0, name=name,
    )  # fmt: skip
    tips = [("latency", "@bottom{0,0.[00]} to @top{0,0.[00]} ms"), ("second", "@middle{0.0}"), ("requests", REQUESTS)]
    panel.hover(made, [drawn], tips)
    return Panel(f"{name}, {material.run.title(case)}", made, HEIGHT_PX)


REQUESTS = "@requests{0,0}, @percent{0.[0]} % of that moment's"


def _fields_of(rows: pd.DataFrame) -> dict[str, list[object]]:
    """Numbers as short as they are seen, because a page may hold thousands of fields."""
    return {
        "middle": (rows["measured_s"] + rows["length_s"] / 2).round(3).tolist(),
        "width": rows["length_s"].round(3).tolist(),
        "bottom": [float(f"{edge:.4g}") for edge in rows["latency_from_ms"]],
        "top": [float(f"{edge:.4g}") for edge in rows["latency_to_ms"]],
        "opacity": opacity(rows["share"]).round(2).tolist(),
        "requests": rows["requests"].astype(int).tolist(),
        "percent": (100 * rows["share"]).round(1).tolist(),
    }


def _alt(material: Material) -> str:
    told = []
    for case in cases_in(material, material.heat):
        rows = of_case(material.heat, case)
        parts = [f"{name} {_usual_words(of_stack(rows, name))}" for name in stacks_in(rows)]
        told.append(f"{material.run.title(case)}: {', '.join(parts)}")
    return f"Heat maps of latency in milliseconds over the seconds of measuring. {'; '.join(told)}."


def _usual_words(rows: pd.DataFrame) -> str:
    usual = rows.groupby(["latency_from_ms", "latency_to_ms"])["requests"].sum().idxmax()
    assert isinstance(usual, tuple)
    return f"mostly {number(usual[0])} to {number(usual[1])}"


LATENCY_OVER_TIME = Chart(
    name="latency-over-time",
    title="Latency, second by second",
    caption="The stronger the colour, the larger the share of that moment's requests. The latency axis is logarithmic.",
    alt=_alt,
    has_data=lambda material: len(material.heat) > 0,
    draw=_draw,
    panels=_panels,
)
