"""What limits each row, by the operational laws, and what would change it."""

from __future__ import annotations

from typing import NamedTuple

from bakeoff.findings.numerals import number, percent, plural
from bakeoff.findings.row_context import (
    RowContext,
    cores_words,
    ms,
    row_context,
    slots_words,
    threads_for,
)
from bakeoff.model import ClosedLoad, Condition, Finding, OpenLoad, Run, load_words


class Bottlenecks(NamedTuple):
    """What limits each stack under one condition."""

    title: str
    findings: tuple[Finding, ...]


def bottlenecks(run: Run) -> tuple[Bottlenecks, ...]:
    """Every condition that has a row with a known bound."""
    groups = (Bottlenecks(run.title(condition), bottlenecks_at(run, condition)) for condition in run.conditions)
    return tuple(group for group in groups if group.findings)


def bottlenecks_at(run: Run, condition: Condition) -> tuple[Finding, ...]:
    """Every row of a condition whose bound is known, in the order of the stacks."""
    contexts = (row_context(run, condition, name) for name in run.stack_names)
    return tuple(_finding(context) for context in contexts if context and context.row.bound)


def _finding(context: RowContext) -> Finding:
    assert context.row.bound is not None
    return Finding(
        kind="bottleneck",
        name=context.row.bound.by if context.bound_reached else "none",
        stack=context.stack.name,
        scenario=context.condition.scenario,
        load=context.condition.load,
        text=limit(context),
        remedy=_change(context),
        evidence=context.evidence,
    )


# --- the limit -------------------------------------------------------------------------------------------------------


def limit(context: RowContext) -> str:
    """The arithmetic of the bound, what was measured, and whether the bound is the reason."""
    measured = f"measured {number(context.throughput_rps)}"
    if context.bound_reached:
        return f"{_cause(context)}: {_arithmetic(context)}; {measured}."
    assert context.row.bound is not None
    share = percent(context.throughput_rps / context.row.bound.rps)
    busy = "" if context.cpu_share is None else f"; {context.cpu_words}"
    return f"Not at its limit: {_arithmetic(context)}, but {measured}, {share} of that{busy}."


def _cause(context: RowContext) -> str:
    assert context.row.bound is not None
    if context.row.bound.by == "slots":
        only_one = context.stack.workers * context.stack.threads == 1
        return "Its worker is busy" if only_one else f"All {slots_words(context.stack)} are busy"
    if context.row.bound.by == "cpu":
        return f"{cores_words(context.cores).capitalize()} {'is' if context.cores == 1 else 'are'} busy"
    return "Close to what the load allows"


def _arithmetic(context: RowContext) -> str:
    """How the bound was computed: ``4 slots / 110 ms a request = 36.4 requests/s``."""
    bound, cpu, load = context.row.bound, context.row.cpu_ms_per_request, context.load
    assert bound is not None
    total = f"{number(bound.rps)} requests/s"
    if bound.by == "slots" and context.unloaded_s:
        slots = plural(context.stack.workers * context.stack.threads, "slot")
        return f"{slots} / {ms(context.unloaded_s)} a request = {total}"
    if bound.by == "cpu" and cpu:
        return f"{_cores(context.cores)} / {number(cpu.point)} ms of CPU a request = {total}"
    if isinstance(load, ClosedLoad) and context.unloaded_s:
        pause = f" + {ms(load.think_s)} of thinking" if load.think_s else ""
        return f"{load_words(load)} / ({ms(context.unloaded_s)} a request{pause}) = {total}"
    return f"no more than {total} were sent" if isinstance(load, OpenLoad) else f"a bound of {total}"


def _cores(cores: float) -> str:
    """As a term: ``1 core``, or, by a quota, ``1.50 cores``."""
    return "1 core" if cores == 1 else cores_words(cores)


# --- what would change it --------------------------------------------------------------------------------------------


def _change(context: RowContext) -> str:
    """What would move the limit, by the same laws; no throughput is promised that was not measured."""
    bound = context.row.bound
    if bound is None or not context.bound_reached:
        return "No single limit explains this; see the diagnoses, and how busy the machine was."
    if bound.by == "slots":
        return _more_slots(context)
    if bound.by == "cpu":
        return "Less CPU time a request, or more cores with a worker each. More threads or users would not help."
    if isinstance(context.load, ClosedLoad):
        return "More users: each was answered about as fast as without load."
    return "A higher rate: the stack kept up with this one."


def _more_slots(context: RowContext) -> str:
    threads = threads_for(context.stack, context.concurrency)
    bound = context.bound_without_slots
    next_limit = "the CPU" if bound and bound.by == "cpu" else "the load itself"
    suffix = f"; the next limit is then {next_limit}, at {number(bound.rps)} requests/s" if bound else ""
    if threads <= context.stack.threads:
        return f"More slots, or an async stack{suffix}."
    return f"{plural(threads, 'thread')} a worker, or an async stack{suffix}."
