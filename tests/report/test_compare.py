"""Runs side by side: the page and the terminal show the comparison with its labels, and names stay text."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakeoff.analysis import METRICS
from bakeoff.findings.numerals import DASH, number
from bakeoff.findings.run_comparison import RunComparison, compare_runs
from bakeoff.model import Run
from bakeoff.report import compare
from tests.findings.test_run_comparison import SLOWED, after, before, comparison, on_another_machine
from tests.report import made_up
from tests.report.made_up import HOSTILE, STACKS, renamed
from tests.report.reading import CHROMIUM, OUTSIDE, in_browser, targets
from tests.report.test_html import Page, squeezed

__all__ = ["after", "before", "comparison"]


def rendered(comparison: RunComparison) -> bytes:
    """The page, with a report of its own for each run."""
    return compare.render_page(comparison, [f"run-{number}/report.html" for number in range(len(comparison.runs))])


def page_of(*runs: Run) -> Page:
    """The page of several runs, read."""
    return Page(rendered(compare_runs(runs)))


@pytest.fixture(scope="module")
def hostile(before: Run) -> Run:
    """A run with a stack whose name attacks the page."""
    return renamed(before, "fastapi-gunicorn-asgi", HOSTILE)


def test_the_page_begins_with_the_conclusion_and_has_every_sentence(comparison: RunComparison) -> None:
    """So has the terminal."""
    text = Page(rendered(comparison)).text
    assert text.index(squeezed(comparison.conclusions[0])) < 200
    for sentence in (*comparison.conclusions, *comparison.other_changes, *comparison.cautions):
        assert squeezed(sentence) in text
        assert sentence in compare.render_text(comparison)


def test_every_run_has_a_column_and_every_other_run_three_more(before: Run, after: Run) -> None:
    """The plain ratio, the one relative to the baseline, and the verdict."""
    comparison = compare_runs([before, before, after])
    heads = [head.title for head in compare.sections(comparison)[0].grid.heads]
    assert heads[2:] == ["A", "B", "C", "B / A", "B / A", "verdict", "C / A", "C / A", "verdict"]


def test_a_table_has_the_numbers_of_the_comparison(comparison: RunComparison) -> None:
    """One row a stack and metric; in place of a verdict, the baseline is called the reference."""
    for section, condition in zip(compare.sections(comparison), comparison.conditions, strict=True):
        rows = iter(section.grid.rows)
        for stack in condition.stacks:
            for metric in stack.metrics:
                cells = [cell.text for cell in next(rows)]
                points = [number(estimate.point) for estimate in metric.estimates if estimate]
                assert cells[:4] == [stack.name, METRICS[metric.metric].heading, *points]
                (change,) = metric.changes
                assert change is not None
                assert (cells[5] == compare.REFERENCE) == (change.verdict is None)
                assert cells[6] == (change.verdict or "")


def test_the_terminal_has_a_line_for_each_change_of_a_main_metric(comparison: RunComparison) -> None:
    """In columns, with verdicts at the end."""
    lines = [line for line in compare.render_text(comparison).splitlines() if "B / A" in line]
    assert len(lines) == 2 * len(STACKS)
    assert [line.split()[-1] for line in lines if SLOWED in line] == ["slower", "slower"]
    assert len({line.index("throughput") for line in lines[: len(STACKS)]}) == 1


def test_differences_are_labelled_on_the_page_on_every_table_and_in_the_terminal(before: Run) -> None:
    """And listed, with both values."""
    comparison = compare_runs([before, on_another_machine(before, python="3.13.1", cpu_model="M1")])
    page = Page(rendered(comparison))
    assert "Different machines, different software: these differences may be the reason" in page.text
    assert "software Python 3.11.7 3.13.1" in page.text
    assert "machine processor AMD EPYC 7B13 M1" in page.text
    for section in compare.sections(comparison):
        assert section.title.endswith("(different machines, different software)")
        assert section.grid.title == section.title
    assert "Beware: different machines, different software." in compare.render_text(comparison)


def test_runs_that_agree_in_everything_say_so(comparison: RunComparison) -> None:
    """In place of a list."""
    assert "Nothing that is recorded: machine, software" in Page(rendered(comparison)).text


def test_what_one_run_withheld_is_a_dash_with_its_reason(before: Run) -> None:
    """The mark beside the dash leads to a note under the table."""
    failed = made_up.with_failed(before, SLOWED)
    row = next(row for row in failed.summary.results if row.stack == SLOWED)
    grid = compare.sections(compare_runs([before, failed]))[0].grid
    (cells,) = (cells for cells in grid.rows if (cells[0].text, cells[1].text) == (SLOWED, "throughput"))
    assert cells[3].text == DASH
    assert [grid.notes[mark - 1] for mark in cells[3].marks] == list(row.withheld)
    assert squeezed(row.withheld[0]) in page_of(before, failed).text


def test_bars_are_as_long_as_their_numbers_on_one_scale(comparison: RunComparison) -> None:
    """Of all stacks and runs of a condition; the longest whisker ends at the right edge."""
    for section, condition in zip(compare.sections(comparison), comparison.conditions, strict=True):
        drawn = [track for _, tracks in section.bars for track in tracks]
        estimates = [e for stack in condition.stacks for e in stack.of(condition.main_metric).estimates if e]
        scale = 100 / max(estimate.high or 0 for estimate in estimates)
        assert [track.length for track in drawn] == pytest.approx([scale * e.point for e in estimates], abs=0.01)
        assert max(sum(track.whisker) for track in drawn if track.whisker) == pytest.approx(100, abs=0.1)


def test_a_hostile_name_is_shown_as_text(hostile: Run) -> None:
    """Wherever it appears."""
    page = page_of(hostile, hostile)
    assert page.text.count(HOSTILE) > 5
    assert not page.all("script")
    assert "\x1b" not in compare.render_text(compare_runs([renamed(hostile, HOSTILE, "\x1b[2Jx"), hostile]))


@pytest.mark.e2e
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_runs_nothing_of_a_hostile_name(hostile: Run, tmp_path: Path) -> None:
    """Asked of a browser itself."""
    path = tmp_path / "compare.html"
    path.write_bytes(rendered(compare_runs([hostile, hostile])))
    elements = in_browser(path, tmp_path / "profile")
    assert "<script" not in elements
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in elements


def test_the_page_is_one_file_for_machines_and_phones(before: Run, after: Run) -> None:
    """Nothing from elsewhere, a heading, a language, heads for every table, marks that lead somewhere."""
    page = page_of(before, made_up.with_failed(after, SLOWED))
    assert not [target for target in targets(page) if OUTSIDE.match(target)]
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "iframe", "object", "embed", "base"})
    assert page.all("html")[0]["lang"] == "en"
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
    assert len(page.all("h1")) == 1
    assert len(page.all("caption")) == len(page.all("table"))
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    assert {target[1:] for target in targets(page) if target.startswith("#")} <= set(identifiers)


def test_the_page_leads_to_the_report_of_each_run(comparison: RunComparison) -> None:
    """Relative to itself, so that the folder can be moved."""
    assert {"run-0/report.html", "run-1/report.html"} <= set(targets(Page(rendered(comparison))))
