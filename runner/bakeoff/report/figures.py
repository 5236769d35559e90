"""The charts of a run as PNG files."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bakeoff.findings.answer import measured_anything
from bakeoff.model import Run
from bakeoff.report import style
from bakeoff.report.charts import CHARTS, Chart, Material, caption, no_data
from bakeoff.report.charts.panel import Panel
from bakeoff.report.png import encode
from bakeoff.report.style import LIGHT, Theme


@dataclass(frozen=True)
class Picture:
    """A chart with its words: a picture, and where there is data, the same to hover and zoom."""

    name: str
    title: str
    caption: str
    alt: str
    png: bytes
    panels: tuple[Panel, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, from the PNG's header."""
        width, height = struct.unpack(">II", self.png[16:24])
        return width, height


def render_figures(run: Run, theme: Theme = LIGHT) -> dict[str, bytes]:
    """Every figure as a PNG, by name: ``throughput``, ``latency-percentiles``, ``timeline`` and so on."""
    material = Material(run)
    return {chart.name: draw(chart, material, theme) for chart in CHARTS if chart.applies(material)}


def pictures(run: Run) -> tuple[Picture, ...]:
    """Every figure with its title, caption and text alternative."""
    material = Material(run)
    return tuple(_picture(chart, material) for chart in CHARTS if chart.applies(material))


def _picture(chart: Chart, material: Material) -> Picture:
    known = chart.has_data(material)
    return Picture(
        name=chart.name,
        title=chart.title,
        caption=caption(chart, material.run) if known else "",
        alt=chart.alt(material) if known else f"No data: {reason(material.run)}.",
        png=draw(chart, material, LIGHT),
        panels=chart.panels(material) if known else (),
    )


def draw(chart: Chart, material: Material, theme: Theme) -> bytes:
    """One figure as a PNG; one that says why when there is nothing to show."""
    if not chart.has_data(material):
        return as_png(no_data(theme, chart.title, reason(material.run)))
    return as_png(chart.draw(material, theme, chart.title, caption(chart, material.run)))


def reason(run: Run) -> str:
    """Why a figure is empty."""
    return "nothing was measured" if not measured_anything(run) else "all of it was withheld or not recorded"


def as_png(figure: Figure) -> bytes:
    """A figure as a PNG, the same bytes for the same figure."""
    figure.set_dpi(style.DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    made = encode(np.asarray(canvas.buffer_rgba())[..., :3])  # type: ignore[no-untyped-call]
    # Figure and canvas hold each other, and several megabytes, until a collector happens to come by.
    figure.clear()
    del canvas.renderer
    return made
