"""The list of all runs: whatever state a folder is in, it is in the list, and says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bakeoff.findings.headline import headline
from bakeoff.model import Listed, Run, UserError
from bakeoff.report import index
from bakeoff.results import RunFolder, list_runs, write_file
from tests.gate.results import REGRESSED
from tests.report import made_up
from tests.report.made_up import HOSTILE
from tests.report.reading import CHROMIUM, OUTSIDE, in_browser, targets
from tests.report.test_html import Page, squeezed


def listed(run: Run, folder: str = "one") -> Listed:
    """A run as the store lists it."""
    return Listed(folder=folder, manifest=run.manifest, summary=run.summary, blocks=run.blocks, report=True)


def stored(results: Path, name: str, started_utc: str) -> RunFolder:
    """A run folder with everything but its report."""
    run = made_up.complete_run()
    folder = RunFolder.create(results, msgspec.structs.replace(run.manifest, run_id=name, started_utc=started_utc))
    folder.write_summary(run.summary)
    return folder


def test_each_run_has_its_answer_its_verdicts_and_a_chart(run: Run) -> None:
    """The numbers of its summary."""
    entry = index.entry(listed(run))
    assert entry.answer == headline(run).text
    assert {(chip.about, chip.verdict) for chip in entry.chips} >= {("fastapi-uvicorn", "faster")}
    assert [track.name for track in entry.chart] == [stack.name for stack in made_up.STACKS]
    assert entry.chart_title == "Right answers a second at 64 users"
    assert "7 of 7 blocks" in entry.about


def test_a_row_that_was_withheld_has_no_bar(failed_stack: Run) -> None:
    """It says so instead."""
    (track,) = [one for one in index.entry(listed(failed_stack)).chart if one.name == "fastapi-uvicorn"]
    assert (track.text, track.length) == ("withheld", 0)


def test_the_verdict_of_a_gate_comes_first(run: Run) -> None:
    """It is what the run was made for."""
    gated = replace(run, summary=msgspec.structs.replace(run.summary, gate=REGRESSED.gate))
    assert index.entry(listed(gated)).chips[0] == ("gate", "regression", "")


def test_an_interrupted_run_names_the_remedy(empty: Run) -> None:
    """Together with why it ended."""
    manifest = msgspec.structs.replace(empty.manifest, state="failed", error="KeyboardInterrupt")
    entry = index.entry(Listed(folder="two", manifest=manifest))
    assert entry.trouble
    assert "failed (KeyboardInterrupt)" in entry.answer
    assert "bakeoff resume two" in entry.answer
    assert "0 of 7 blocks" in entry.about


def test_a_run_without_a_valid_comparison_says_why(empty: Run) -> None:
    """It has no chips and no chart."""
    entry = index.entry(listed(empty))
    assert "There is no valid comparison" in entry.answer
    assert entry.chips == ()


def test_runs_are_listed_the_newest_first(tmp_path: Path) -> None:
    """By when they began, not by name; what is no run is left out."""
    for name, began in (("b", "2026-01-02"), ("a", "2026-01-03"), ("c", "2026-01-01")):
        stored(tmp_path, name, f"{began}T00:00:00+00:00")
    (tmp_path / "not-a-run").mkdir()
    (tmp_path / "README.md").write_text("", "utf-8")
    assert [one.folder for one in list_runs(tmp_path)] == ["a", "b", "c"]


def test_a_folder_that_cannot_be_read_is_listed_with_its_problem(tmp_path: Path) -> None:
    """One bad folder does not hide the others."""
    stored(tmp_path, "good", "2026-01-01T00:00:00+00:00")
    (tmp_path / "bad").mkdir()
    write_file(tmp_path / "bad" / "manifest.json", b"{")
    found = list_runs(tmp_path)
    assert [one.folder for one in found] == ["good", "bad"]
    text = Page(index.render(found)).text
    assert "This folder cannot be read" in text
    assert "2 runs" in text


def test_a_folder_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    """One line."""
    with pytest.raises(UserError, match="cannot be listed: No such file or directory"):
        list_runs(tmp_path / "nowhere")


def test_a_run_without_a_report_is_linked_as_a_folder(run: Run) -> None:
    """No link leads nowhere."""
    assert index.entry(listed(run)).href == "one/report.html"
    assert index.entry(replace(listed(run), report=False)).href == "one/"


def test_no_folder_name_becomes_another_address(run: Run) -> None:
    """Nor leaves the attribute that it stands in."""
    page = Page(index.render([listed(run, folder='javascript:alert(1)//" onclick="x#?')]))
    assert not [target for target in targets(page) if OUTSIDE.match(target)]
    assert not [attributes for _, attributes in page.elements if "onclick" in attributes]


def test_a_hostile_name_is_shown_as_text(hostile: Run) -> None:
    """In verdicts and charts."""
    page = Page(index.render([listed(hostile)]))
    assert page.text.count(HOSTILE) >= 2
    assert not page.all("script")


@pytest.mark.e2e
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_runs_nothing_of_a_hostile_name(hostile: Run, tmp_path: Path) -> None:
    """Asked of a browser itself."""
    path = tmp_path / "index.html"
    path.write_bytes(index.render([listed(hostile, folder=HOSTILE)]))
    elements = in_browser(path, tmp_path / "profile")
    assert "<script" not in elements
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in elements


def test_the_page_is_one_file_for_machines_and_phones(run: Run, empty: Run) -> None:
    """Nothing from elsewhere, one main heading, a language; and small: no pictures in it."""
    rendered = index.render([listed(run), listed(empty, "two")])
    page = Page(rendered)
    assert not [target for target in targets(page) if OUTSIDE.match(target)]
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "iframe", "object", "embed", "base"})
    assert (page.all("html")[0]["lang"], len(page.all("h1"))) == ("en", 1)
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
    assert len(rendered) < 40_000
    assert squeezed(headline(run).text) in page.text


def test_a_folder_without_runs_says_how_to_make_one() -> None:
    """The first page that a newcomer sees."""
    assert "Make one with: bakeoff run" in Page(index.render([])).text
