"""The timelines as rows of segments, which a page can lay out, play and step through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.findings.timeline_story import NamedRequest, TimelineStory
from bakeoff.report.drawing.palette import OTHER, PAPER, blended, readable_on


@dataclass(frozen=True)
class Segment:
    """One step: its position in per cent of the longest timeline, and what it is."""

    step: int
    name: str
    start_ms: float
    end_ms: float
    left: float
    width: float


@dataclass(frozen=True)
class RequestRow:
    """One request."""

    name: str
    colour: str
    ink: str
    """The colour of text on it."""
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class StackTimeline:
    """One stack's timeline, and the sentence that describes it."""

    stack: str
    interface: str
    text: str
    requests: tuple[RequestRow, ...]


def stack_timelines(stories: Sequence[TimelineStory], colours: dict[str, str]) -> tuple[StackTimeline, ...]:
    """Every stack's timeline, all on one scale; none where no stack has any step."""
    scale_ms = end_ms(stories)
    return tuple(_stack_timeline(story, colours, scale_ms) for story in stories) if scale_ms else ()


def end_ms(stories: Sequence[TimelineStory]) -> float:
    """When the last step of all ended; 0 where there is none."""
    ends_s = [step.end_s for story in stories for request in story.requests for step in request.steps]
    return 1e3 * max(ends_s, default=0.0)


def ticks(end: float) -> tuple[int, ...]:
    """Whole milliseconds to label on an axis up to ``end``: four to nine of them, evenly spaced."""
    sizes = (size * 10**power for power in range(6) for size in (1, 2, 5))
    step = next((size for size in sizes if end / size <= 9), 10**6)
    return tuple(range(0, int(end) + 1, step))


def _stack_timeline(story: TimelineStory, colours: dict[str, str], scale_ms: float) -> StackTimeline:
    colour = colours.get(story.stack, OTHER)
    rows = tuple(
        _request_row(request, colour if index % 2 == 0 else blended(colour, PAPER, 0.5), scale_ms)
        for index, request in enumerate(story.requests)
        if request.steps
    )
    return StackTimeline(story.stack, story.interface, story.text, rows)


def _request_row(request: NamedRequest, colour: str, scale_ms: float) -> RequestRow:
    segments = tuple(
        Segment(
            step=position,
            name=step.name,
            start_ms=round(1e3 * step.start_s, 2),
            end_ms=round(1e3 * step.end_s, 2),
            left=round(100 * 1e3 * step.start_s / scale_ms, 3),
            width=round(100 * 1e3 * (step.end_s - step.start_s) / scale_ms, 3),
        )
        for position, step in enumerate(request.steps, start=1)
    )
    return RequestRow(request.name, colour, readable_on(colour), segments)
