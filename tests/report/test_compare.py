"""Runs side by side: what changed is said, what differs is labelled, and nothing on the page is believed blindly."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bakeoff.analysis.changes import check_conditions, check_machines
from bakeoff.model import ClosedLoad, Run, Stack, UserError
from bakeoff.report import compare
from bakeoff.report.compare import SideBySide, side_by_side
from tests.analysis.test_changes import jittered, slowed
from tests.report import made_up
from tests.report.made_up import HOSTILE, renamed
from tests.report.reading import CHROMIUM, OUTSIDE, in_browser, targets
from tests.report.test_html import Page, squeezed

SLOWED = "fastapi-uvicorn"


def compared(*runs: Run) -> SideBySide:
    """Runs side by side, each with a report of its own."""
    return side_by_side([(run, f"run-{at}/report.html") for at, run in enumerate(runs)])


def page_of(*runs: Run) -> Page:
    """Their page, read."""
    return Page(compare.render(compared(*runs)))


def elsewhere(run: Run, **changes: Any) -> Run:
    """The same run, on another machine."""
    machine = msgspec.structs.replace(run.manifest.machine, **changes)
    return replace(run, manifest=msgspec.structs.replace(run.manifest, machine=machine))


def asked(run: Run, **changes: Any) -> Run:
    """The same run, of another experiment."""
    experiment = msgspec.structs.replace(run.manifest.experiment, **changes)
    return replace(run, manifest=msgspec.structs.replace(run.manifest, experiment=experiment))


@pytest.fixture(scope="module")
def before() -> Run:
    """The first run."""
    return jittered(made_up.complete_run(), 1)


@pytest.fixture(scope="module")
def after() -> Run:
    """A later run, in which one stack serves half as much."""
    return jittered(slowed(made_up.complete_run(), SLOWED, 2.0), 2)


@pytest.fixture(scope="module")
def hostile(before: Run) -> Run:
    """A run with a stack whose name attacks the page."""
    return renamed(before, "fastapi-gunicorn-asgi", HOSTILE)


def test_the_first_thing_said_is_what_changed(before: Run, after: Run) -> None:
    """With its ratio and what it was held against."""
    page = page_of(before, after)
    (answer,) = compare.answers(compared(before, after))
    assert re.match(rf"From A to B, {SLOWED} got slower at 64 users \((0\.49|0\.50)\d? ", answer)
    assert "the throughput, held against flask-gunicorn-sync)" in answer
    assert page.text.index(squeezed(answer)) < 200


def test_other_metrics_are_told_after_the_main_ones(before: Run, after: Run) -> None:
    """Twice the CPU time for a request is a change, whatever became of throughput."""
    told = compare.beside(compared(before, after))
    assert any(f"{SLOWED} got slower at 64 users" in one and "the CPU time per request" in one for one in told)
    assert all(squeezed(one) in page_of(before, after).text for one in told)
    assert not set(told) & set(compare.answers(compared(before, after)))


def test_a_machine_that_slowed_everything_alike_changed_no_stack(before: Run) -> None:
    """Half the speed for all of them is the machine's, and the page says how far the reference moved."""
    slow = before
    for stack in made_up.STACKS:
        slow = slowed(slow, stack.name, 2.0)
    slow = jittered(slow, 3)
    (answer,) = compare.answers(compared(before, slow))
    assert "no stack changed for sure" in answer
    assert re.search(r"flask-gunicorn-sync itself had 0\.(49|50)", " ".join(compare.cautions(compared(before, slow))))


def test_every_run_of_several_is_compared_with_the_first(before: Run, after: Run) -> None:
    """Three runs give two answers, and a column for each."""
    three = compared(before, before, after)
    assert [answer[:11] for answer in compare.answers(three)] == ["From A to B", "From A to C"]
    assert SLOWED not in compare.answers(three)[0]
    heads = [head.title for head in compare.panels(three)[0].grid.heads]
    assert heads[2:] == ["A", "B", "C", "B / A", "B / A", "verdict", "C / A", "C / A", "verdict"]


def test_runs_without_a_common_reference_say_so(before: Run, after: Run) -> None:
    """Their verdicts are about plain numbers."""
    first, other = (made_up.with_failed(run, "flask-gunicorn-sync") for run in (before, after))
    assert compare.NO_REFERENCE in page_of(first, other).text


def test_other_versions_are_labelled_on_the_page_and_on_every_table(before: Run) -> None:
    """And listed, with both."""
    other = elsewhere(before, versions={**before.manifest.machine.versions, "uvicorn": "0.41.0"})
    page = page_of(before, other)
    assert "Different software: what the runs do not have in common" in page.text
    assert "software uvicorn 0.40.0 0.41.0" in page.text
    for panel in compare.panels(compared(before, other)):
        assert panel.title.endswith("(different software)")
        assert panel.grid.title == panel.title
    assert "Beware: different software." in compare.told(compared(before, other))


