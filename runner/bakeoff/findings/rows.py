"""The rows of a run: one table per scenario and load, with the reason for every number that is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bakeoff.analysis import METRICS, RUN_METRICS, percentile_title
from bakeoff.findings.grid import Cell, Grid, Head, make_grid, missing, ratio_cell
from bakeoff.findings.numerals import at_least, confidence, count, interval, number, percent
from bakeoff.model import ALL_ENDPOINTS, Comparison, Condition, Estimate, Metric, Result, Run

PERCENTILE = re.compile(r"\bp(\d+(?:\.\d+)?)\b")
"""The percentile that a reason begins with."""


def result_grids(run: Run) -> tuple[Grid, ...]:
    """One grid per condition; one row per stack, all endpoints together."""
    return tuple(_result_grid(run, condition) for condition in run.conditions)


def endpoint_grids(run: Run) -> tuple[Grid, ...]:
    """One grid per condition with more than one endpoint; one row per stack and endpoint."""
    return tuple(_endpoint_grid(run, condition) for condition in run.conditions if len(run.endpoints(condition)) > 1)


def comparison_grid(run: Run) -> Grid:
    """Every comparison over all endpoints, one row each."""
    heads = (
        Head("load", numeric=False),
        Head("metric", numeric=False),
        Head("candidate", numeric=False),
        Head("against baseline", "ratio and interval"),
        Head("p", "two-sided, corrected"),
        Head("verdict", numeric=False),
    )
    rows = [
        _comparison_cells(run.title(condition), comparison, run.manifest.experiment.margin)
        for condition in run.conditions
        for metric in RUN_METRICS
        for comparison in run.comparisons(condition, metric)
    ]
    return make_grid("Every comparison", heads, rows)


def _comparison_cells(title: str, comparison: Comparison, margin: float) -> tuple[Cell, ...]:
    ratio = ratio_cell(comparison.ratio)
    return (
        Cell(title),
        Cell(METRICS[comparison.metric].label),
        Cell(comparison.candidate),
        Cell(ratio.text, interval(comparison.ratio) or confidence(comparison.ratio)),
        Cell(number(comparison.p_value)),
        verdict_cell(comparison, margin),
    )


# --- one row ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One stack at one endpoint, with what its cells are made from."""

    stack: str
    interface: str
    endpoint: str
    result: Result | None
    comparison: Comparison | None
    baseline: str
    baseline_valid: bool
    margin: float
    """Relative difference below which two stacks are equivalent."""

    @property
    def valid(self) -> Result | None:
        """The result, where it may be shown."""
        return self.result if self.result is not None and self.result.valid else None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the row as a whole, or a number of it, is missing."""
        if self.result is None:
            return ("nothing was recorded",)
        return tuple(reason for reason in self.result.withheld if not PERCENTILE.match(reason)) or ("not recorded",)

    def percentile(self, name: str, estimate: Estimate | None) -> Cell:
        """A percentile over its interval, with what was recorded about it, or why it is missing."""
        about = reasons_about(name, self.result)
        if estimate is None or self.valid is None:
            return missing(*(about or self.reasons))
        if name in self.valid.latency_ms.at_least:
            return Cell(at_least(estimate.point), reasons=about)
        return Cell(number(estimate.point), interval(estimate), reasons=about)


def reasons_about(percentile: str, result: Result | None) -> tuple[str, ...]:
    """What was recorded about one percentile: why it is missing, or has no interval."""
    withheld, title = result.withheld if result is not None else (), percentile_title(percentile)
    return tuple(reason for reason in withheld if (match := PERCENTILE.match(reason)) and match[0] == title)


def _row(run: Run, condition: Condition, stack: str, endpoint: str) -> Row:
    comparisons = run.comparisons(condition, condition.main_metric, endpoint)
    return Row(
        stack=stack,
        interface=run.interface_of(stack) or "",
        endpoint=endpoint,
        result=run.result(condition, stack, endpoint),
        comparison=next((comparison for comparison in comparisons if comparison.candidate == stack), None),
        baseline=run.summary.baseline,
        baseline_valid=run.is_valid(condition, run.summary.baseline),
        margin=run.manifest.experiment.margin,
    )


# --- columns ---------------------------------------------------------------------------------------------------------

Column = tuple[Head, Callable[[Row], Cell]]


def _metric(metric: Metric, rank: int = 0) -> Column:
    definition = METRICS[metric]

    def cell(row: Row) -> Cell:
        estimate = definition.of_result(row.valid) if row.valid else None
        if definition.percentile is not None:
            return row.percentile(definition.percentile, estimate)
        return missing(*row.reasons) if estimate is None else Cell(number(estimate.point), interval(estimate))

    return Head(definition.heading, definition.unit, rank=rank), cell


def _stack(row: Row) -> Cell:
    return Cell(row.stack, row.interface, kind=row.interface)


def _ratio(row: Row) -> Cell:
    if row.stack == row.baseline:
        return Cell("baseline", kind="quiet")
    if row.comparison is not None:
        return ratio_cell(row.comparison.ratio)
    if row.valid is None:
        return missing(*row.reasons)
    if not row.baseline_valid:
        return missing(f"the baseline, {row.baseline}, has no valid row here")
    return missing("no comparison with the baseline was made")


def _verdict(row: Row) -> Cell:
    return Cell("") if row.comparison is None else verdict_cell(row.comparison, row.margin)


def verdict_cell(comparison: Comparison, margin: float) -> Cell:
    """A verdict; that of two equal stacks says how equal they are."""
    words = f"equivalent within {percent(margin)}" if comparison.verdict == "same" else comparison.verdict
    return Cell(words, kind=comparison.verdict)


def _p999(row: Row) -> Cell:
    return row.percentile("p999", row.valid.latency_ms.p999 if row.valid else None)


def _longest(row: Row) -> Cell:
    latency = row.valid.latency_ms if row.valid else None
    if latency is None or latency.max is None:
        return missing(*row.reasons)
    return Cell(at_least(latency.max) if "max" in latency.at_least else number(latency.max))


def _memory(row: Row) -> Cell:
    if row.valid is None or row.valid.rss_mib is None:
        return missing(*row.reasons)
    return Cell(number(row.valid.rss_mib))


def _reuse(row: Row) -> Cell:
    if row.valid is None or row.valid.reuse_ratio is None:
        return missing(*row.reasons)
    return Cell(percent(row.valid.reuse_ratio))


def _errors(row: Row) -> Cell:
    if row.result is None or not row.result.requests:
        return missing("no request was sent") if row.valid else missing(*row.reasons)
    errors = row.result.errors
    return Cell(count(errors), percent(errors / row.result.requests), kind="bad") if errors else Cell("0")


def _bound(row: Row) -> Cell:
    if row.valid is None:
        return missing(*row.reasons)
    bound = row.valid.bound
    if bound is None:
        return missing("no bound: the unloaded latency is not known")
    return Cell(number(bound.rps), "CPU" if bound.by == "cpu" else bound.by)


STACK: Column = (Head("stack", numeric=False), _stack)
ENDPOINT: Column = (Head("endpoint", numeric=False), lambda row: Cell(row.endpoint))
THROUGHPUT = _metric("throughput")
VERDICT: Column = (Head("verdict", numeric=False, rank=2), _verdict)
LATENCY = (_metric("latency_p50", 1), _metric("latency_p90", 5), _metric("latency_p99", 2))
P999: Column = (Head("p99.9", "ms", rank=10), _p999)
LONGEST: Column = (Head("longest", "ms", rank=9), _longest)
SERVER: tuple[Column, ...] = (
    _metric("cpu_per_request", 3),
    (Head("memory", "MiB", rank=6), _memory),
    (Head("reuse", "of conn.", rank=8), _reuse),
)
ERRORS: Column = (Head("errors", rank=4), _errors)
BOUND: Column = (Head("bound", "requests/s", rank=7), _bound)


def _ratio_column(condition: Condition) -> Column:
    return (Head("vs baseline", METRICS[condition.main_metric].heading), _ratio)


def _result_grid(run: Run, condition: Condition) -> Grid:
    rows = [_row(run, condition, stack, ALL_ENDPOINTS) for stack in run.stack_names]
    columns = [STACK, THROUGHPUT, _ratio_column(condition), VERDICT, *_latency(rows), *SERVER, ERRORS, BOUND]
    return _grid(run.title(condition), columns, rows)


def _endpoint_grid(run: Run, condition: Condition) -> Grid:
    rows = [
        _row(run, condition, stack, endpoint)
        for endpoint in run.endpoints(condition)
        for stack in run.stack_names
        if run.result(condition, stack, endpoint)
    ]
    columns = [ENDPOINT, STACK, THROUGHPUT, _ratio_column(condition), VERDICT, *_latency(rows), ERRORS]
    return _grid(f"{run.title(condition)}, by endpoint", columns, rows)


def _latency(rows: Iterable[Row]) -> tuple[Column, ...]:
    """The columns of the latency: few runs have enough requests for p99.9."""
    quoted = any(row.valid is not None and row.valid.latency_ms.p999 for row in rows)
    return (*LATENCY, P999, LONGEST) if quoted else (*LATENCY, LONGEST)


def _grid(title: str, columns: list[Column], rows: Iterable[Row]) -> Grid:
    return make_grid(title, [head for head, _ in columns], [[cell(row) for _, cell in columns] for row in rows])
