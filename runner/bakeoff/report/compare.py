"""``compare.html`` and its short form for a terminal: runs side by side, each against the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bakeoff.analysis import METRICS, Change
from bakeoff.findings import facts
from bakeoff.findings.grid import MISSING, Cell, Grid, Head
from bakeoff.findings.headline import headline
from bakeoff.findings.numerals import DASH, TIMES, interval, number, plural, ratio
from bakeoff.findings.run_comparison import (
    ComparedCondition,
    ComparedMetric,
    ComparedRun,
    ComparedStack,
    RunComparison,
)
from bakeoff.model import Estimate, printable
from bakeoff.report.bars import Bar, DrawnBar, draw_bars
from bakeoff.report.drawing.palette import COOL, WARM
from bakeoff.report.html import environment

COLOURS = (COOL[0], WARM[0], COOL[2], WARM[2], WARM[1], COOL[1])
"""Of the runs; their letters tell them apart where colour does not."""
REFERENCE = "reference"
"""Stands in place of a verdict for the baseline that verdicts are relative to."""


# --- the page --------------------------------------------------------------------------------------------------------


class RunLink(NamedTuple):
    """A run on the page."""

    letter: str
    colour: str
    run_id: str
    address: str
    """Of its own report, relative to the page."""
    answer: str
    """What it says by itself."""


class Section(NamedTuple):
    """One scenario and load: the main metric as bars, and every metric as a table."""

    title: str
    unit: str
    bars: tuple[tuple[str, tuple[DrawnBar, ...]], ...]
    """For each stack, a bar for each run."""
    grid: Grid


def render_page(comparison: RunComparison, addresses: Sequence[str]) -> bytes:
    """The whole page. ``addresses`` are those of the runs' own reports, relative to it."""
    page = environment().get_template("compare.html.j2")
    return page.render(
        comparison=comparison,
        experiment=comparison.first.run.summary.experiment,
        runs=run_links(comparison, addresses),
        run_grid=run_grid(comparison),
        sections=sections(comparison),
        differences=difference_grid(comparison),
    ).encode()


def run_links(comparison: RunComparison, addresses: Sequence[str]) -> tuple[RunLink, ...]:
    """Every run with its colour, its address and its own answer."""
    return tuple(
        RunLink(run.letter, colour, run.run.manifest.run_id, address, headline(run.run).text)
        for run, colour, address in zip(comparison.runs, COLOURS, addresses, strict=False)
    )


def run_grid(comparison: RunComparison) -> Grid:
    """Which run is which."""
    heads = ("run", "started", "profile", "processor", "seed", "fingerprint")
    return Grid(
        labelled("The runs", comparison),
        tuple(Head(title, numeric=False) for title in heads),
        tuple(_run_cells(run) for run in comparison.runs),
    )


def _run_cells(run: ComparedRun) -> tuple[Cell, ...]:
    manifest = run.run.manifest
    return (
        Cell(f"{run.letter}: {manifest.run_id}", plural(run.run.measured_blocks, "block")),
        Cell(facts.moment(manifest.started_utc)),
        Cell(manifest.profile),
        Cell(manifest.machine.cpu_model, plural(manifest.machine.cores, "core")),
        Cell(str(manifest.seed)),
        Cell(run.fingerprint.digest),
    )


def difference_grid(comparison: RunComparison) -> Grid:
    """Every fact on which the runs do not agree."""
    heads = ("", "fact", *(run.letter for run in comparison.runs))
    rows = ((difference.part, difference.fact, *difference.values) for difference in comparison.differences)
    return Grid(
        "What differs",
        tuple(Head(title, numeric=False) for title in heads),
        tuple(tuple(Cell(text) for text in row) for row in rows),
    )


def labelled(title: str, comparison: RunComparison) -> str:
    """A table's title, with everything that a reader must know before they compare its columns."""
    return f"{title} ({', '.join(comparison.labels)})" if comparison.labels else title


def sections(comparison: RunComparison) -> tuple[Section, ...]:
    """One section for each scenario and load that all runs have."""
    return tuple(_section(comparison, condition) for condition in comparison.conditions)


