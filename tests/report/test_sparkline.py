"""A strip is as long as asked for, and higher where the numbers are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.report.sparkline import BLOCKS, LETTERS, strip

latencies = st.lists(st.floats(0, 1e6), max_size=40)


@given(latencies, st.integers(0, 30))
def test_a_strip_is_never_wider_than_its_place(values: list[float], width: int) -> None:
    """It shows the last values, one mark each."""
    assert len(strip(values, width)) == min(len(values), width)


@given(latencies)
def test_a_larger_value_never_has_a_lower_mark(values: list[float]) -> None:
    """Order survives."""
    marks = [BLOCKS.index(mark) for mark in strip(values, 40)]
    pairs = sorted(zip(values, marks, strict=True))
    assert [mark for _, mark in pairs] == sorted(marks)


def test_nearly_equal_values_look_flat() -> None:
    """The strip starts at zero: noise is not blown up."""
    assert strip([100, 101, 99, 100], 10) == "████"


def test_a_plain_terminal_gets_letters() -> None:
    """The same shape without blocks."""
    assert strip([0, 50, 100], 10, LETTERS) == "_=#"
