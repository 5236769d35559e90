"""The contract that every format fulfils."""

from __future__ import annotations

import pytest

from bakeoff import report
from bakeoff.model import Run
from bakeoff.report import formats
from bakeoff.report.charts import charts


@pytest.mark.parametrize("file", formats.FORMATS)
@pytest.mark.parametrize("name", ["run", "failed_stack", "hostile", "empty"])
def test_every_format_renders_every_run(request: pytest.FixtureRequest, file: str, name: str) -> None:
    """Bytes come out, whatever happened, and twice the same."""
    chosen: Run = request.getfixturevalue(name)
    render = formats.FORMATS[file]
    assert render(chosen, ()) == render(chosen, ())
    assert len(render(chosen, ())) > 500


def test_a_report_is_a_page_a_text_and_the_figures(run: Run) -> None:
    """By the paths that they have in the run's folder; what takes several loads is not there with one."""
    expected = {*formats.FORMATS, *(f"figures/{name}.png" for name in charts() if name != "throughput-by-load")}
    assert set(report.render_all(run)) == expected