def _section(comparison: RunComparison, condition: ComparedCondition) -> Section:
    title = labelled(condition.title, comparison)
    metric = METRICS[condition.main_metric]
    return Section(
        title=title,
        unit=f"{metric.heading}, {metric.unit}",
        bars=_bars(comparison, condition),
        grid=_metric_grid(comparison, condition, title),
    )


def _bars(comparison: RunComparison, condition: ComparedCondition) -> tuple[tuple[str, tuple[DrawnBar, ...]], ...]:
    """The main metric, all stacks and runs on one scale."""
    runs = list(zip(comparison.runs, COLOURS, strict=False))
    drawn = iter(
        draw_bars(
            Bar(run.letter, colour, estimate)
            for stack in condition.stacks
            for (run, colour), estimate in zip(runs, stack.of(condition.main_metric).estimates, strict=True)
        )
    )
    return tuple((stack.name, tuple(next(drawn) for _ in runs)) for stack in condition.stacks)


def _metric_grid(comparison: RunComparison, condition: ComparedCondition, title: str) -> Grid:
    heads = [Head("stack", numeric=False), Head("metric", numeric=False)]
    heads += [Head(run.letter) for run in comparison.runs]
    for run in comparison.others:
        over = _over(comparison, run)
        heads += [Head(over, "plain"), Head(over, "vs baseline"), Head("verdict", numeric=False)]
    metrics = [(stack, compared) for stack in condition.stacks for compared in stack.metrics]
    notes = tuple(
        dict.fromkeys(reason for _, compared in metrics for reasons in compared.reasons for reason in reasons)
    )
    rows = tuple(_metric_cells(stack, compared, notes) for stack, compared in metrics)
    return Grid(title, tuple(heads), rows, notes)


def _metric_cells(stack: ComparedStack, compared: ComparedMetric, notes: Sequence[str]) -> tuple[Cell, ...]:
    metric = METRICS[compared.metric]
    cells = [Cell(stack.name, stack.interface, kind=stack.interface), Cell(metric.heading, metric.unit)]
    for estimate, reasons in zip(compared.estimates, compared.reasons, strict=True):
        marks = tuple(notes.index(reason) + 1 for reason in reasons)
        if estimate is not None:
            cells.append(Cell(number(estimate.point), interval(estimate), marks))
        else:
            cells.append(Cell(DASH, marks=marks))
    for change in compared.changes:
        cells += _change_cells(change)
    return tuple(cells)


def _change_cells(change: Change | None) -> tuple[Cell, Cell, Cell]:
    """The plain ratio, the one that the verdict is about, and the verdict."""
    if change is None:
        return MISSING, MISSING, Cell("")
    if change.verdict is None:
        return _ratio_cell(change.plain), Cell(REFERENCE, kind="quiet"), Cell("")
    relative = _ratio_cell(change.ratio) if change.reference else MISSING
    return _ratio_cell(change.plain), relative, Cell(change.verdict, f"p {number(change.p_value)}", kind=change.verdict)


def _ratio_cell(estimate: Estimate) -> Cell:
    return Cell(f"{number(estimate.point)} {TIMES}", interval(estimate))


def _over(comparison: RunComparison, run: ComparedRun) -> str:
    return f"{run.letter} / {comparison.first.letter}"


# --- the terminal ----------------------------------------------------------------------------------------------------


def render_text(comparison: RunComparison) -> str:
    """The runs, each change of a main metric on a line, and the words of the page."""
    labels = [f"Beware: {', '.join(comparison.labels)}."] if comparison.labels else []
    paragraphs = (
        [f"{run.letter}  {run.run.manifest.run_id}" for run in comparison.runs],
        _aligned([_change_texts(comparison, run, change) for run in comparison.others for change in run.main_changes]),
        [*labels, *comparison.conclusions, *comparison.other_changes],
        comparison.cautions,
    )
    return "\n\n".join("\n".join(map(printable, lines)) for lines in paragraphs)


def _change_texts(comparison: RunComparison, run: ComparedRun, change: Change) -> tuple[str, ...]:
    relative = f"vs baseline {ratio(change.ratio)}" if change.reference and change.verdict else ""
    return (
        _over(comparison, run),
        change.stack,
        comparison.title(change),
        f"{METRICS[change.metric].heading} {ratio(change.plain)}",
        relative,
        change.verdict or REFERENCE,
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of texts as lines in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
