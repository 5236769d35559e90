"""What binds each row, by the operational laws, and what would change it."""

from __future__ import annotations

from typing import NamedTuple

from bakeoff.findings.numerals import number, percent, plural
from bakeoff.findings.row_context import Situation, ms, situation, slots_words, threads_for
from bakeoff.model import ClosedLoad, Condition, OpenLoad, Run, load_words


class Why(NamedTuple):
    """One row explained."""

    stack: str
    binds: str
    change: str


def explained(run: Run, case: Condition) -> tuple[Why, ...]:
    """Every row of a case whose bound is known, in the order of the stacks."""
    found = (situation(run, case, name) for name in run.stack_names)
    return tuple(Why(one.stack.name, binds(one), change(one)) for one in found if one and one.row.bound)


def by_case(run: Run) -> tuple[tuple[str, tuple[Why, ...]], ...]:
    """Every case that has a row to explain: its title, and its rows."""
    found = ((run.title(case), explained(run, case)) for case in run.conditions)
    return tuple((title, several) for title, several in found if several)


def binds(one: Situation) -> str:
    """The arithmetic of the bound, what was measured, and whether that is the reason."""
    measured = f"measured {number(one.throughput_rps)}"
    if one.reached:
        return f"{_head(one)}: {_sum(one)}; {measured}."
    assert one.row.bound is not None
    share = percent(one.throughput_rps / one.row.bound.rps)
    return f"Not at its limit: {_sum(one)}, but {measured}, {share} of that{_busy(one)}."


def _busy(one: Situation) -> str:
    return "" if one.cpu_share is None else f"; it kept {percent(one.cpu_share)} of its {_cores(one)} busy"


def _head(one: Situation) -> str:
    assert one.row.bound is not None
    if one.row.bound.by == "slots":
        return f"All {slots_words(one.stack)} busy" if one.stack.workers * one.stack.threads > 1 else "Its worker busy"
    return f"{_cores(one).capitalize()} busy" if one.row.bound.by == "cpu" else "Close to what the load allows"


def _cores(one: Situation) -> str:
    return plural(one.cores, "core") if one.cores > 1 else "one core"


def _sum(one: Situation) -> str:
    """How the bound came about: ``4 slots / 110 ms = 36.4 requests/s``."""
    bound, cpu = one.row.bound, one.row.cpu_ms_per_request
    assert bound is not None
    total = f"{number(bound.rps)} requests/s"
    if bound.by == "slots" and one.unloaded_s:
        return f"{plural(one.stack.workers * one.stack.threads, 'slot')} / {ms(one.unloaded_s)} a request = {total}"
    if bound.by == "cpu" and cpu:
        return f"{plural(one.cores, 'core')} / {number(cpu.point)} ms of CPU a request = {total}"
    if isinstance(one.load, ClosedLoad) and one.unloaded_s:
        pause = f" + {ms(one.load.think_s)} of thinking" if one.load.think_s else ""
        return f"{load_words(one.load)} / ({ms(one.unloaded_s)} a request{pause}) = {total}"
    return f"no more than {total} were asked for" if isinstance(one.load, OpenLoad) else f"a bound of {total}"


def change(one: Situation) -> str:
    """What would move the limit, by the same laws; nothing is promised that was not measured."""
    bound = one.row.bound
    if bound is None or not one.reached:
        return "The laws name no single limit here; look at the diagnoses and at how busy the machine was."
    if bound.by == "slots":
        return _more_slots(one)
    if bound.by == "cpu":
        return "Less CPU time a request, or more cores with a worker each. More threads or users would not help."
    if isinstance(one.load, ClosedLoad):
        return "More users: each was answered about as fast as if it were alone."
    return "A higher rate: it answered all that came."


def _more_slots(one: Situation) -> str:
    at_once = _at_once(one)
    threads = threads_for(one.stack, at_once)
    after = one.next_bound
    limit = f"; the next limit is then {_limit_name(after.by)}, at {number(after.rps)} requests/s" if after else ""
    if threads <= one.stack.threads:
        return f"More slots, or an async stack{limit}."
    return f"{plural(threads, 'thread')} a worker, or an async stack{limit}."


def _limit_name(by: str) -> str:
    return "the CPU" if by == "cpu" else "the load itself"


def _at_once(one: Situation) -> float:
    """Requests that would be under way at once if none had to wait for a slot (Little's law)."""
    if isinstance(one.load, ClosedLoad):
        return one.load.users
    return one.load.mean_rate_rps * (one.unloaded_s or 0.0)
