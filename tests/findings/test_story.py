"""A timeline as sentences."""

from __future__ import annotations

import msgspec

from bakeoff.findings import story
from bakeoff.model import Run, Step, Timeline, TimelineRequest


def test_requests_one_after_another_are_told_as_waiting(run: Run) -> None:
    """The order is the data's."""
    assert story.tell(run.summary.timeline[0]) == (
        "The frosting waited until the cake was done: cake 1-11, then frosting 1-5. Both were ready after 86.3 ms."
    )


def test_requests_side_by_side_are_told_in_the_order_in_which_their_steps_started(run: Run) -> None:
    """Consecutive steps of one request are taken together."""
    told = story.tell(run.summary.timeline[2])
    assert told.startswith("The cake and the frosting ran side by side: cake 1, frosting 1, cake 2, frosting 2,")
    assert told.endswith("frosting 5, cake 6-11. Both were ready after 59.2 ms.")


def test_the_interface_does_not_decide_the_story(run: Run) -> None:
    """A blocking call makes an ASGI stack wait, and the report says so."""
    blocking = msgspec.structs.replace(run.summary.timeline[0], interface="asgi", stack="fastapi-blocking")
    assert "waited until the cake was done" in story.timeline_story(blocking)


def test_the_story_names_whoever_came_first(run: Run) -> None:
    """Also when that was the frosting."""
    cake, frosting = run.summary.timeline[0].requests
    late = tuple(Step(name=each.name, start_s=each.start_s + 0.2, end_s=each.end_s + 0.2) for each in cake.steps)
    turned = Timeline(stack="x", interface="wsgi", requests=(TimelineRequest(endpoint="/cake", steps=late), frosting))
    assert story.tell(turned).startswith("The cake waited until the frosting was done: frosting 1-5, then cake 1-11.")


def test_a_timeline_that_failed_tells_why() -> None:
    """No picture is no secret."""
    failed = Timeline(stack="x", interface="asgi", requests=(), failure="TimeoutError: timed out")
    assert story.tell(failed) == "No timeline: TimeoutError: timed out."


def test_an_app_that_tells_no_steps_is_not_said_to_run_side_by_side() -> None:
    """Two answers alone do not show who waited."""
    requests = tuple(
        TimelineRequest(endpoint=path, steps=(Step(name=path, start_s=0.0, end_s=end_s),))
        for path, end_s in (("/", 0.05), ("/search?q=cake", 0.09))
    )
    told = story.tell(Timeline(stack="x", interface="wsgi", requests=requests))
    assert told == "Answered: / after 50.0 ms and search after 90.0 ms. The app does not say when its steps ran."
