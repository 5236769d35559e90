"""The report as Markdown."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bakeoff.findings import state
from bakeoff.model import Run, printable
from bakeoff.report import markdown
from bakeoff.report.figures import Picture
from bakeoff.report.markdown import folded, plain
from tests.report.made_up import FAILURE, HOSTILE, renamed
from tests.report.reading import rendered


def text_of(run: Run) -> str:
    """The report of a run, without drawing its pictures."""
    return markdown.render(state(run), ()).decode()


def tables(text: str) -> list[list[str]]:
    """The tables of a text, each as its lines."""
    every: list[list[str]] = []
    for before, line in zip(["", *text.splitlines()], text.splitlines(), strict=False):
        if line.startswith("|"):
            if not before.startswith("|"):
                every.append([])
            every[-1].append(line)
    return every


def cells(line: str) -> int:
    """How many cells Markdown sees in a row."""
    return len(re.findall(r"(?<!\\)\|", line)) - 1


@pytest.mark.parametrize("name", ["run", "failed_stack", "hostile"])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(request: pytest.FixtureRequest, name: str) -> None:
    """Otherwise it would be shown as text."""
    every = tables(text_of(request.getfixturevalue(name)))
    assert len(every) >= 6
    for table in every:
        assert {cells(line) for line in table} == {cells(table[0])}


@pytest.mark.parametrize("name", ["a|b", "`a`", "a\nb", "**a**", "[a](b)", "<b>a</b>", "# a", "a_b_"])
def test_a_name_with_markup_stays_a_name(run: Run, name: str) -> None:
    """Pipes, backticks, brackets and HTML lose their meaning."""
    text = text_of(renamed(run, "fastapi-uvicorn", name))
    for table in tables(text):
        assert {cells(line) for line in table} == {cells(table[0])}
    assert "[a](b)" not in text
    assert "<b>" not in text
    assert "\n# a" not in text


def test_html_from_names_and_logs_is_inert(hostile: Run) -> None:
    """Outside of fenced logs no angle bracket of theirs survives."""
    outside = re.sub(r"(`{3,})text\n.*?\n\1", "", text_of(hostile), flags=re.DOTALL)
    assert HOSTILE not in outside
    assert "&lt;script&gt;" in outside
    assert set(re.findall(r"<(/?\w+)", outside)) <= {"details", "/details", "summary", "/summary", "sup", "/sup"}


def test_a_log_cannot_end_its_own_fence(hostile: Run) -> None:
    """The fence is longer than any run of backticks in it."""
    assert "```" in FAILURE.log
    assert f"````text\n{FAILURE.log.rstrip()}\n````" in text_of(hostile)


def test_the_heading_is_the_headline(run: Run) -> None:
    """A pull request shows its first line."""
    assert text_of(run).splitlines()[0] == f"# bakery: {state(run).headline.text}"


def test_pictures_are_files_beside_the_report_with_a_text(run: Run, drawn: tuple[Picture, ...]) -> None:
    """One line each, so that it stays an image."""
    images = re.findall(r"^!\[(.+)\]\((.+)\)$", markdown.render(state(run), drawn).decode(), flags=re.MULTILINE)
    assert images[0][1] == "figures/throughput.png"
    assert len(images) == len(drawn)
    assert all(len(alt) > 40 for alt, _ in images)


def test_a_missing_number_has_its_reason_under_the_table(failed_stack: Run) -> None:
    """A dash with a mark, and the mark explained."""
    text = text_of(failed_stack)
    assert "\u2013<sup>1</sup>" in text
    assert f"<sup>1</sup> start: {FAILURE.message}" in text


def test_a_run_without_results_still_makes_a_report(empty: Run) -> None:
    """The reason is in the heading."""
    assert "no space left on device" in text_of(empty).splitlines()[0]


# --- text that stays text --------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_characters="\0"))  # which Markdown replaces, and no log line has


@given(TEXTS)
@example("[+4.0 %, +6.0 %]")
@example("[a](b) [a]: b ![a](b) <b>&amp;&#91; a_b_ *a* ~~a~~ `a` a|b \\")
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    """A reader sees what was written, except for line ends and repeated spaces."""
    assert rendered(f"Said: {plain(text)}.") == " ".join(f"Said: {printable(' '.join(text.split()))}.".split())


@given(TEXTS)
@example("ask @somebody about #12")
def test_text_mentions_no_user_and_refers_to_no_issue(text: str) -> None:
    """GitHub looks for both in the rendered text."""
    assert not re.search(r"[@#]\w", MarkdownIt().render(plain(text)))


def test_a_title_of_a_folded_part_is_shown_as_it_is() -> None:
    """It is HTML, in which a backslash is an ordinary character."""
    assert rendered(folded("a_b <c>", "*body*")) == "a_b <c> body"
