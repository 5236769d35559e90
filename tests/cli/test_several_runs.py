"""What `compare` and `index` make of stored folders: pages that lead to reports, and refusals in one line."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from pathlib import Path

import msgspec
import pytest

from bakeoff.cli import pages
from bakeoff.model import Run, UserError
from bakeoff.results.store import RunFolder
from tests.report import made_up
from tests.report.reading import targets
from tests.report.test_html import Page


def named(run: Run, name: str, cpu_model: str = "AMD EPYC 7B13") -> Run:
    """A run of another name, on another processor."""
    machine = msgspec.structs.replace(run.manifest.machine, cpu_model=cpu_model)
    return replace(run, manifest=msgspec.structs.replace(run.manifest, run_id=name, machine=machine))


def store(results: Path, run: Run) -> Path:
    """A run as a folder."""
    folder = RunFolder.create(results, run.manifest)
    by_block = {block: list(found) for block, found in groupby(run.intervals, key=lambda one: one.block)}
    for block in run.blocks:
        folder.write_block(block, by_block[block.number])
    folder.write_summary(run.summary)
    return folder.path


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of one machine, and one of another."""
    path = tmp_path_factory.mktemp("results")
    run = made_up.complete_run()
    for name, cpu_model in (("one", "AMD EPYC 7B13"), ("two", "AMD EPYC 7B13"), ("far", "M1")):
        store(path, named(run, name, cpu_model))
    return path


def test_the_page_lies_beside_the_runs_and_leads_to_them(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And what was found is printed."""
    assert pages.compare([results / "one", results / "two"], None, across_machines=False) == 0
    page = Page((results / "compare.html").read_bytes())
    assert {"one/report.html", "two/report.html"} <= set(targets(page))
    printed = capsys.readouterr().out
    assert "From A to B, no stack changed for sure" in printed
    assert f"comparison: {results / 'compare.html'}" in printed


def test_a_page_elsewhere_leads_to_the_runs_too(results: Path, tmp_path: Path) -> None:
    """Its addresses are relative to where it lies."""
    out = tmp_path / "page.html"
    assert pages.compare([results / "one", results / "two"], out, across_machines=False) == 0
    (address,) = [target for target in targets(Page(out.read_bytes())) if target.endswith("one/report.html")]
    assert (tmp_path / address).resolve().parent == (results / "one").resolve()


def test_runs_of_different_machines_need_to_be_asked_for(results: Path) -> None:
    """Refused first, then labelled."""
    runs = [results / "one", results / "far"]
    with pytest.raises(UserError, match="far was made on another machine than one: processor is AMD EPYC 7B13 there"):
        pages.compare(runs, None, across_machines=False)
    assert pages.compare(runs, None, across_machines=True) == 0
    assert "64 users (different machines)" in Page((results / "compare.html").read_bytes()).text


@pytest.mark.parametrize("amount", [1, 7])
def test_too_few_or_too_many_runs_are_refused(results: Path, amount: int) -> None:
    """Before anything is read."""
    with pytest.raises(UserError, match="compare takes 2 to 6 runs"):
        pages.compare([results / "nowhere"] * amount, None, across_machines=False)


def test_a_page_that_cannot_be_written_is_the_users_mistake(results: Path) -> None:
    """One line with the place."""
    with pytest.raises(UserError, match=r"page\.html cannot be written: No such file or directory"):
        pages.compare([results / "one", results / "two"], results / "nowhere" / "page.html", across_machines=False)


def test_the_index_lists_them_all(results: Path) -> None:
    """Those without a report as folders."""
    assert pages.index(results) == 0
    page = Page((results / "index.html").read_bytes())
    assert {"one/", "two/", "far/"} <= set(targets(page))


def test_a_page_that_is_not_bakeoffs_is_never_replaced(results: Path, tmp_path: Path) -> None:
    """A folder of runs may be a folder of other things too."""
    theirs = tmp_path / "index.html"
    theirs.write_text("<!doctype html><title>My site</title>", "utf-8")
    with pytest.raises(UserError, match="was not written by Bakeoff and is left alone"):
        pages.index(tmp_path)
    with pytest.raises(UserError, match="was not written by Bakeoff and is left alone"):
        pages.compare([results / "one", results / "two"], theirs, across_machines=False)
    assert "My site" in theirs.read_text("utf-8")


def test_rendering_a_report_again_leaves_anothers_page_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says so."""
    monkeypatch.setattr("bakeoff.report.render_all", lambda run: {})
    theirs = tmp_path / "index.html"
    theirs.write_text("<!doctype html><title>My site</title>", "utf-8")
    assert pages.render_again(store(tmp_path, made_up.complete_run())) == 0
    assert "is not Bakeoff's and was left alone" in capsys.readouterr().err
    assert "My site" in theirs.read_text("utf-8")


def test_the_list_is_kept_up_with_every_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It replaces itself."""
    monkeypatch.setattr("bakeoff.report.render_all", lambda run: {})
    for name in ("one", "two"):
        pages.render_again(store(tmp_path, named(made_up.complete_run(), name)))
    assert "2 runs" in Page((tmp_path / "index.html").read_bytes()).text
