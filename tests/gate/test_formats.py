"""Each format says the same of a gate, and shows text from elsewhere as text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import msgspec
import pytest

from bakeoff.model import PackageChange, Summary
from bakeoff.report.gate import junit, markdown, terminal, words
from tests.gate.results import INVALID, PASSED, REGRESSED, finding, summary
from tests.report.reading import rendered


@pytest.mark.parametrize(("one", "verdict"), [(PASSED, "pass"), (REGRESSED, "regression"), (INVALID, "invalid")])
def test_every_format_begins_with_the_verdict(one: Summary, verdict: str) -> None:
    """What a reader wants to know first."""
    assert terminal.render(one, colour=False).startswith(f"{verdict}:")
    assert verdict in markdown.render(one).splitlines()[0]
    assert verdict in terminal.annotation(one)


def test_a_regression_names_metric_endpoint_size_and_interval() -> None:
    """In the first line."""
    said = words.headline(words.gate_of(REGRESSED.gate))
    assert "CPU time per request +5.0 % [+4.0 %, +6.0 %]" in said
    assert "median latency of /cake<script> +4.0 %" in said


def test_the_notes_say_how_sure_and_where_to_look() -> None:
    """What to look at first, that it was confirmed, what the smallest visible change was."""
    said = " ".join(words.notes(words.gate_of(REGRESSED.gate)))
    assert "Look first at burn (overhead.py)" in said
    assert "confirmed it" in said
    assert "CPU time per request +1.8 %" in said


def test_a_throughput_that_fell_reads_as_a_fall() -> None:
    """Ratios are head over base, whichever way is worse."""
    said = terminal.render(summary(finding("throughput", 0.95, role="informational")), colour=False)
    assert "-5.0 %" in said
    assert "for information" in said


def test_errors_alone_are_told_as_such() -> None:
    """A regression without a slower metric."""
    assert "2 of 901 requests failed, where 0 of 900 did before" in words.headline(
        words.gate_of(summary(verdict="regression").gate)
    )


def test_markdown_shows_foreign_text_as_text() -> None:
    """Neither HTML nor a table's column."""
    said = markdown.render(REGRESSED)
    assert "<script>" not in said
    assert "&lt;script&gt;" in said
    row = next(line for line in said.splitlines() if "overhead.py" in line and line.startswith("|"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 4


@pytest.mark.parametrize("one", [PASSED, REGRESSED, INVALID])
def test_markdown_renders_to_the_words_of_the_other_formats(one: Summary) -> None:
    """What is escaped is shown as it was."""
    result = words.gate_of(one.gate)
    shown = rendered(markdown.render(one))
    for said in (words.headline(result), *words.notes(result), words.procedure(result), words.errors(result)):
        assert " ".join(said.replace("\0", "\ufffd").split()) in shown


@pytest.mark.parametrize("gate", [PASSED, REGRESSED], ids=["pass", "regression"])
def test_every_format_has_the_same_words_for_each_metric(gate: Summary) -> None:
    """Its name, change, interval, limit and verdict; JUnit has no case for what is for information."""
    result = words.gate_of(gate.gate)
    xml = ElementTree.fromstring(junit.render(gate))
    messages = " ".join([*(e.get("message", "") for e in xml.iter()), *(e.text or "" for e in xml.iter())])
    for metric in result.metrics:
        row = words.metric_words(metric)
        (line,) = (
            text for text in terminal.render(gate, colour=False).splitlines() if text.startswith(f"{row.name}  ")
        )
        for text in (row.change, row.interval, row.limit, row.verdict):
            assert text in line
            assert text in rendered(markdown.render(gate))
        assert (f"{row.difference}, limit {row.limit}: {row.verdict}" in messages) == (metric.role != "informational")


EQUAL = summary(environment_changes=())
CHANGES = (
    PackageChange(package="interpreter", base="Python 3.12.1", head="Python 3.13.0"),
    PackageChange(package="flask", base="3.0.3", head="3.1.2"),
    PackageChange(package="uvloop", base=None, head="0.22.1"),
    PackageChange(package="nltk", base="3.9", head=None),
)


def in_all_formats(gate: Summary) -> tuple[str, ...]:
    """What a reader sees of each format."""
    xml = ElementTree.fromstring(junit.render(gate))
    return terminal.render(gate, colour=False), rendered(markdown.render(gate)), "".join(xml.itertext())


def test_every_format_says_in_one_line_that_the_environments_are_equal() -> None:
    line = "Base and head run on equal environments: the same interpreter and the same packages."
    for text in in_all_formats(EQUAL):
        assert line in text


def test_every_format_says_what_differs_between_the_environments() -> None:
    differing = summary(environment_changes=CHANGES)
    said = "interpreter Python 3.12.1 → Python 3.13.0, flask 3.0.3 → 3.1.2, uvloop 0.22.1 added, nltk 3.9 removed."
    for text in in_all_formats(differing):
        assert said in text


def test_many_differences_between_the_environments_are_counted_and_listed_in_a_table() -> None:
    """A sentence of sixty packages is not read."""
    many = tuple(PackageChange(package=f"p{number}", base="1", head="2") for number in range(60))
    differing = summary(environment_changes=many)
    assert "p5 1 → 2, and 54 more." in terminal.render(differing, colour=False)
    page = markdown.render(differing)
    assert "60 differences between the environments" in page
    assert "| p59 | 1 | 2 |" in page


def test_environments_that_are_not_known_are_not_called_equal() -> None:
    """As in containers without Python."""
    assert "environment" not in terminal.render(summary(), colour=False)


def test_junit_has_a_case_a_metric_and_one_for_the_verdict() -> None:
    """Metrics for information are no tests; what was not decided is skipped."""
    suite = ElementTree.fromstring(junit.render(REGRESSED))[0]
    assert suite.attrib["tests"] == "4"
    assert suite.attrib["failures"] == "3"
    assert suite.attrib["skipped"] == "1"
    assert [case.attrib["name"] for case in suite] == [
        "CPU time per request",
        "median latency of /cake<script>",
        "p99 latency",
        "verdict",
    ]


def test_junit_of_a_pass_has_no_failure() -> None:
    """All green."""
    suite = ElementTree.fromstring(junit.render(PASSED))[0]
    assert (suite.attrib["failures"], suite.attrib["errors"], suite.attrib["skipped"]) == ("0", "0", "0")


def test_junit_can_be_read_whatever_a_server_said() -> None:
    """XML has no way to write a zero byte."""
    suite = ElementTree.fromstring(junit.render(INVALID))[0]
    assert suite.attrib["errors"] == "1"


def test_an_annotation_is_one_line() -> None:
    """GitHub reads commands line by line; percent signs and line ends are escaped."""
    said = terminal.annotation(INVALID)
    assert said.startswith("::warning title=Bakeoff gate::")
    assert "\n" not in said
    assert "%0A" in said
    assert "+5.0 %25" in terminal.annotation(REGRESSED)


def test_colours_only_where_asked_for() -> None:
    """A file or a pipe gets none."""
    assert "\033" not in terminal.render(REGRESSED, colour=False)
    assert "\033[1;31m" in terminal.render(REGRESSED, colour=True)


def test_answers_that_differ_come_before_any_number() -> None:
    """A head that does other work is not simply faster or slower."""
    result = msgspec.structs.replace(words.gate_of(PASSED.gate), differences=("GET /: body is 'pie'",))
    differing = msgspec.structs.replace(PASSED, gate=result)
    said = "Base and head answer differently, so they may not do the same work: GET /: body is 'pie'."
    assert terminal.render(differing, colour=False).splitlines()[1] == said
    comment = rendered(markdown.render(differing))
    assert comment.index("Base and head answer differently") < comment.index("95 % interval")
