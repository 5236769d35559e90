"""Tables as readers see them: cells of text, units in the heads, and a footnote wherever a number is missing.

One grid is shown alike by every format, so what the page says, the pull request and the terminal say too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from bakeoff.findings import fairness, story
from bakeoff.findings.numerals import DASH, TIMES, bounds, confidence, count, merged, number, percent, shape
from bakeoff.model import ALL_ENDPOINTS, Comparison, Condition, Estimate, Metric, Result, Run, Stack, Timeline


@dataclass(frozen=True)
class Cell:
    """One field: its text, a second line in small print, the footnotes that explain it, and a word for its style."""

    text: str
    detail: str = ""
    marks: tuple[int, ...] = ()
    kind: str = ""

    @property
    def missing(self) -> bool:
        """Whether a number was withheld or never measured."""
        return self.text == DASH


@dataclass(frozen=True)
class Head:
    """A column's name and unit."""

    title: str
    unit: str = ""
    numeric: bool = True
    rank: int = 0
    """Where there is no room for all columns, those of the highest rank go first; 0 always stays."""


@dataclass(frozen=True)
class Grid:
    """One table."""

    title: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    """Footnotes; the first has mark 1."""


MISSING = Cell(DASH)


# --- what a row is made from -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One stack at one endpoint, before it is written out."""

    stack: str
    interface: str
    endpoint: str
    result: Result | None
    comparison: Comparison | None
    baseline: str
    baseline_valid: bool


def _line(run: Run, case: Condition, stack: str, endpoint: str) -> Line:
    found = run.comparisons(case, case.main_metric, endpoint)
    return Line(
        stack=stack,
        interface=run.interface_of(stack) or "",
        endpoint=endpoint,
        result=run.result(case, stack, endpoint),
        comparison=next((each for each in found if each.candidate == stack), None),
        baseline=run.summary.baseline,
        baseline_valid=run.is_valid(case, run.summary.baseline),
    )


# --- columns ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A head, how its cells are made, and why one of them is missing."""

    head: Head
    cell: Callable[[Line], Cell]
    reasons: Callable[[Line], Sequence[str]]


def estimated(estimate: Estimate | None) -> Cell:
    """A number over its interval."""
    return MISSING if estimate is None else Cell(number(estimate.point), bounds(estimate))


def _of_result(write: Callable[[Result], Cell]) -> Callable[[Line], Cell]:
    return lambda line: write(line.result) if line.result is not None and line.result.valid else MISSING


def _memory(row: Result) -> Cell:
    return Cell(number(row.rss_mib))


def _reuse(row: Result) -> Cell:
    return MISSING if row.reuse_ratio is None else Cell(percent(row.reuse_ratio))


def _bound(row: Result) -> Cell:
    return (
        MISSING if row.bound is None else Cell(number(row.bound.rps), "CPU" if row.bound.by == "cpu" else row.bound.by)
    )


def _errors(line: Line) -> Cell:
    row = line.result
    if row is None or not row.requests:
        return MISSING
    return Cell(
        count(row.errors), percent(row.errors / row.requests) if row.errors else "", kind="bad" * bool(row.errors)
    )


def _ratio(line: Line) -> Cell:
    if line.stack == line.baseline:
        return Cell("baseline", kind="quiet")
    each = line.comparison
    return MISSING if each is None else Cell(f"{number(each.ratio.point)} {TIMES}", bounds(each.ratio))


def _verdict(line: Line) -> Cell:
    return Cell("") if line.comparison is None else Cell(line.comparison.verdict, kind=line.comparison.verdict)


PERCENTILE = re.compile(r"\bp(\d+(?:\.\d+)?)\b")


def _row_reasons(line: Line) -> Sequence[str]:
    """What was said about the row as a whole."""
    if line.result is None:
        return ("nothing was recorded",)
    return [reason for reason in line.result.withheld if not PERCENTILE.match(reason)] or ("not recorded",)


def _percentile_reasons(name: str) -> Callable[[Line], Sequence[str]]:
    """What was said about one percentile, else about the row."""

    def reasons(line: Line) -> Sequence[str]:
        said = line.result.withheld if line.result is not None else ()
        own = [reason for reason in said if (found := PERCENTILE.match(reason)) and found[1] == name]
        return own or _row_reasons(line)

    return reasons


def _ratio_reasons(line: Line) -> Sequence[str]:
    if line.result is None or not line.result.valid:
        return _row_reasons(line)
    if not line.baseline_valid:
        return (f"the baseline, {line.baseline}, has no valid row here",)
    return ("no comparison with the baseline was made",)


def _no_reasons(line: Line) -> Sequence[str]:
    return ("no request was sent",) if line.result is not None and line.result.valid else _row_reasons(line)


def _bound_reasons(line: Line) -> Sequence[str]:
    if line.result is None or not line.result.valid:
        return _row_reasons(line)
    return ("no bound: the unloaded latency is not known",)


def _stack(line: Line) -> Cell:
    return Cell(line.stack, line.interface, kind=line.interface)


