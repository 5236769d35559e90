"""Bars as HTML draws them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.model import Estimate
from bakeoff.report.bars import Bar, draw_bars

points = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=8)


def bar(point: float | None, spread: float = 0.1) -> Bar:
    """A bar of a length with an interval around it; ``None``: withheld."""
    if point is None:
        return Bar("x", "#000000", None)
    low, high = point * (1 - spread), point * (1 + spread)
    return Bar("x", "#000000", Estimate(point=point, low=low, high=high, level=0.95, n=7))


@given(points)
def test_bars_start_at_zero_on_one_scale(values: list[float]) -> None:
    """Twice the number is twice the length, and the longest interval fills the place."""
    drawn = draw_bars(bar(value) for value in values)
    largest = 1.1 * max(values)
    assert all(abs(track.length - 100 * value / largest) < 0.01 for track, value in zip(drawn, values, strict=True))
    assert abs(max(sum(track.whisker) for track in drawn if track.whisker) - 100) < 0.02


def test_a_withheld_number_is_a_word_and_no_bar() -> None:
    """It is not a bar of no length with a number beside it."""
    withheld, shown = draw_bars([bar(None), bar(802.0)])
    assert (withheld.text, withheld.interval, withheld.length, withheld.whisker) == ("withheld", "", 0.0, None)
    assert (shown.text, shown.interval) == ("802", "[722, 882]")


def test_one_block_has_no_whisker() -> None:
    """Nor text for it."""
    single = Bar("x", "#000000", Estimate(point=2.0, low=None, high=None, level=0.95, n=1))
    (track,) = draw_bars([single])
    assert (track.whisker, track.interval, track.length) == (None, "", 100.0)
