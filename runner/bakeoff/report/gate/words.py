"""A gate's result in words, written once: every format shows these texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bakeoff.analysis import METRICS
from bakeoff.model import ALL_ENDPOINTS, Estimate, GateComparison, GateMetric, GateResult, PackageChange

INFORMATIONAL = "for information"
PACKAGES_IN_SENTENCE = 6
VERDICTS = {"pass": "within limit", "regression": "regression", "inconclusive": "inconclusive", "invalid": "invalid"}
"""Of a single metric."""


@dataclass(frozen=True)
class MetricWords:
    """One metric at one endpoint, or at all of them."""

    name: str
    change: str
    interval: str
    limit: str
    """Empty where the metric is for information only."""
    verdict: str

    @property
    def difference(self) -> str:
        """The change with its interval: ``+2.1 % [+1.0 %, +3.2 %]``."""
        return f"{self.change} {self.interval}"


def gate_of(result: GateResult | None) -> GateResult:
    """The result that a gate's summary always has."""
    if result is None:
        raise ValueError("not the summary of a gate")
    return result


def headline(result: GateResult) -> str:
    """The verdict in a sentence."""
    if result.verdict == "pass":
        required = [row for row in result.metrics if row.role == "required" and row.endpoint == ALL_ENDPOINTS]
        return f"pass: {result.head} is no slower than {result.base} ({_differences(required, ', ')})"
    if result.verdict == "regression":
        worse = [row for row in result.metrics if row.verdict == "regression"]
        what = result.broken_head or _differences(worse, "; ") or _more_errors(result)
        return f"regression: {result.head} against {result.base}: {what}"
    return f"{result.verdict}: {'; '.join(result.reasons)}"


def different_answers(result: GateResult) -> tuple[str, ...]:
    """How base and head answer differently, a sentence each: it comes before any number."""
    return tuple(
        f"Base and head answer differently, so they may not do the same work: {difference}."
        for difference in result.differences
    )


def _differences(rows: Sequence[GateComparison], separator: str) -> str:
    return separator.join(f"{words.name} {words.difference}" for words in map(metric_words, rows))


def _more_errors(result: GateResult) -> str:
    base, head = result.errors["base"], result.errors["head"]
    return f"{head.errors} of {head.requests} requests failed, where {base.errors} of {base.requests} did before"


def metric_words(row: GateComparison) -> MetricWords:
    """A metric's row."""
    informational = row.role == "informational"
    return MetricWords(
        name=_name(row.metric, row.endpoint),
        change=_change(row.ratio.point),
        interval=_interval(row.ratio),
        limit="" if informational else f"{100 * row.limit:g} %",
        verdict=INFORMATIONAL if informational else VERDICTS[row.verdict],
    )


def errors(result: GateResult) -> str:
    """How many requests of each revision got no right answer."""
    return ", ".join(
        f"{side} {counts.errors} of {counts.requests:,} requests" for side, counts in result.errors.items()
    )


def procedure(result: GateResult) -> str:
    """What was done."""
    return (
        f"{result.stack}, both revisions up at once: {result.blocks} blocks in {result.seconds:.0f} s, "
        f"{result.users} users in turns (throughput), then {result.rate_rps:.3g} arrivals/s (CPU time, latencies)"
    )


def notes(result: GateResult) -> tuple[str, ...]:
    """What else a reader should know, a sentence each."""
    return tuple(_notes(result))


def package_change(change: PackageChange) -> str:
    """One package or the interpreter: ``flask 3.0.3 → 3.1.2``."""
    if change.base is None:
        return f"{change.package} {change.head} added"
    if change.head is None:
        return f"{change.package} {change.base} removed"
    return f"{change.package} {change.base} → {change.head}"


def environments(result: GateResult) -> str | None:
    """Whether the environments of base and head differ, and in what first; ``None`` where that is not known."""
    changes = result.environment_changes
    if changes is None:
        return None
    if not changes:
        return "Base and head run on equal environments: the same interpreter and the same packages."
    listed = ", ".join(map(package_change, changes[:PACKAGES_IN_SENTENCE]))
    more = f", and {len(changes) - PACKAGES_IN_SENTENCE} more" if len(changes) > PACKAGES_IN_SENTENCE else ""
    return f"The environments of base and head differ, which is part of the change: {listed}{more}."


def _notes(result: GateResult) -> Iterator[str]:
    if result.look_at_first:
        yield f"Look first at {result.look_at_first}."
    if result.confirmed:
        yield "Fresh blocks, measured after the regression was suspected, confirmed it."
    yield from (f"{reason[0].upper()}{reason[1:]}." for reason in result.reasons)
    visible = [
        f"{METRICS[row.metric].label} {_change(1 + row.smallest_visible)}"
        for row in result.metrics
        if row.endpoint == ALL_ENDPOINTS and row.role != "informational" and row.smallest_visible is not None
    ]
    if visible:
        yield f"The smallest change that would have been seen (19 times of 20): {', '.join(visible)}."
    if (difference := environments(result)) is not None:
        yield difference


def against_earlier(result: GateResult) -> tuple[str, tuple[str, ...]]:
    """The head against that of an earlier gate: a title, and a line for each metric; empty without one."""
    earlier = result.against
    if earlier is None:
        return "", ()
    title = f"Against {earlier.run_id}, measured at another time (weaker evidence, no verdict)"
    if earlier.mismatches:
        title += f"; beware: {'; '.join(earlier.mismatches)}"
    lines = tuple(
        f"{_name(row.metric, row.endpoint)} {_change(row.ratio.point)} {_interval(row.ratio)}"
        for row in earlier.findings
    )
    return title, lines


def _name(metric: GateMetric, endpoint: str) -> str:
    return METRICS[metric].label + ("" if endpoint == ALL_ENDPOINTS else f" of {endpoint}")


def _change(ratio: float | None) -> str:
    """A ratio as a change: ``+2.1 %``."""
    return "?" if ratio is None else f"{100 * (ratio - 1):+z.1f} %"


def _interval(ratio: Estimate) -> str:
    return f"[{_change(ratio.low)}, {_change(ratio.high)}]"