STACK = Column(Head("stack", numeric=False), _stack, _row_reasons)
ENDPOINT = Column(Head("endpoint", numeric=False), lambda line: Cell(line.endpoint), _row_reasons)
THROUGHPUT = Column(
    Head("throughput", "requests/s"), _of_result(lambda row: estimated(row.throughput_rps)), _row_reasons
)
LATENCY = (
    Column(Head("p50", "ms", rank=1), _of_result(lambda row: estimated(row.latency_ms.p50)), _percentile_reasons("50")),
    Column(Head("p90", "ms", rank=5), _of_result(lambda row: estimated(row.latency_ms.p90)), _percentile_reasons("90")),
    Column(Head("p99", "ms", rank=2), _of_result(lambda row: estimated(row.latency_ms.p99)), _percentile_reasons("99")),
)
OF_THE_SERVER = (
    Column(Head("CPU", "ms/request", rank=3), _of_result(lambda row: estimated(row.cpu_ms_per_request)), _row_reasons),
    Column(Head("memory", "MiB", rank=6), _of_result(_memory), _row_reasons),
    Column(Head("reuse", "of conn.", rank=8), _of_result(_reuse), _row_reasons),
)
ERRORS = Column(Head("errors", rank=4), _errors, _no_reasons)
BOUND = Column(Head("bound", "requests/s", rank=7), _of_result(_bound), _bound_reasons)
VERDICT = Column(Head("verdict", numeric=False, rank=2), _verdict, _row_reasons)
METRICS: dict[Metric, str] = {
    "throughput": "requests/s",
    "latency_p50": "p50",
    "latency_p90": "p90",
    "latency_p99": "p99",
    "cpu_per_request": "CPU/request",
}


def _ratio_column(case: Condition) -> Column:
    return Column(Head("vs baseline", METRICS[case.main_metric]), _ratio, _ratio_reasons)


# --- grids -----------------------------------------------------------------------------------------------------------


def result_grids(run: Run) -> tuple[Grid, ...]:
    """One grid per scenario and load; one row per stack, all endpoints together."""
    return tuple(_result_grid(run, case) for case in run.conditions)


def _result_grid(run: Run, case: Condition) -> Grid:
    lines = [_line(run, case, stack, ALL_ENDPOINTS) for stack in run.stack_names]
    columns = [STACK, THROUGHPUT, _ratio_column(case), VERDICT, *LATENCY, *OF_THE_SERVER, ERRORS, BOUND]
    return _written(run.title(case), columns, lines)


def endpoint_grids(run: Run) -> tuple[Grid, ...]:
    """One grid per scenario and load that has several endpoints; one row per stack and endpoint."""
    return tuple(_endpoint_grid(run, case) for case in run.conditions if len(run.endpoints(case)) > 1)


def _endpoint_grid(run: Run, case: Condition) -> Grid:
    lines = [
        _line(run, case, stack, endpoint)
        for endpoint in run.endpoints(case)
        for stack in run.stack_names
        if run.result(case, stack, endpoint)
    ]
    columns = [ENDPOINT, STACK, THROUGHPUT, _ratio_column(case), VERDICT, *LATENCY, ERRORS]
    return _written(f"{run.title(case)}, by endpoint", columns, lines)


def _written(title: str, columns: Sequence[Column], lines: Iterable[Line]) -> Grid:
    """Lines written out as cells, and the reasons for the missing ones collected as footnotes."""
    rows = [[(column.cell(line), column.reasons(line)) for column in columns] for line in lines]
    notes = _notes(reason for row in rows for cell, reasons in row if cell.missing for reason in reasons)
    return Grid(
        title=title,
        heads=tuple(column.head for column in columns),
        rows=tuple(tuple(_marked(cell, reasons, list(notes)) for cell, reasons in row) for row in rows),
        notes=tuple(notes.values()),
    )


def _notes(reasons: Iterable[str]) -> dict[str, str]:
    """One footnote for all reasons that differ only in their numbers, by what they have in common."""
    alike: dict[str, list[str]] = {}
    for reason in reasons:
        alike.setdefault(shape(reason), []).append(reason)
    return {common: merged(several) for common, several in alike.items()}


def _marked(cell: Cell, reasons: Sequence[str], shapes: Sequence[str]) -> Cell:
    marks = dict.fromkeys(shapes.index(shape(reason)) + 1 for reason in reasons) if cell.missing else ()
    return replace(cell, marks=tuple(marks))


def narrowed(whole: Grid, rank: int) -> Grid:
    """A grid with only the columns up to a rank, and only the footnotes that those need."""
    kept = [at for at, head in enumerate(whole.heads) if head.rank <= rank]
    used = sorted({mark for row in whole.rows for at in kept for mark in row[at].marks})
    renumbered = {mark: at for at, mark in enumerate(used, start=1)}
    return Grid(
        title=whole.title,
        heads=tuple(whole.heads[at] for at in kept),
        rows=tuple(tuple(_renumbered(row[at], renumbered) for at in kept) for row in whole.rows),
        notes=tuple(whole.notes[mark - 1] for mark in used),
    )


def _renumbered(cell: Cell, marks: dict[int, int]) -> Cell:
    return replace(cell, marks=tuple(marks[mark] for mark in cell.marks))


