"""Which step of which request ran when, stack by stack."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bakeoff.findings import story
from bakeoff.report import style
from bakeoff.report.charts.chart import Chart, Material, of_stack
from bakeoff.report.style import FONT, LETTER, Layout, Look, Theme, plain

LANE = 0.36
"""Inches."""
NARROWEST = 0.012
"""Share of the axis that a segment must take for its number to fit."""


def _draw(material: Material, theme: Theme, title: str, subtitle: str) -> Figure:
    told = [each for each in material.run.timelines if any(request.steps for request in each.requests)]
    lanes = max(len(each.requests) for each in told)
    layout = Layout(
        rows=len(told),
        panel_height=LANE * lanes,
        between_rows=0.42,
        left=LETTER * max(len(plain(name)) for each in told for name in story.request_names(each)) + 0.5,
        head=1.1,
    )
    made = style.sheet(theme, title, subtitle, layout)
    end = float(material.timeline["end_ms"].max())
    for (axes,), each in zip(made.panels, told, strict=True):
        _lanes(axes, theme, of_stack(material.timeline, each.stack), material.looks.get(each.stack), end)
        _lane_names(axes, theme, story.request_names(each), f"{each.stack}  ({each.interface})")
        axes.set_xlim(0, 1.01 * end)
        axes.tick_params(axis="x", labelbottom=axes is made.panels[-1][0])
    style.name_axes(made.panels[-1][0], theme, x="ms since both requests were sent")
    return made.figure


def _lanes(axes: Axes, theme: Theme, steps: pd.DataFrame, look: Look | None, end: float) -> None:
    colour = look.colour if look else style.OTHER
    for _, lane in steps.groupby("request", sort=True):
        at = int(lane["request"].iloc[0])
        fill = style.mixed(colour, theme.paper, 1.0 if at % 2 == 0 else 0.45)
        spans = list(zip(lane["start_ms"], lane["end_ms"] - lane["start_ms"], strict=True))
        axes.broken_barh(spans, (at - 0.38, 0.76), facecolor=fill, edgecolor=theme.paper, linewidth=1.2)
        for (start, length), step in zip(spans, lane["step"], strict=True):
            if length > NARROWEST * end:
                _step_number(axes, start + length / 2, at, int(step), style.readable_on(fill))


def _step_number(axes: Axes, x: float, y: float, step: int, colour: str) -> None:
    axes.text(x, y + 0.02, str(step), color=colour, fontsize=8, fontfamily=FONT, ha="center", va="center", clip_on=True)


def _lane_names(axes: Axes, theme: Theme, names: Sequence[str], heading: str) -> None:
    axes.set_yticks(range(len(names)), [plain(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.spines["bottom"].set_visible(False)
    style.number_ticks(axes, "x")
    style.head_panel(axes, theme, plain(heading))


def _alt(material: Material) -> str:
    return " ".join(story.timeline_story(each) for each in material.run.timelines)


TIMELINE = Chart(
    name="timeline",
    title="Who waited for whom",
    caption="Sent at the same moment to one worker. Each numbered segment is one step, where it ran.",
    alt=_alt,
    has_data=lambda material: len(material.timeline) > 0,
    draw=_draw,
    panels=lambda _: (),  # The page plays it in elements of its own: see ``report.lanes``.
)
