"""``report.md``: the same report where Markdown is read, such as a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING

from bakeoff.findings.grid import Cell, Grid, Head, narrowed
from bakeoff.findings.timeline_story import INTRODUCTION
from bakeoff.model import printable, printable_lines

if TYPE_CHECKING:
    from bakeoff.findings import Findings
    from bakeoff.report.figures import Picture

WIDEST_RANK = 4
"""The highest rank of a column that still fits the width of a pull request."""


def render(findings: Findings, pictures: tuple[Picture, ...]) -> bytes:
    """The whole report; its pictures are files beside it."""
    parts = [
        *_headline(findings),
        *_certainty(findings),
        *_results(findings),
        *_why(findings),
        *_charts(pictures),
        *_timelines(findings),
        *_failures(findings),
        *_fairness(findings),
        *_method(findings),
        *_machine(findings),
    ]
    return ("\n\n".join(parts) + "\n").encode()


# --- sections --------------------------------------------------------------------------------------------------------


def _headline(findings: Findings) -> Iterator[str]:
    yield f"# {plain(findings.experiment)}: {plain(findings.headline.text)}"
    yield f"*{plain(findings.interfaces)}*"
    yield from map(plain, findings.context)
    if findings.interval_note:
        yield f"*{plain(findings.interval_note)}*"


def _certainty(findings: Findings) -> Iterator[str]:
    yield "## How certain is this?"
    warnings = [f"About the machine: {warning}." for warning in findings.warnings]
    yield bullets([*findings.certainty, *warnings])
    if findings.withheld:
        yield "What was withheld, and why:"
        yield bullets(
            item.reason if len(item.places) == 1 else f"{item.reason} ({len(item.places)} places)"
            for item in findings.withheld
        )
        places = (f"{item.reason}: {place}" for item in findings.withheld for place in item.places)
        yield folded("Where", bullets(places))


def _results(findings: Findings) -> Iterator[str]:
    yield "## Results"
    for grid in findings.results:
        yield f"### {plain(grid.title)}"
        yield from table(narrowed(grid, WIDEST_RANK))
    complete = [*findings.results, *findings.endpoints]
    if complete:
        parts = [part for grid in complete for part in (f"**{plain(grid.title)}**", *table(grid))]
        yield folded("Every column and every endpoint", "\n\n".join(parts))
    if findings.comparisons.rows:
        title = f"Every comparison with the baseline, {findings.baseline}"
        yield folded(title, "\n\n".join(table(findings.comparisons)))


def _why(findings: Findings) -> Iterator[str]:
    if findings.bottlenecks:
        yield "## Why"
    for title, limits in findings.bottlenecks:
        yield f"**{plain(title)}**"
        yield "\n".join(
            f"- **{plain(limit.stack or '')}**: {plain(limit.text)} *To go beyond: {plain(limit.remedy)}*"
            for limit in limits
        )
    if findings.diagnoses:
        yield "**Diagnoses**"
        yield "\n".join(
            f"- **{plain(diagnosis.stack or '')}: {plain(diagnosis.name)}.** {plain(diagnosis.text)} "
            f"*Remedy: {plain(diagnosis.remedy)}*"
            for diagnosis in findings.diagnoses
        )


def _charts(pictures: Iterable[Picture]) -> Iterator[str]:
    yield "## Charts"
    for picture in pictures:
        yield f"![{plain(f'{picture.title}. {picture.alt}')}](figures/{picture.name}.png)"


def _timelines(findings: Findings) -> Iterator[str]:
    if findings.timelines:
        yield "## Who waited for whom"
        yield INTRODUCTION
        yield "\n".join(
            f"- **{plain(story.stack)}** ({story.interface}): {plain(story.text)}" for story in findings.timelines
        )


def _failures(findings: Findings) -> Iterator[str]:
    if findings.failures:
        yield "## What failed"
    for failure in findings.failures:
        yield f"**{plain(failure.title)}**: {plain(failure.failure.message)}"
        if failure.failure.log:
            yield folded("The end of the server's log", _fenced(failure.failure.log))


def _fairness(findings: Findings) -> Iterator[str]:
    yield "## Was it fair?"
    yield from table(findings.working_conditions)
    if findings.mismatches:
        yield bullets(mismatch.text for mismatch in findings.mismatches)
    if findings.workers.rows:
        yield "### How the work was spread"
        yield from table(findings.workers)


def _method(findings: Findings) -> Iterator[str]:
    yield "## How it was measured"
    yield "\n".join(f"- **{point}.** {plain(text)}" for point, text in findings.method)
    yield from table(findings.stacks)


def _machine(findings: Findings) -> Iterator[str]:
    yield "## Where and when"
    versions = ", ".join(f"{package} {version}" for package, version in findings.versions)
    pairs = [*findings.machine, *findings.about, *([("versions", versions)] if versions else [])]
    yield bullets(f"{name}: {value}" for name, value in pairs)
    yield "Raw files: " + ", ".join(f"[{path}]({path})" for path, _ in findings.raw_files if path != "report.md") + "."


# --- Markdown --------------------------------------------------------------------------------------------------------


def table(grid: Grid) -> Iterator[str]:
    """A table, then its footnotes."""
    rules = ["---:" if head.numeric else ":---" for head in grid.heads]
    rows = [[_head(head) for head in grid.heads], rules, *([_cell(cell) for cell in row] for row in grid.rows)]
    yield "\n".join(f"| {' | '.join(row)} |" for row in rows)
    if grid.notes:
        yield "  \n".join(f"<sup>{mark}</sup> {plain(note)}" for mark, note in enumerate(grid.notes, start=1))


def _head(head: Head) -> str:
    return plain(f"{head.title} ({head.unit})" if head.unit else head.title)


def _cell(cell: Cell) -> str:
    marks = f"<sup>{','.join(map(str, cell.marks))}</sup>" if cell.marks else ""
    detail = cell.detail if cell.detail.startswith("[") or not cell.detail else f"({cell.detail})"
    return plain(f"{cell.text} {detail}") + marks


def bullets(items: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {plain(item)}" for item in items)


def folded(summary: str, body: str) -> str:
    """A part that opens on request. Its title is HTML, in which Markdown is not interpreted."""
    title = escape(_on_one_line(summary))
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _fenced(text: str) -> str:
    """Text as it is, in a fence longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max((len(ticks) for ticks in re.findall("`+", text)), default=0))
    return f"{fence}text\n{printable_lines(text).rstrip()}\n{fence}"


def plain(text: str) -> str:
    """Text on one line, without any meaning in Markdown or HTML; it mentions no user and refers to no issue.

    GitHub looks for ``@name`` and ``#1`` after Markdown is rendered, when escapes are gone; an empty comment keeps the
    sign and the name apart (github.com/github/cmark-gfm/issues/181).
    """
    without_html = escape(_on_one_line(text), quote=False)
    without_marks = re.sub(r"([\\`*_|~#])", r"\\\1", without_html)
    # A bracket is harmless unless a target follows; intervals stay readable in the source.
    without_links = re.sub(r"\](?=[(:\[])", r"]\\", without_marks)
    return re.sub(r"([@#])(?=\w)", r"\1<!-- -->", without_links)


def _on_one_line(text: str) -> str:
    return printable(" ".join(text.split()))
