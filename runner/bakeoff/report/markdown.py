"""``report.md``: the same report where Markdown is read, such as a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bakeoff.findings import diagnoses, facts, fairness, story, why
from bakeoff.findings.answer import answer
from bakeoff.findings.context import INTERFACES, brackets, context
from bakeoff.findings.failures import failures
from bakeoff.model import Failure, Run
from bakeoff.report import grid
from bakeoff.report.figures import Picture
from bakeoff.report.grid import Cell, Grid, Head
from bakeoff.report.markup import bullets, folded, plain

SHOWN = 4
"""The highest rank of a column that still fits the width of a pull request."""


def render(run: Run, pictures: tuple[Picture, ...]) -> bytes:
    """The whole report; its pictures are files beside it."""
    parts = [
        *_answer(run),
        *_how_sure(run),
        *_results(run),
        *_why(run),
        *_pictures(pictures),
        *_timeline(run),
        *_failures(run),
        *_fairness(run),
        *_method(run),
        *_machine(run),
    ]
    return ("\n\n".join(parts) + "\n").encode()


# --- sections --------------------------------------------------------------------------------------------------------


def _answer(run: Run) -> Iterator[str]:
    yield f"# {plain(run.summary.experiment)}: {plain(answer(run))}"
    yield f"*{plain(INTERFACES)}*"
    yield from (plain(sentence) for sentence in context(run))
    if caption := brackets(run):
        yield f"*{plain(caption)}*"


def _how_sure(run: Run) -> Iterator[str]:
    yield "## How sure is this?"
    warnings = [f"About the machine: {warning}." for warning in run.manifest.machine.warnings]
    yield bullets([*facts.how_sure(run), *warnings])
    found = facts.withheld(run)
    if found:
        yield "What was withheld, and why:"
        yield bullets(
            each.reason if len(each.places) == 1 else f"{each.reason} ({len(each.places)} places)" for each in found
        )
        yield folded("Where", bullets(f"{each.reason}: {place}" for each in found for place in each.places))


def _results(run: Run) -> Iterator[str]:
    yield "## Results"
    whole = grid.result_grids(run)
    for each in whole:
        yield f"### {plain(each.title)}"
        yield from table(grid.narrowed(each, SHOWN))
    everything = [part for each in (*whole, *grid.endpoint_grids(run)) for part in _titled(each)]
    if everything:
        yield folded("Every column and every endpoint", "\n\n".join(everything))
    compared = grid.comparison_grid(run)
    if compared.rows:
        yield folded(f"Every comparison with the baseline, {run.summary.baseline}", "\n\n".join(table(compared)))


def _why(run: Run) -> Iterator[str]:
    reasons = why.by_case(run)
    if reasons:
        yield "## Why"
    for title, several in reasons:
        yield f"**{plain(title)}**"
        yield "\n".join(
            f"- **{plain(each.stack)}**: {plain(each.binds)} *To go beyond: {plain(each.change)}*" for each in several
        )
    found = diagnoses.diagnoses(run)
    if found:
        yield "**Diagnoses**"
        yield "\n".join(
            f"- **{plain(each.stack)}: {plain(each.name)}.** {plain(each.evidence)} *Remedy: {plain(each.remedy)}*"
            for each in found
        )


def _fairness(run: Run) -> Iterator[str]:
    yield "## Was it fair?"
    yield from table(grid.fairness_grid(run))
    differences = fairness.mismatches(run)
    if differences:
        yield bullets(differences)


def _titled(each: Grid) -> list[str]:
    return [f"**{plain(each.title)}**", *table(each)]


def _pictures(pictures: Iterable[Picture]) -> Iterator[str]:
    yield "## Pictures"
    for picture in pictures:
        yield f"![{plain(f'{picture.title}. {picture.alt}')}](figures/{picture.name}.png)"


def _timeline(run: Run) -> Iterator[str]:
    if run.timelines:
        yield "## Who waited for whom"
        yield story.QUESTION
        yield "\n".join(
            f"- **{plain(each.stack)}** ({each.interface}): {plain(story.tell(each))}" for each in run.timelines
        )


def _failures(run: Run) -> Iterator[str]:
    found = failures(run)
    if found:
        yield "## What failed"
    for failure in found:
        yield f"**{plain(failure.title)}**: {plain(failure.failure.message)}"
        yield from _log(failure.failure)


def _log(failure: Failure) -> Iterator[str]:
    if failure.log:
        fence = "`" * max(3, 1 + max((len(ticks) for ticks in re.findall("`+", failure.log)), default=0))
        yield folded("The end of the server's log", f"{fence}text\n{failure.log.rstrip()}\n{fence}")


def _method(run: Run) -> Iterator[str]:
    yield "## How it was measured"
    yield "\n".join(f"- **{point}.** {plain(text)}" for point, text in facts.method(run))
    yield from table(grid.stack_grid(run))


def _machine(run: Run) -> Iterator[str]:
    yield "## Where and when"
    versions = [", ".join(f"{name} {version}" for name, version in sorted(run.manifest.machine.versions.items()))]
    pairs = [*facts.machine(run), *facts.about(run), *[("versions", text) for text in versions if text]]
    yield bullets(f"{name}: {value}" for name, value in pairs)
    yield "Raw files: " + ", ".join(f"[{path}]({path})" for path, _ in facts.RAW_FILES if path != "report.md") + "."


# --- Markdown --------------------------------------------------------------------------------------------------------


def table(each: Grid) -> Iterator[str]:
    """A table, then its footnotes."""
    rules = ["---:" if head.numeric else ":---" for head in each.heads]
    rows = [[_head(head) for head in each.heads], rules, *([_cell(cell) for cell in row] for row in each.rows)]
    yield "\n".join(f"| {' | '.join(row)} |" for row in rows)
    if each.notes:
        yield "  \n".join(f"<sup>{mark}</sup> {plain(note)}" for mark, note in enumerate(each.notes, start=1))


def _head(head: Head) -> str:
    return plain(f"{head.title} ({head.unit})" if head.unit else head.title)


def _cell(cell: Cell) -> str:
    marks = f"<sup>{','.join(map(str, cell.marks))}</sup>" if cell.marks else ""
    detail = cell.detail if cell.detail.startswith("[") or not cell.detail else f"({cell.detail})"
    return plain(f"{cell.text} {detail}") + marks