def test_runs_that_agree_in_everything_have_no_label(before: Run, after: Run) -> None:
    """A label that is always there says nothing."""
    assert compared(before, after).labels == ()
    assert "Nothing that is recorded: machine, software" in page_of(before, after).text


def test_a_stack_that_was_set_up_differently_is_labelled(before: Run) -> None:
    """Its name is the same, its workers are not."""
    stacks = tuple(
        msgspec.structs.replace(one, workers=9) if one.name == SLOWED else one
        for one in before.manifest.experiment.stacks
    )
    found = compared(before, asked(before, stacks=stacks))
    assert found.labels == ("different settings",)
    assert "workers 9" in Page(compare.render(found)).text


def test_where_a_stack_lies_is_no_difference(before: Run) -> None:
    """The same experiment in another clone."""
    stacks = tuple(msgspec.structs.replace(one, directory="/elsewhere") for one in made_up.STACKS)
    assert compared(before, asked(before, stacks=stacks)).labels == ()


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"cpu_model": "M1"}, "processor is AMD EPYC 7B13 there and M1 here"), ({"cores": 8}, "cores")],
)
def test_runs_of_different_machines_are_refused_in_one_line(before: Run, changes: Any, what: str) -> None:
    """With what differs, and how to see them all the same."""
    with pytest.raises(UserError, match=what) as refused:
        check_machines([before, elsewhere(before, **changes)])
    assert str(refused.value).endswith("compare them all the same with --across-machines")
    assert "\n" not in str(refused.value)


def test_across_machines_every_table_says_so(before: Run) -> None:
    """Whoever asked for it sees it everywhere."""
    found = compared(before, elsewhere(before, cpu_model="M1"))
    assert all("different machines" in panel.title for panel in compare.panels(found))
    assert "machine processor AMD EPYC 7B13 M1" in Page(compare.render(found)).text


def test_other_versions_of_one_machine_are_not_refused(before: Run) -> None:
    """To see what an upgrade does is what one compares runs for."""
    check_machines([before, elsewhere(before, python="3.13.1")])


def test_runs_with_no_load_in_common_are_refused(before: Run) -> None:
    """There would be nothing to show."""
    loads = (ClosedLoad(users=1),)
    rows = tuple(msgspec.structs.replace(row, load=loads[0]) for row in before.summary.results)
    other = replace(asked(before, loads=loads), summary=msgspec.structs.replace(before.summary, results=rows))
    with pytest.raises(UserError, match="no scenario and load in common"):
        check_conditions([before, other])


def test_what_one_run_withheld_is_a_dash_with_its_reason(before: Run) -> None:
    """And what it never had, too."""
    failed = made_up.with_failed(before, SLOWED)
    page = page_of(before, failed)
    row = next(row for row in failed.summary.results if row.stack == SLOWED)
    assert squeezed(row.withheld[0]) in page.text
    fewer = asked(before, stacks=tuple(one for one in made_up.STACKS if one.name != SLOWED))
    rows = tuple(row for row in before.summary.results if row.stack != SLOWED)
    fewer = replace(fewer, summary=msgspec.structs.replace(before.summary, results=rows))
    assert "not part of this run" in page_of(before, fewer).text


def test_a_hostile_name_is_shown_as_text(hostile: Run) -> None:
    """Wherever it appears."""
    page = page_of(hostile, hostile)
    assert page.text.count(HOSTILE) > 5
    assert not page.all("script")
    assert "\x1b" not in compare.told(compared(renamed(hostile, HOSTILE, "\x1b[2Jx"), hostile))


@pytest.mark.e2e
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_runs_nothing_of_a_hostile_name(hostile: Run, tmp_path: Path) -> None:
    """Asked of a browser itself."""
    path = tmp_path / "compare.html"
    path.write_bytes(compare.render(compared(hostile, hostile)))
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


def test_the_page_leads_to_the_report_of_each_run(before: Run, after: Run) -> None:
    """Relative to itself, so that the folder can be moved."""
    assert {"run-0/report.html", "run-1/report.html"} <= set(targets(page_of(before, after)))


def test_bars_lie_within_their_tracks(before: Run, after: Run) -> None:
    """On one scale for all runs and stacks of a panel."""
    for panel in compare.panels(compared(before, after)):
        drawn = [track for _, tracks in panel.charts for track in tracks]
        assert all(0 < track.length <= 100 for track in drawn)
        assert all(track.whisker and sum(track.whisker) <= 100.01 for track in drawn)
        assert max(sum(track.whisker) for track in drawn if track.whisker) == pytest.approx(100, abs=0.1)


def test_a_stack_without_a_server_has_settings_too(before: Run) -> None:
    """A command of the user's own."""
    own = tuple(
        Stack(name=SLOWED, interface="asgi", command=("./serve", "{port}")) if one.name == SLOWED else one
        for one in made_up.STACKS
    )
    assert "command ./serve {port}" in page_of(before, asked(before, stacks=own)).text
