"""The timelines as lanes of segments, which a page can lay out, play and step through."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bakeoff.findings import story
from bakeoff.model import Timeline
from bakeoff.report.drawing.chart import ChartData, of_stack
from bakeoff.report.drawing.palette import OTHER, PAPER, StackStyle, blended, readable_on


@dataclass(frozen=True)
class Segment:
    """One step: where it lies, in per cent of the longest timeline, and what it is."""

    step: int
    name: str
    start_ms: float
    end_ms: float
    left: float
    width: float


@dataclass(frozen=True)
class Lane:
    """One request."""

    name: str
    colour: str
    ink: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Lanes:
    """One stack's timeline, and the sentence that tells it."""

    stack: str
    interface: str
    story: str
    lanes: tuple[Lane, ...]


def lanes(data: ChartData) -> tuple[Lanes, ...]:
    """Every stack's, all on one scale."""
    return tuple(_lanes(data, each) for each in data.run.timelines)


def end_ms(data: ChartData) -> float:
    """When the last step of all ended."""
    return float(data.timeline["end_ms"].max()) if len(data.timeline) else 0.0


def _lanes(data: ChartData, timeline: Timeline) -> Lanes:
    colour = data.styles.get(timeline.stack, StackStyle(OTHER)).colour
    steps = of_stack(data.timeline, timeline.stack)
    names = story.request_names(timeline)
    found = tuple(
        _lane(names[at], at, colour, rows, end_ms(data))
        for at in range(len(timeline.requests))
        if len(rows := steps[steps["request"] == at])
    )
    return Lanes(timeline.stack, timeline.interface, story.tell(timeline), found)


def _lane(name: str, at: int, colour: str, rows: pd.DataFrame, end: float) -> Lane:
    fill = colour if at % 2 == 0 else blended(colour, PAPER, 0.5)
    segments = tuple(
        Segment(
            step=int(step),
            name=str(called),
            start_ms=round(start_ms, 2),
            end_ms=round(stop_ms, 2),
            left=round(100 * start_ms / end, 3),
            width=round(100 * (stop_ms - start_ms) / end, 3),
        )
        for step, called, start_ms, stop_ms in zip(
            rows["step"], rows["name"], rows["start_ms"], rows["end_ms"], strict=True
        )
    )
    return Lane(name, fill, readable_on(fill), segments)


def ticks(end: float) -> tuple[int, ...]:
    """Whole milliseconds to label on an axis up to ``end``: four to nine of them, evenly apart."""
    steps = (size * 10**power for power in range(6) for size in (1, 2, 5))
    step = next((each for each in steps if end / each <= 9), 10**6)
    return tuple(range(0, int(end) + 1, step))
