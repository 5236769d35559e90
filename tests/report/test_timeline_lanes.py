"""The timeline as a page lays it out, and the bars under the answer."""

from __future__ import annotations

import pytest

from bakeoff.model import Run
from bakeoff.report import timeline_lanes as lanes
from bakeoff.report.drawing.chart import ChartData
from bakeoff.report.headline_bars import podium


def test_every_step_lies_where_it_ran(run: Run) -> None:
    """In per cent of the longest timeline, which all share."""
    data = ChartData(run)
    end = lanes.end_ms(data)
    for stack in lanes.lanes(data):
        for lane in stack.lanes:
            for one in lane.segments:
                assert one.left == pytest.approx(100 * one.start_ms / end, abs=0.02)
                assert one.left + one.width <= 100.01


def test_a_request_that_waits_starts_where_the_other_ends(run: Run) -> None:
    """As on a single sync worker."""
    cake, frosting = lanes.lanes(ChartData(run))[0].lanes
    assert frosting.segments[0].start_ms >= cake.segments[-1].end_ms


def test_a_run_without_timelines_has_no_lanes(empty: Run) -> None:
    """And no axis to label."""
    assert lanes.lanes(ChartData(empty)) == ()
    assert lanes.end_ms(ChartData(empty)) == 0


@pytest.mark.parametrize("end", [3.0, 86.9, 199.0, 4000.0])
def test_an_axis_has_a_few_round_labels(end: float) -> None:
    """From zero, none beyond the end."""
    ticks = lanes.ticks(end)
    assert ticks[0] == 0
    assert 3 <= len(ticks) <= 10
    assert ticks[-1] <= end


def test_the_bars_under_the_answer_start_at_zero(run: Run) -> None:
    """Twice the throughput is twice the length; the longest interval fills the place."""
    found = podium(run)
    assert found is not None
    lengths = {bar.stack: bar.length for bar in found.bars}
    assert lengths["flask-gunicorn-gthread"] / lengths["flask-gunicorn-sync"] == pytest.approx(802 / 89.4, rel=0.01)
    assert max(bar.high for bar in found.bars) == 100


def test_a_withheld_stack_has_no_bar_but_a_word(failed_stack: Run) -> None:
    """It is not a bar of no length."""
    found = podium(failed_stack)
    assert found is not None
    (bar,) = (bar for bar in found.bars if bar.stack == "fastapi-uvicorn")
    assert (bar.length, bar.text) == (0, "\u2013 withheld")


def test_without_a_comparison_there_are_no_bars(empty: Run) -> None:
    """There is no load that the answer speaks of."""
    assert podium(empty) is None
