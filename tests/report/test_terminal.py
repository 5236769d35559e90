"""The final table in the terminal."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from bakeoff.model import Run
from bakeoff.report.terminal import render_table
from tests.report.made_up import FAILURE, renamed


@pytest.mark.parametrize("name", ["run", "failed_stack", "hostile", "empty"])
@pytest.mark.parametrize("width", [20, 33, 40, 60, 80, 100, 120, 160, 300])
def test_no_line_is_longer_than_the_terminal_is_wide(request: pytest.FixtureRequest, name: str, width: int) -> None:
    """A table that wraps is no table."""
    lines = render_table(request.getfixturevalue(name), width, colour=False).splitlines()
    assert max(cell_len(line) for line in lines) <= width


def test_a_narrow_terminal_keeps_what_answers_the_question(run: Run) -> None:
    """Stack, throughput and ratio outlast all other columns."""
    narrow = render_table(run, 60, colour=False)
    assert "8.76, 9.49" in narrow
    assert "flask-gunicorn-gthread" in narrow
    assert "bound" not in narrow


def test_a_wide_terminal_shows_every_column(run: Run) -> None:
    """There is room for them."""
    wide = render_table(run, 200, colour=False)
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
    assert "\x1b" not in render_table(run, 120, colour=False)


def test_with_colour_a_verdict_has_one(run: Run) -> None:
    """And the text is the same."""
    coloured = render_table(run, 120, colour=True)
    assert "\x1b[1;32mfaster" in coloured


def test_a_name_cannot_steer_the_terminal(run: Run) -> None:
    """Neither by escape sequences nor by the markup of the library that draws the table."""
    table = render_table(renamed(run, "fastapi-uvicorn", "\x1b[2J[red]x[/red]\a"), 160, colour=False)
    assert "\x1b" not in table
    assert "\a" not in table
    assert "[red]x[/red]" in table


def test_a_missing_number_has_its_reason_under_the_table(failed_stack: Run) -> None:
    """In the terminal too."""
    assert f"1) start: {FAILURE.message}" in render_table(failed_stack, 120, colour=False)
