"""The tables and the sparklines of a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bakeoff.findings.rows import result_grids
from bakeoff.model import Run
from bakeoff.report.terminal import BLOCKS, LETTERS, render_table, sparkline
from tests.report.made_up import FAILURE, renamed


@pytest.mark.parametrize("name", ["run", "failed_stack", "hostile", "empty"])
@pytest.mark.parametrize("width", [20, 33, 40, 60, 80, 100, 120, 160, 300])
def test_no_line_is_longer_than_the_terminal_is_wide(request: pytest.FixtureRequest, name: str, width: int) -> None:
    """A wrapped table cannot be read."""
    lines = render_table(result_grids(request.getfixturevalue(name)), width, colour=False).splitlines()
    assert max(cell_len(line) for line in lines) <= width


def test_a_narrow_terminal_keeps_the_main_columns(run: Run) -> None:
    """Stack, throughput and ratio stay; the others go first."""
    narrow = render_table(result_grids(run), 60, colour=False)
    assert "8.76, 9.49" in narrow
    assert "flask-gunicorn-gthread" in narrow
    assert "bound" not in narrow


def test_a_wide_terminal_shows_every_column(run: Run) -> None:
    """None is left out."""
    wide = render_table(result_grids(run), 200, colour=False)
    for title in (
        "throughput",
        "vs baseline",
        "verdict",
        "p50",
        "p90",
        "p99",
        "CPU",
        "memory",
        "reuse",
        "errors",
        "bound",
    ):
        assert title in wide


def test_without_colour_there_is_no_escape_sequence(run: Run) -> None:
    """Logs and pipes get plain text."""
    assert "\x1b" not in render_table(result_grids(run), 120, colour=False)


def test_with_colour_a_verdict_has_one(run: Run) -> None:
    """And the text is the same."""
    coloured = render_table(result_grids(run), 120, colour=True)
    assert "\x1b[1;32mfaster" in coloured


def test_control_characters_in_a_name_are_replaced(run: Run) -> None:
    """Neither by escape sequences nor by the markup of the library that draws the table."""
    table = render_table(result_grids(renamed(run, "fastapi-uvicorn", "\x1b[2J[red]x[/red]\a")), 160, colour=False)
    assert "\x1b" not in table
    assert "\a" not in table
    assert "[red]x[/red]" in table


def test_a_missing_number_has_its_reason_under_the_table(failed_stack: Run) -> None:
    """As a numbered note."""
    assert f"1) start: {FAILURE.message}" in render_table(result_grids(failed_stack), 120, colour=False)


# --- sparkline -------------------------------------------------------------------------------------------------------

latencies = st.lists(st.floats(0, 1e6), max_size=40)


@given(latencies, st.integers(0, 30))
def test_a_sparkline_is_never_wider_than_its_place(values: list[float], width: int) -> None:
    """It shows the last values, one mark each."""
    assert len(sparkline(values, width)) == min(len(values), width)


@given(latencies)
def test_a_larger_value_never_has_a_lower_mark(values: list[float]) -> None:
    """The order of the values is kept."""
    marks = [BLOCKS.index(mark) for mark in sparkline(values, 40)]
    pairs = sorted(zip(values, marks, strict=True))
    assert [mark for _, mark in pairs] == sorted(marks)


def test_nearly_equal_values_look_flat() -> None:
    """It starts at zero: noise is not blown up."""
    assert sparkline([100, 101, 99, 100], 10) == "████"


def test_a_plain_terminal_gets_letters() -> None:
    """The same shape without blocks."""
    assert sparkline([0, 50, 100], 10, LETTERS) == "_=#"