def comparison_grid(run: Run) -> Grid:
    """Every comparison over all endpoints, one row each."""
    heads = (
        Head("load", numeric=False),
        Head("metric", numeric=False),
        Head("candidate", numeric=False),
        Head("against baseline", "ratio and interval"),
        Head("p", "two-sided, Holm"),
        Head("verdict", numeric=False),
    )
    rows = (
        _comparison_cells(run, case, each)
        for case in run.conditions
        for metric in METRICS
        for each in run.comparisons(case, metric)
    )
    return Grid("Every comparison", heads, tuple(rows))


def _comparison_cells(run: Run, case: Condition, each: Comparison) -> tuple[Cell, ...]:
    return (
        Cell(run.title(case)),
        Cell(METRICS[each.metric]),
        Cell(each.candidate),
        Cell(f"{number(each.ratio.point)} {TIMES}", bounds(each.ratio) or confidence(each.ratio)),
        Cell(number(each.p_value)),
        Cell(each.verdict, kind=each.verdict),
    )


def fairness_grid(run: Run) -> Grid:
    """What each stack was seen to work with."""
    heads = (
        Head("stack", numeric=False),
        Head("processes", "seen"),
        Head("threads", "seen"),
        Head("slots", "requests at a time"),
        Head("reuse", "of connections"),
        Head("event loop", numeric=False),
        Head("HTTP parser", numeric=False),
    )
    rows = [_fairness_cells(one) for one in fairness.conditions(run)]
    notes = ("not observed",) if any(cell.missing for row in rows for cell in row) else ()
    return Grid("Conditions", heads, tuple(tuple(_marked(cell, notes, notes) for cell in row) for row in rows), notes)


def _fairness_cells(one: fairness.Conditions) -> tuple[Cell, ...]:
    return (
        Cell(one.stack.name, one.stack.interface, kind=one.stack.interface),
        Cell(DASH if one.processes is None else count(one.processes)),
        Cell(DASH if one.threads is None else count(one.threads)),
        Cell("no limit" if one.slots is None else count(one.slots)),
        Cell(DASH if one.reuse_ratio is None else percent(one.reuse_ratio)),
        Cell(one.loop or DASH),
        Cell(one.parser or DASH),
    )


def stack_grid(run: Run) -> Grid:
    """How each stack was set up, and how soon it could serve."""
    heads = (
        Head("stack", numeric=False),
        Head("app", numeric=False),
        Head("server", numeric=False),
        Head("workers"),
        Head("threads", "a worker"),
        Head("ready after", "s, median"),
    )
    rows = [_stack_cells(run, stack) for stack in run.manifest.experiment.stacks]
    notes = ("not recorded",) if any(cell.missing for row in rows for cell in row) else ()
    return Grid("The stacks", heads, tuple(tuple(_marked(cell, notes, notes) for cell in row) for row in rows), notes)


def _stack_cells(run: Run, stack: Stack) -> tuple[Cell, ...]:
    ready = sorted(block.ready_s[stack.name] for block in run.blocks if stack.name in block.ready_s)
    options = [f"{name}={value}" for name, value in {**stack.options, **stack.env}.items()]
    return (
        Cell(stack.name, stack.interface, kind=stack.interface),
        Cell(stack.app or stack.url or " ".join(stack.command) or DASH),
        Cell(stack.server or ("runs already" if stack.url else "own command"), ", ".join(options)),
        Cell(DASH if stack.url else count(stack.workers)),
        Cell(DASH if stack.url else count(stack.threads)),
        Cell(number(ready[len(ready) // 2] if ready else None)),
    )


def step_grids(run: Run) -> tuple[Grid, ...]:
    """One grid per timeline: every step in the order in which they started."""
    return tuple(_step_grid(timeline) for timeline in run.timelines)


def _step_grid(timeline: Timeline) -> Grid:
    heads = (
        Head("request", numeric=False),
        Head("step"),
        Head("name", numeric=False),
        Head("from", "ms"),
        Head("to", "ms"),
    )
    names = story.request_names(timeline)
    steps = [
        (step.start_s, step.end_s, names[at], number_, step.name)
        for at, request in enumerate(timeline.requests)
        for number_, step in enumerate(request.steps, start=1)
    ]
    rows = (
        (Cell(request), Cell(str(number_)), Cell(name), Cell(f"{1e3 * start:.1f}"), Cell(f"{1e3 * end:.1f}"))
        for start, end, request, number_, name in sorted(steps)
    )
    return Grid(timeline.stack, heads, tuple(rows))


def oracle_grid(run: Run) -> Grid:
    """What the load generator measured of servers whose answers were known beforehand."""
    heads = (
        Head("case", numeric=False),
        Head("what", numeric=False),
        Head("told"),
        Head("measured"),
        Head("right", numeric=False),
    )
    rows = (
        (
            Cell(each.case),
            Cell(each.what),
            Cell(number(each.asked)),
            Cell(number(each.measured)),
            Cell("yes" if each.ok else "no"),
        )
        for each in run.summary.generator.oracle
    )
    return Grid("The load generator against known answers", heads, tuple(rows))
