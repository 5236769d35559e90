"""What follows the answer: who else is as good, what binds the two, who is missing, and how it is at other loads."""

from __future__ import annotations

from bakeoff.analysis import bounds as laws
from bakeoff.findings.answer import did, headline, where
from bakeoff.findings.numerals import number, percent, plural, ratio
from bakeoff.findings.pairs import best_relative, others, standing
from bakeoff.findings.row_context import Situation, ms, situation
from bakeoff.findings.why import binds
from bakeoff.model import Comparison, Condition, Run

INTERFACES = (
    "WSGI and ASGI are the two ways in which a Python server talks to an app. With WSGI, a worker, or one of its "
    "threads, stays with a request until it is answered, also while it only waits; with ASGI, a worker turns to other "
    "requests meanwhile."
)
MOSTLY_WAITS = 0.5
"""Share of its time that a request computes, below which it is said to wait for the rest."""


def context(run: Run) -> tuple[str, ...]:
    """A sentence or two on each, where there is something to say."""
    best = headline(run)
    if best is None:
        return ()
    told = (_as_good(run, best), *_why(run, best), _advice(run, best), _absent(run, best), *_elsewhere(run, best))
    return tuple(sentence for sentence in told if sentence)


def brackets(run: Run) -> str:
    """How to read an interval, in the words of a caption."""
    blocks = run.measured_blocks
    if blocks < 2:
        return ""
    sure = percent(run.confidence_level)
    return f"Brackets are {sure} intervals over {plural(blocks, 'block')}, each a fresh start of every stack."


def _as_good(run: Run, best: Comparison) -> str:
    """The stacks from which the quoted one cannot be told at the same load; its relatives are in the answer."""
    if best.metric != "throughput":
        return ""
    margin, case = run.manifest.experiment.margin, Condition(best.scenario, best.load)
    home = run.interface_of(best.baseline)
    rivals = [each for each in others(run, case, best.candidate) if run.interface_of(each.stack) != home]
    level = [each for each in rivals if standing(each.ratio, margin) != "apart"]
    return " ".join(f"{best.candidate} and {each.stack} cannot be told apart: {ratio(each.ratio)}." for each in level)


# --- why -------------------------------------------------------------------------------------------------------------


def _why(run: Run, best: Comparison) -> list[str]:
    """What holds the baseline back, then what the quoted stack has in its stead."""
    case = Condition(best.scenario, best.load)
    theirs, ours = (situation(run, case, name) for name in (best.baseline, best.candidate))
    if theirs is None or theirs.row.bound is None or theirs.row.bound.by == "load":
        return []
    cause = "is at its limit" if theirs.reached else "is held back by something other than its limit"
    told = f"Why: {_waiting(theirs)}{theirs.stack.name} {cause}. {binds(theirs)}"
    return [told, _room(ours)] if ours and ours.row.bound else [told]


def _waiting(one: Situation) -> str:
    """What a request does most of the time; nothing where it computes, or that is not known."""
    cpu = one.row.cpu_ms_per_request
    if not one.unloaded_s or cpu is None or cpu.point > MOSTLY_WAITS * one.unloaded_s * 1e3:
        return ""
    alone, computing = ms(one.unloaded_s), number(cpu.point)
    return f"a request takes {alone} on average without load, {computing} ms of it CPU time; it mostly waits. "


def _room(one: Situation) -> str:
    """How many requests a stack holds, and what binds it."""
    held = laws.slots(one.stack)
    many = plural(held, "request") if held else "any number of requests"
    return f"{one.stack.name} holds {many} at once. {binds(one)}"


def _advice(run: Run, best: Comparison) -> str:
    """What the baseline's own app gained by other settings alone, and what binds it then."""
    case = Condition(best.scenario, best.load)
    relative = best_relative(run, best)
    row = situation(run, case, relative.stack) if relative else None
    found = [each for each in run.comparisons(case, best.metric) if row and each.candidate == row.stack.name]
    if row is None or row.row.bound is None or not found or found[0].verdict not in ("faster", "slower"):
        return ""
    gain = f"The same app on {row.stack.name} served {ratio(found[0].ratio)} the requests of {best.baseline}."
    return f"{gain} {_room(row)}"


# --- the rest --------------------------------------------------------------------------------------------------------


def _absent(run: Run, best: Comparison) -> str:
    """Which stacks could not be compared at the same load, and why."""
    case = Condition(best.scenario, best.load)
    missing = [name for name in run.stack_names if not run.is_valid(case, name)]
    return f"Not compared: {'; '.join(f'{name} ({_why_not(run, case, name)})' for name in missing)}." if missing else ""


def _why_not(run: Run, case: Condition, name: str) -> str:
    row = run.result(case, name)
    return "; ".join(row.withheld).rstrip(".") if row is not None and row.withheld else "nothing was recorded"


def _elsewhere(run: Run, best: Comparison) -> list[str]:
    """How the same candidate did in every other case."""
    here = Condition(best.scenario, best.load)
    found = (
        each
        for case in run.conditions
        if case != here
        for each in run.comparisons(case, case.main_metric)
        if each.candidate == best.candidate
    )
    return [_briefly(run, each) for each in found]


def _briefly(run: Run, each: Comparison) -> str:
    place = where(run, each)
    unsure = " (inconclusive, as one of several comparisons)" if each.verdict == "inconclusive" else ""
    return f"{place[0].upper()}{place[1:]}, {each.candidate} {did(each, each.baseline)}{_times(run, each)}{unsure}."


def _times(run: Run, each: Comparison) -> str:
    """The two times that a ratio of latencies is made of."""
    if each.metric == "throughput":
        return ""
    rows = [
        run.result(Condition(each.scenario, each.load), name, each.endpoint) for name in (each.candidate, each.baseline)
    ]
    known = [number(row.latency_ms.p50.point) for row in rows if row and row.latency_ms.p50]
    return f", {known[0]} ms instead of {known[1]} ms" if len(known) == 2 else ""
