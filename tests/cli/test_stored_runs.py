"""`compare`, `index` and `report` on stored runs: pages that link to reports, and errors in one line."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from pathlib import Path

import msgspec
import pytest

from bakeoff.cli.conclusion import show_findings
from bakeoff.cli.main import parse
from bakeoff.findings import state
from bakeoff.model import Run, UserError
from bakeoff.results import RunFolder
from tests.report import made_up
from tests.report.reading import targets
from tests.report.test_html import Page


def bakeoff(*arguments: str | Path) -> int:
    """Run a command in this process, and let its errors through."""
    options = parse([str(argument) for argument in arguments])
    return int(options.run(options))


def named(run: Run, name: str, cpu_model: str = "AMD EPYC 7B13") -> Run:
    """A run of another name, on another processor."""
    machine = msgspec.structs.replace(run.manifest.machine, cpu_model=cpu_model)
    return replace(run, manifest=msgspec.structs.replace(run.manifest, run_id=name, machine=machine))


def store(results: Path, run: Run) -> Path:
    """A run as a folder."""
    folder = RunFolder.create(results, run.manifest)
    by_block = {number: list(group) for number, group in groupby(run.intervals, key=lambda interval: interval.block)}
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


def test_compare_links_to_the_reports_from_beside_the_runs(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And prints what changed."""
    assert bakeoff("compare", results / "one", results / "two") == 0
    page = Page((results / "compare.html").read_bytes())
    assert {"one/report.html", "two/report.html"} <= set(targets(page))
    printed = capsys.readouterr().out
    assert "From A to B, no stack got faster or slower in " in printed
    assert f"comparison: {results / 'compare.html'}" in printed


def test_links_are_relative_to_the_page(results: Path, tmp_path: Path) -> None:
    """Wherever `--out` puts it."""
    out = tmp_path / "page.html"
    assert bakeoff("compare", results / "one", results / "two", "--out", out) == 0
    (address,) = [target for target in targets(Page(out.read_bytes())) if target.endswith("one/report.html")]
    assert (tmp_path / address).resolve().parent == (results / "one").resolve()


def test_runs_of_different_machines_are_compared_only_with_the_option(results: Path) -> None:
    """And then every number carries the label."""
    runs = [results / "one", results / "far"]
    with pytest.raises(UserError, match="far was made on another machine than one: processor is AMD EPYC 7B13 there"):
        bakeoff("compare", *runs)
    assert bakeoff("compare", *runs, "--across-machines") == 0
    assert "64 users (different machines)" in Page((results / "compare.html").read_bytes()).text


@pytest.mark.parametrize("amount", [1, 7])
def test_too_few_or_too_many_runs_are_refused(results: Path, amount: int) -> None:
    """Before anything is read."""
    with pytest.raises(UserError, match="compare takes 2 to 6 runs"):
        bakeoff("compare", *[results / "nowhere"] * amount)


def test_a_page_that_cannot_be_written_is_the_users_mistake(results: Path) -> None:
    """The message names the file."""
    with pytest.raises(UserError, match=r"page\.html cannot be written: No such file or directory"):
        bakeoff("compare", results / "one", results / "two", "--out", results / "nowhere" / "page.html")


def test_the_index_lists_all_runs(results: Path) -> None:
    """Runs without a report link to their folders."""
    assert bakeoff("index", results) == 0
    page = Page((results / "index.html").read_bytes())
    assert {"one/", "two/", "far/"} <= set(targets(page))


def test_a_page_of_another_tool_is_never_replaced(results: Path, tmp_path: Path) -> None:
    """A folder of runs may be a folder of other things too."""
    other_page = tmp_path / "index.html"
    other_page.write_text("<!doctype html><title>My site</title>", "utf-8")
    with pytest.raises(UserError, match="was not written by Bakeoff and is left alone"):
        bakeoff("index", tmp_path)
    with pytest.raises(UserError, match="was not written by Bakeoff and is left alone"):
        bakeoff("compare", results / "one", results / "two", "--out", other_page)
    assert "My site" in other_page.read_text("utf-8")


def test_report_leaves_a_page_of_another_tool_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says so."""
    monkeypatch.setattr("bakeoff.report.render_all", lambda run, findings: {})
    other_page = tmp_path / "index.html"
    other_page.write_text("<!doctype html><title>My site</title>", "utf-8")
    assert bakeoff("report", store(tmp_path, made_up.complete_run())) == 0
    assert "was not written by Bakeoff and is left alone" in capsys.readouterr().err
    assert "My site" in other_page.read_text("utf-8")


def test_every_report_updates_the_list_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bakeoff replaces its own page."""
    monkeypatch.setattr("bakeoff.report.render_all", lambda run, findings: {})
    for name in ("one", "two"):
        bakeoff("report", store(tmp_path, named(made_up.complete_run(), name)))
    assert "2 runs" in Page((tmp_path / "index.html").read_bytes()).text


@pytest.mark.parametrize("ended_early", [False, True])
def test_tables_in_which_nothing_is_left_are_not_shown(ended_early: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """The headline says why."""
    findings = replace(state(made_up.complete_run()), ended_early=ended_early)
    show_findings(findings, Path("run"))
    printed = capsys.readouterr().out
    assert ("throughput" in printed.partition(findings.headline.text)[0]) == (not ended_early)
    assert findings.headline.text in printed
