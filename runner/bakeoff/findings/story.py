"""A timeline as sentences: who waited for whom."""

from __future__ import annotations

from itertools import groupby, pairwise

from bakeoff.findings.numerals import listing, number
from bakeoff.model import Timeline

QUESTION = "Several requests, sent at the same moment to one worker of each stack: which step ran when?"


def timeline_story(timeline: Timeline) -> str:
    """A stack's timeline as a sentence of its own: who waited for whom."""
    return f"{timeline.stack} ({timeline.interface}): {tell(timeline)}"


def tell(timeline: Timeline) -> str:
    """The order of the steps, the way one would tell it, from when each of them ran."""
    names = request_names(timeline)
    order = _starts(timeline)
    if not order:
        return f"No timeline: {timeline.failure or 'no step was recorded'}."
    if _only_answers(timeline):
        return _answers(timeline, names)
    runs = _runs(names, order)
    present = list(dict.fromkeys(names[request] for request, _ in order))
    ready = f"{_all_of(present)} ready after {number(_end_ms(timeline))} ms."
    if len(present) == 1:
        return f"There was only one request: {runs}. {ready}"
    if one_after_another(timeline):
        return f"The {present[1]} waited until the {present[0]} was done: {runs}. {ready}"
    return f"The {' and the '.join(present)} ran side by side: {runs}. {ready}"


def _only_answers(timeline: Timeline) -> bool:
    """Whether the app told no steps, so that each request is one, from its sending to its answer."""
    return all(len(each.steps) == 1 and each.steps[0].start_s == 0 for each in timeline.requests)


def _answers(timeline: Timeline, names: tuple[str, ...]) -> str:
    ends = [
        f"{name} after {number(each.steps[0].end_s * 1e3)} ms"
        for name, each in zip(names, timeline.requests, strict=True)
    ]
    return f"Answered: {listing(ends)}. The app does not say when its steps ran."


def _starts(timeline: Timeline) -> list[tuple[int, int]]:
    """(request, step) by when they started; steps count from 1."""
    steps = [
        (step.start_s, step.end_s, request, number)
        for request, each in enumerate(timeline.requests)
        for number, step in enumerate(each.steps, start=1)
    ]
    return [(request, number) for _, _, request, number in sorted(steps)]


def _runs(names: tuple[str, ...], order: list[tuple[int, int]]) -> str:
    """Consecutive steps of one request together: ``cake 1-3``, then ``frosting 1``."""
    together = [
        (names[request], [step for _, step in group]) for request, group in groupby(order, key=lambda at: at[0])
    ]
    told = [f"{name} {steps[0]}" + (f"-{steps[-1]}" if len(steps) > 1 else "") for name, steps in together]
    return ", then ".join(told) if len(told) <= len(set(names)) else ", ".join(told)


def one_after_another(timeline: Timeline) -> bool:
    """Whether each request's first step started no earlier than the one before it ended its last."""
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
    """A short name for each request, from its path: ``/cake?step_ms=5`` is ``cake``; numbered where names repeat."""
    words = [request.endpoint.partition("?")[0].rstrip("/").rpartition("/")[2] or "/" for request in timeline.requests]
    if len(set(words)) == len(words):
        return tuple(words)
    return tuple(f"{word} {chr(ord('A') + at)}" for at, word in enumerate(words))
