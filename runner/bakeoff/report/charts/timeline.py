"""Which step of which request ran when, stack by stack."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bakeoff.findings import timeline_story
from bakeoff.report.drawing import sheet
from bakeoff.report.drawing.chart import Chart, ChartData, of_stack
from bakeoff.report.drawing.palette import OTHER, PAPER, StackStyle, blended, readable_on
from bakeoff.report.drawing.sheet import FONT, LETTER, Layout, literal

ROW_HEIGHT = 0.36
"""Inches that a request takes."""
NARROWEST = 0.012
"""Share of the axis that a step must take for its number to fit."""


def _draw(data: ChartData) -> Figure:
    timelines = [timeline for timeline in data.run.timelines if any(request.steps for request in timeline.requests)]
    most_requests = max(len(timeline.requests) for timeline in timelines)
    names = [literal(name) for timeline in timelines for name in timeline_story.request_names(timeline)]
    layout = Layout(
        rows=len(timelines),
        subplot_height=ROW_HEIGHT * most_requests,
        between_rows=0.42,
        left=LETTER * max(map(len, names)) + 0.5,
        head=1.1,
    )
    drawn = sheet.new_sheet(layout)
    end_ms = float(data.timeline["end_ms"].max())
    for (axes,), timeline in zip(drawn.subplots, timelines, strict=True):
        style = data.styles.get(timeline.stack, StackStyle(OTHER))
        _draw_steps(axes, of_stack(data.timeline, timeline.stack), style.colour, end_ms)
        _name_requests(axes, timeline_story.request_names(timeline))
        sheet.write_heading(axes, literal(f"{timeline.stack}  ({timeline.interface})"))
        sheet.number_ticks(axes, "x")
        axes.set_xlim(0, 1.01 * end_ms)
        axes.tick_params(axis="x", labelbottom=axes is drawn.subplots[-1][0])
    sheet.label_axes(drawn.subplots[-1][0], x="ms since both requests were sent")
    return drawn.figure


def _draw_steps(axes: Axes, steps: pd.DataFrame, colour: str, end_ms: float) -> None:
    """One row of numbered segments a request."""
    for _, rows in steps.groupby("request", sort=True):
        request = int(rows["request"].iloc[0])
        fill = blended(colour, PAPER, 1.0 if request % 2 == 0 else 0.45)
        spans = list(zip(rows["start_ms"], rows["end_ms"] - rows["start_ms"], strict=True))
        axes.broken_barh(spans, (request - 0.38, 0.76), facecolor=fill, edgecolor=PAPER, linewidth=1.2)
        for (start_ms, length_ms), step in zip(spans, rows["step"], strict=True):
            if length_ms > NARROWEST * end_ms:
                axes.text(
                    start_ms + length_ms / 2, request + 0.02, str(step), color=readable_on(fill),
                    fontsize=8, fontfamily=FONT, ha="center", va="center", clip_on=True,
                )  # fmt: skip


def _name_requests(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [literal(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.spines["bottom"].set_visible(False)


CHART = Chart(
    order=90,
    title="Who waited for whom",
    caption="Sent at the same moment to one worker. Each numbered segment is one step, where it ran.",
    describe=lambda data: " ".join(timeline_story.line(timeline) for timeline in data.run.timelines),
    has_data=lambda data: len(data.timeline) > 0,
    draw=_draw,
    interactive=lambda _: (),  # The page plays it in elements of its own: see `bakeoff.report.timeline_lanes`.
)
