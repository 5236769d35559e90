"""A timeline in words and as a table."""

from __future__ import annotations

import msgspec

from bakeoff.findings import timeline_story
from bakeoff.model import Run, Step, Timeline, TimelineRequest


def test_a_request_that_starts_after_the_other_has_waited(run: Run) -> None:
    """The sentence follows the order of the steps."""
    assert timeline_story.text(run.summary.timeline[0]) == (
        "The frosting waited until the cake was done: cake 1-11, then frosting 1-5. Both were ready after 86.3 ms."
    )


def test_requests_side_by_side_are_listed_in_the_order_in_which_their_steps_started(run: Run) -> None:
    """Consecutive steps of one request are taken together."""
    text = timeline_story.text(run.summary.timeline[2])
    assert text.startswith("The cake and the frosting ran side by side: cake 1, frosting 1, cake 2, frosting 2,")
    assert text.endswith("frosting 5, cake 6-11. Both were ready after 59.2 ms.")


def test_the_interface_does_not_decide_the_story(run: Run) -> None:
    """A blocking call makes an ASGI stack wait, and the report says so."""
    blocking = msgspec.structs.replace(run.summary.timeline[0], interface="asgi", stack="fastapi-blocking")
    assert "waited until the cake was done" in timeline_story.line(blocking)


def test_the_frosting_may_come_first(run: Run) -> None:
    """Then the cake waits."""
    cake, frosting = run.summary.timeline[0].requests
    late = tuple(Step(name=step.name, start_s=step.start_s + 0.2, end_s=step.end_s + 0.2) for step in cake.steps)
    turned = Timeline(stack="x", interface="wsgi", requests=(TimelineRequest(endpoint="/cake", steps=late), frosting))
    text = timeline_story.text(turned)
    assert text.startswith("The cake waited until the frosting was done: frosting 1-5, then cake 1-11.")


def test_a_timeline_that_failed_has_its_reason() -> None:
    """In place of the story."""
    failed = Timeline(stack="x", interface="asgi", requests=(), failure="TimeoutError: timed out")
    assert timeline_story.text(failed) == "No timeline: TimeoutError: timed out."


def test_an_app_that_reports_no_steps_has_only_times_of_answers() -> None:
    """Two answers alone do not show who waited."""
    requests = tuple(
        TimelineRequest(endpoint=path, steps=(Step(name=path, start_s=0.0, end_s=end_s),))
        for path, end_s in (("/", 0.05), ("/search?q=cake", 0.09))
    )
    text = timeline_story.text(Timeline(stack="x", interface="wsgi", requests=requests))
    assert text == "Answered: / after 50.0 ms and search after 90.0 ms. The app does not report when its steps ran."


def test_the_table_lists_every_step_in_order(run: Run) -> None:
    """With milliseconds since the requests were sent."""
    story = timeline_story.story(run.summary.timeline[2])
    rows = [[cell.text for cell in row] for row in story.steps.rows]
    assert len(rows) == 16
    assert rows[:2] == [["cake", "1", "step 1", "2.1", "7.2"], ["frosting", "1", "step 1", "2.9", "8.0"]]
    assert [request.name for request in story.requests] == ["cake", "frosting"]
