"""A timeline in words and as a table: which request waited for which."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise

from bakeoff.findings.grid import Cell, Grid, Head, make_grid
from bakeoff.findings.numerals import listing, number
from bakeoff.model import Run, Step, Timeline

INTRODUCTION = "Requests were sent at the same moment to one worker of each stack. When did each of their steps run?"


@dataclass(frozen=True)
class NamedRequest:
    """One request of a timeline under its short name."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class TimelineStory:
    """One stack's timeline: its steps, and what they show in a sentence."""

    stack: str
    interface: str
    text: str
    requests: tuple[NamedRequest, ...]
    steps: Grid

    @property
    def has_steps(self) -> bool:
        """Whether there is anything to draw."""
        return any(request.steps for request in self.requests)


def stories(run: Run) -> tuple[TimelineStory, ...]:
    """Every timeline of a run."""
    return tuple(story(timeline) for timeline in run.timelines)


def story(timeline: Timeline) -> TimelineStory:
    """A timeline as a report shows it."""
    names = request_names(timeline)
    requests = tuple(NamedRequest(name, request.steps) for name, request in zip(names, timeline.requests, strict=True))
    return TimelineStory(timeline.stack, timeline.interface, text(timeline), requests, _step_grid(timeline))


def line(timeline: Timeline) -> str:
    """A timeline as a sentence that names its stack."""
    return f"{timeline.stack} ({timeline.interface}): {text(timeline)}"


def text(timeline: Timeline) -> str:
    """The order in which the steps ran, and whether one request waited for another."""
    names = request_names(timeline)
    order = _order(timeline)
    if not order:
        return f"No timeline: {timeline.failure or 'no step was recorded'}."
    if _only_answers(timeline):
        return _answer_times(timeline, names)
    stretches = _stretches(names, order)
    present = list(dict.fromkeys(names[request] for request, _ in order))
    done = f"{_all_of(present)} ready after {number(_end_ms(timeline))} ms."
    if len(present) == 1:
        return f"There was only one request: {stretches}. {done}"
    if one_after_another(timeline):
        return f"The {present[1]} waited until the {present[0]} was done: {stretches}. {done}"
    return f"The {' and the '.join(present)} ran side by side: {stretches}. {done}"


def _only_answers(timeline: Timeline) -> bool:
    """Whether the app reported no steps, so that each request is one step, from its sending to its answer."""
    return all(len(request.steps) == 1 and request.steps[0].start_s == 0 for request in timeline.requests)


def _answer_times(timeline: Timeline, names: tuple[str, ...]) -> str:
    times = [
        f"{name} after {number(request.steps[0].end_s * 1e3)} ms"
        for name, request in zip(names, timeline.requests, strict=True)
    ]
    return f"Answered: {listing(times)}. The app does not report when its steps ran."


def _order(timeline: Timeline) -> list[tuple[int, int]]:
    """(request, step) in the order in which they started; steps count from 1."""
    steps = [
        (step.start_s, step.end_s, request_index, position)
        for request_index, request in enumerate(timeline.requests)
        for position, step in enumerate(request.steps, start=1)
    ]
    return [(request_index, position) for _, _, request_index, position in sorted(steps)]


def _stretches(names: tuple[str, ...], order: list[tuple[int, int]]) -> str:
    """Consecutive steps of one request together: ``cake 1-3``, then ``frosting 1``."""
    groups = [(names[request], [step for _, step in group]) for request, group in groupby(order, lambda pair: pair[0])]
    written = [f"{name} {steps[0]}" + (f"-{steps[-1]}" if len(steps) > 1 else "") for name, steps in groups]
    return ", then ".join(written) if len(written) <= len(set(names)) else ", ".join(written)


def one_after_another(timeline: Timeline) -> bool:
    """Whether each request's first step started no earlier than the last step of the one before it ended."""
    spans = sorted(
        (min(step.start_s for step in request.steps), max(step.end_s for step in request.steps))
        for request in timeline.requests
        if request.steps
    )
    return all(later[0] >= earlier[1] for earlier, later in pairwise(spans))


def _end_ms(timeline: Timeline) -> float:
    return max(step.end_s for request in timeline.requests for step in request.steps) * 1e3


def _all_of(names: list[str]) -> str:
    return {1: "It was", 2: "Both were"}.get(len(names), "All were")


def request_names(timeline: Timeline) -> tuple[str, ...]:
    """A short name for each request, from its path: ``/cake?step_ms=5`` is ``cake``; lettered where names repeat."""
    words = [request.endpoint.partition("?")[0].rstrip("/").rpartition("/")[2] or "/" for request in timeline.requests]
    if len(set(words)) == len(words):
        return tuple(words)
    return tuple(f"{word} {chr(ord('A') + index)}" for index, word in enumerate(words))


def _step_grid(timeline: Timeline) -> Grid:
    """Every step, in the order in which they started."""
    heads = (
        Head("request", numeric=False),
        Head("step"),
        Head("name", numeric=False),
        Head("from", "ms"),
        Head("to", "ms"),
    )
    names = request_names(timeline)
    steps = [
        (step.start_s, step.end_s, names[index], position, step.name)
        for index, request in enumerate(timeline.requests)
        for position, step in enumerate(request.steps, start=1)
    ]
    rows = [
        (Cell(request), Cell(str(position)), Cell(name), Cell(f"{1e3 * start_s:.1f}"), Cell(f"{1e3 * end_s:.1f}"))
        for start_s, end_s, request, position, name in sorted(steps)
    ]
    return make_grid(timeline.stack, heads, rows)
