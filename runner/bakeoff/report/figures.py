"""The charts of a run, drawn: the pictures beside a report, and what the page shows in their place."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from matplotlib.figure import Figure

from bakeoff.findings.headline import measured_anything
from bakeoff.model import Run
from bakeoff.report.charts import charts
from bakeoff.report.drawing import sheet
from bakeoff.report.drawing.chart import Chart, ChartData
from bakeoff.report.drawing.interactive import InteractiveFigure
from bakeoff.report.drawing.palette import QUIET
from bakeoff.report.drawing.sheet import FONT, Layout


@dataclass(frozen=True)
class Picture:
    """A chart, drawn: with its words, and where there is data, as figures to hover and zoom."""

    name: str
    title: str
    caption: str
    alt: str
    png: bytes
    interactive: tuple[InteractiveFigure, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, from the PNG's header."""
        width, height = struct.unpack(">II", self.png[16:24])
        return width, height


def pictures(run: Run) -> tuple[Picture, ...]:
    """Every chart that applies to a run."""
    data = ChartData(run)
    return tuple(_picture(name, chart, data) for name, chart in charts().items() if chart.applies(data))


def _picture(name: str, chart: Chart, data: ChartData) -> Picture:
    if not chart.has_data(data):
        reason = f"No data: {_why_no_data(data.run)}"
        return Picture(name, chart.title, "", f"{reason}.", _as_png(_no_data(reason), chart.title, ""))
    caption = chart.caption_of(data.run)
    png = _as_png(chart.draw(data), chart.title, caption)
    return Picture(name, chart.title, caption, chart.describe(data), png, chart.interactive(data))


def _as_png(figure: Figure, title: str, subtitle: str) -> bytes:
    sheet.write_title(figure, title, subtitle)
    return sheet.as_png(figure)


def _no_data(reason: str) -> Figure:
    """A picture that says why it shows nothing."""
    drawn = sheet.new_sheet(Layout(subplot_height=0.9, head=0.7))
    axes = drawn.subplots[0][0]
    axes.set_axis_off()
    axes.text(0.5, 0.5, reason, color=QUIET, fontsize=11, fontfamily=FONT, ha="center")
    return drawn.figure


def _why_no_data(run: Run) -> str:
    return "all of it was withheld or not recorded" if measured_anything(run) else "nothing was measured"
