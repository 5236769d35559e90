"""What follows the headline: ties, what limits the two stacks, missing stacks, and the results at other loads."""

from __future__ import annotations

from bakeoff.analysis import bounds
from bakeoff.findings.bottlenecks import limit
from bakeoff.findings.headline import achieved, at_load
from bakeoff.findings.numerals import number, percent, plural, ratio
from bakeoff.findings.pairs import best_relative, rivals, standing
from bakeoff.findings.row_context import RowContext, ms, row_context
from bakeoff.model import Comparison, Condition, Run

INTERFACES = (
    "WSGI and ASGI are the two interfaces between a Python server and an app. With WSGI, a request occupies a worker, "
    "or one of its threads, until it is answered, even while it only waits; with ASGI, a worker serves other requests "
    "meanwhile."
)
MOSTLY_WAITS = 0.5
"""Share of its unloaded latency below which a request's CPU time counts as small."""


def context(run: Run, comparison: Comparison | None) -> tuple[str, ...]:
    """A sentence or two on each subject, where there is something to say about the quoted comparison."""
    if comparison is None:
        return ()
    sentences = (
        *_ties(run, comparison),
        *_why(run, comparison),
        _same_app(run, comparison),
        _not_compared(run, comparison),
        *_other_loads(run, comparison),
    )
    return tuple(sentence for sentence in sentences if sentence)


def interval_note(run: Run) -> str:
    """How to read an interval; empty where there is none."""
    blocks = run.measured_blocks
    if blocks < 2:
        return ""
    level = percent(run.confidence_level)
    return (
        f"Brackets are {level} confidence intervals over {plural(blocks, 'block')}, each a fresh start of all stacks."
    )


def _condition(comparison: Comparison) -> Condition:
    return Condition(comparison.scenario, comparison.load)


def _ties(run: Run, comparison: Comparison) -> list[str]:
    """The stacks that do not differ clearly from the quoted one; the baseline's relatives are in the headline."""
    if comparison.metric != "throughput":
        return []
    margin, interface = run.manifest.experiment.margin, run.interface_of(comparison.baseline)
    return [
        f"{comparison.candidate} and {rival.stack} cannot be told apart: {ratio(rival.ratio)}."
        for rival in rivals(run, _condition(comparison), comparison.candidate)
        if run.interface_of(rival.stack) != interface and standing(rival.ratio, margin) != "apart"
    ]


# --- what limits them ------------------------------------------------------------------------------------------------


def _why(run: Run, comparison: Comparison) -> list[str]:
    """What limits the baseline, then what limits the quoted stack."""
    condition = _condition(comparison)
    baseline = row_context(run, condition, comparison.baseline)
    candidate = row_context(run, condition, comparison.candidate)
    if baseline is None or baseline.row.bound is None or baseline.row.bound.by == "load":
        return []
    cause = "is at its limit" if baseline.bound_reached else "is limited by something other than its bound"
    sentence = f"Why: {_mostly_waits(baseline)}{baseline.stack.name} {cause}. {limit(baseline)}"
    return [sentence, _capacity(candidate)] if candidate and candidate.row.bound else [sentence]


def _mostly_waits(context: RowContext) -> str:
    """That a request waits most of the time; empty where it computes, or where that is not known."""
    cpu = context.row.cpu_ms_per_request
    if not context.unloaded_s or cpu is None or cpu.point > MOSTLY_WAITS * context.unloaded_s * 1e3:
        return ""
    return (
        f"a request takes {ms(context.unloaded_s)} on average without load, {number(cpu.point)} ms of it CPU time; "
        "it mostly waits. "
    )


def _capacity(context: RowContext) -> str:
    """How many requests a stack can work on at once, and what limits it."""
    slots = bounds.slots(context.stack)
    amount = plural(slots, "request") if slots else "any number of requests"
    return f"{context.stack.name} can work on {amount} at once. {limit(context)}"


def _same_app(run: Run, comparison: Comparison) -> str:
    """What the baseline's own app gained from other settings alone, and what limits it then."""
    condition = _condition(comparison)
    relative = best_relative(run, comparison)
    context = row_context(run, condition, relative.stack) if relative else None
    if context is None or context.row.bound is None:
        return ""
    name = context.stack.name
    for gain in run.comparisons(condition, comparison.metric):
        if gain.candidate == name and gain.verdict in ("faster", "slower"):
            served = f"The same app on {name} served {ratio(gain.ratio)} the requests of {comparison.baseline}."
            return f"{served} {_capacity(context)}"
    return ""


# --- what is missing, and other loads --------------------------------------------------------------------------------


def _not_compared(run: Run, comparison: Comparison) -> str:
    """Which stacks could not be compared at the same load, and why."""
    condition = _condition(comparison)
    missing = [name for name in run.stack_names if not run.is_valid(condition, name)]
    reasons = [f"{name} ({_why_missing(run, condition, name)})" for name in missing]
    return f"Not compared: {'; '.join(reasons)}." if reasons else ""


def _why_missing(run: Run, condition: Condition, name: str) -> str:
    row = run.result(condition, name)
    return "; ".join(row.withheld).rstrip(".") if row is not None and row.withheld else "nothing was recorded"


def _other_loads(run: Run, quoted: Comparison) -> list[str]:
    """The results of the same candidate under every other condition."""
    return [
        _in_short(run, comparison)
        for condition in run.conditions
        if condition != _condition(quoted)
        for comparison in run.comparisons(condition, condition.main_metric)
        if comparison.candidate == quoted.candidate
    ]


def _in_short(run: Run, comparison: Comparison) -> str:
    place = at_load(run, comparison)
    result = f"{comparison.candidate} {achieved(comparison, comparison.baseline)}{_latencies(run, comparison)}"
    doubt = " (inconclusive)" if comparison.verdict == "inconclusive" else ""
    return f"{place[0].upper()}{place[1:]}, {result}{doubt}."


def _latencies(run: Run, comparison: Comparison) -> str:
    """The two times behind a ratio of latencies."""
    if comparison.metric == "throughput":
        return ""
    rows = [
        run.result(_condition(comparison), name, comparison.endpoint)
        for name in (comparison.candidate, comparison.baseline)
    ]
    known = [number(row.latency_ms.p50.point) for row in rows if row and row.latency_ms.p50]
    return f", {known[0]} ms instead of {known[1]} ms" if len(known) == 2 else ""
