"""The timeline as a page lays it out."""

from __future__ import annotations

import pytest

from bakeoff.findings.timeline_story import stories
from bakeoff.model import Run
from bakeoff.report import timeline


def laid_out(run: Run) -> tuple[timeline.StackTimeline, ...]:
    """The timelines of a run, all in one colour."""
    return timeline.stack_timelines(stories(run), dict.fromkeys(run.stack_names, "#0072b2"))


def test_every_step_lies_where_it_ran(run: Run) -> None:
    """In per cent of the longest timeline, which all share."""
    end_ms = timeline.end_ms(stories(run))
    segments = [segment for stack in laid_out(run) for request in stack.requests for segment in request.segments]
    assert len(segments) == 4 * 16
    for segment in segments:
        assert segment.left == pytest.approx(100 * segment.start_ms / end_ms, abs=0.02)
        assert segment.width == pytest.approx(100 * (segment.end_ms - segment.start_ms) / end_ms, abs=0.02)
    assert max(segment.left + segment.width for segment in segments) == pytest.approx(100, abs=0.01)


def test_a_request_that_waits_starts_where_the_other_ends(run: Run) -> None:
    """As on a single sync worker."""
    cake, frosting = laid_out(run)[0].requests
    assert frosting.segments[0].start_ms >= cake.segments[-1].end_ms


def test_two_requests_have_two_colours(run: Run) -> None:
    """Both readable."""
    cake, frosting = laid_out(run)[0].requests
    assert cake.colour == "#0072b2"
    assert frosting.colour not in (cake.colour, "#ffffff")
    assert {cake.ink, frosting.ink} <= {"#000000", "#ffffff"}


def test_a_run_without_timelines_has_nothing_to_lay_out(empty: Run) -> None:
    """And no axis to label."""
    assert laid_out(empty) == ()
    assert timeline.end_ms(stories(empty)) == 0


@pytest.mark.parametrize("end_ms", [3.0, 86.9, 199.0, 4000.0])
def test_an_axis_has_a_few_round_labels(end_ms: float) -> None:
    """From zero, none beyond the end."""
    ticks = timeline.ticks(end_ms)
    assert ticks[0] == 0
    assert 3 <= len(ticks) <= 10
    assert ticks[-1] <= end_ms
