"""The contract that every format fulfils."""

from __future__ import annotations

import pytest

from bakeoff import report
from bakeoff.findings import state
from bakeoff.model import Run
from bakeoff.report import html, markdown
from bakeoff.report.charts import charts

FORMATS = {
    "html": lambda findings: html.render(findings, (), {}),
    "markdown": lambda findings: markdown.render(findings, ()),
    "terminal": lambda findings: report.render_table(findings, 120, colour=True).encode(),
}


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("name", ["run", "failed_stack", "hostile", "empty"])
def test_every_format_renders_every_run(request: pytest.FixtureRequest, file_format: str, name: str) -> None:
    """The titles of all tables are there, whatever happened, and the bytes are the same each time."""
    findings = state(request.getfixturevalue(name))
    rendered = FORMATS[file_format](findings)
    assert rendered == FORMATS[file_format](findings)
    for grid in findings.results:
        assert grid.title in rendered.decode()


def test_a_report_is_a_page_a_text_and_the_charts(run: Run) -> None:
    """By the paths that they have in the run's folder; a chart over loads is not there with one load."""
    paths = {f"figures/{name}.png" for name in charts() if name != "throughput-by-load"}
    assert report.render_all(run, state(run)).keys() == {"report.html", "report.md"} | paths


def test_the_terminal_shows_the_results(run: Run) -> None:
    """One table for each load."""
    table = report.render_table(state(run), 120, colour=False)
    assert "64 users" in table
    assert "50 requests a second" in table
