"""The common mistakes that a run can show. Each is named only with its evidence; without evidence there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from bakeoff.analysis import audit
from bakeoff.findings import story
from bakeoff.findings.numerals import count, number, percent, plural
from bakeoff.findings.row_context import Situation, ms, situations, slots_words, threads_for
from bakeoff.model import ClosedLoad, Condition, Run, load_words

AGREES = 0.25
"""How far a throughput may lie from the one that a mistake would explain."""
IDLE_CPU = 0.7
"""Share of the cores below which there was CPU time left to use."""
CROWDED = 4
"""So many users a worker must there be before serving one at a time is told from serving few."""
REUSED = 0.9
"""Share of requests on open connections below which connections count as not reused."""
NEAR_CEILING = 0.8
"""Share of the generator's ceiling from which on its figures deserve a warning; the audit withholds from 0.9 on."""
POOL = 8
"""Threads beside the processes themselves from which on they are a pool that serves requests."""


class Diagnosis(NamedTuple):
    """A mistake, the stack that shows it, how it shows, and what to do."""

    stack: str
    name: str
    evidence: str
    remedy: str


def diagnoses(run: Run) -> tuple[Diagnosis, ...]:
    """Every mistake once for each stack, shown at the heaviest load that shows it."""
    found = [
        each
        for one in sorted(situations(run), key=_heaviest_first)
        for check in CHECKS
        if (each := check(run, one)) is not None
    ]
    once = {(each.stack, each.name): each for each in reversed([*found, *_at_the_ceiling(run)])}
    order = run.stack_names
    return tuple(sorted(once.values(), key=lambda each: (order.index(each.stack), each.name)))


def _heaviest_first(one: Situation) -> tuple[bool, float]:
    closed = isinstance(one.load, ClosedLoad)
    return (not closed, -one.load.users if isinstance(one.load, ClosedLoad) else -one.load.mean_rate_rps)


def _has_cpu_left(one: Situation) -> bool:
    return one.cpu_share is not None and one.cpu_share < IDLE_CPU


def _agrees(measured: float, explained: float) -> bool:
    return abs(measured / explained - 1) <= AGREES


def _cpu_words(one: Situation) -> str:
    return f"while its {plural(one.cores, 'core')} had work for {percent(one.cpu_share or 0.0)} of the time"


# --- one check each --------------------------------------------------------------------------------------------------


def blocking_in_async(run: Run, one: Situation) -> Diagnosis | None:
    """An async stack under many users that serves just as many as if each worker took one at a time, with CPU idle."""
    users = one.load.users if isinstance(one.load, ClosedLoad) else 0
    workers = one.stack.workers
    if one.stack.interface != "asgi" or not one.unloaded_s or users < CROWDED * workers or not _has_cpu_left(one):
        return None
    alone_rps = workers / one.unloaded_s
    if not _agrees(one.throughput_rps, alone_rps):
        return None
    return Diagnosis(
        one.stack.name,
        "a blocking call inside async def",
        f"With {load_words(one.load)} it served {number(one.throughput_rps)} requests/s, as many as "
        f"{plural(workers, 'worker')} that takes one at a time ({workers} / {ms(one.unloaded_s)} = "
        f"{number(alone_rps)}), {_cpu_words(one)}.{_timeline_words(run, one)}",
        "Await instead of blocking (an async driver, asyncio.sleep), or declare the handler with plain def, so that it "
        "runs in a pool of threads.",
    )


def _timeline_words(run: Run, one: Situation) -> str:
    told = [each for each in run.timelines if each.stack == one.stack.name]
    serial = any(story.one_after_another(each) for each in told if len(each.requests) > 1)
    return " In its timeline, one request waited until the other was done." if serial else ""


def pool_exhausted(run: Run, one: Situation) -> Diagnosis | None:
    """An async stack whose handlers run in threads, and that serves just as many as those threads can hold."""
    users = one.load.users if isinstance(one.load, ClosedLoad) else 0
    seen = [each.server for each in run.records_of(one.case, one.stack.name) if each.server]
    pool = max((use.threads - use.processes for use in seen), default=0)
    if one.stack.interface != "asgi" or not one.unloaded_s or not POOL <= pool < users or not _has_cpu_left(one):
        return None
    bound_rps = pool / one.unloaded_s
    if not _agrees(one.throughput_rps, bound_rps):
        return None
    return Diagnosis(
        one.stack.name,
        "too few threads in the pool",
        f"{count(pool)} threads were seen beside the event loop, for {load_words(one.load)}; {pool} / "
        f"{ms(one.unloaded_s)} = {number(bound_rps)} requests/s; measured {number(one.throughput_rps)}, "
        f"{_cpu_words(one)}.",
        "Declare the handlers with async def and await in them, or enlarge the pool.",
    )


def too_few_threads(_run: Run, one: Situation) -> Diagnosis | None:
    """A WSGI stack at the bound of its slots, with CPU time to spare."""
    bound = one.row.bound
    if bound is None or bound.by != "slots" or not one.reached or not one.unloaded_s or not _has_cpu_left(one):
        return None
    held = one.stack.workers * one.stack.threads
    at_once = one.load.users if isinstance(one.load, ClosedLoad) else one.load.mean_rate_rps * one.unloaded_s
    return Diagnosis(
        one.stack.name,
        "too few threads",
        f"{slots_words(one.stack)} for {load_words(one.load)}: {held} / {ms(one.unloaded_s)} = "
        f"{number(bound.rps)} requests/s; measured {number(one.throughput_rps)}, {_cpu_words(one)}.",
        f"{plural(max(threads_for(one.stack, at_once), one.stack.threads + 1), 'thread')} a worker would hold them "
        "all; so would an async stack.",
    )


def not_reused(run: Run, one: Situation) -> Diagnosis | None:
    """A stack that closes connections which its clients would have kept."""
    reuse = one.row.reuse_ratio
    if reuse is None or reuse >= REUSED:
        return None
    uses = [each.generator for each in run.records_of(one.case, one.stack.name) if each.generator]
    opened, sent = sum(use.connections_opened for use in uses), sum(use.requests_sent for use in uses)
    return Diagnosis(
        one.stack.name,
        "connections not reused",
        f"{count(opened)} connections were opened for {plural(sent, 'request')} at {load_words(one.load)}: "
        f"{percent(reuse)} of the requests went over one already open.",
        "A worker that keeps connections alive, such as gunicorn's gthread, or a longer keep-alive.",
    )


Check = Callable[[Run, Situation], Diagnosis | None]
CHECKS: tuple[Check, ...] = (blocking_in_async, pool_exhausted, too_few_threads, not_reused)


# --- the generator ---------------------------------------------------------------------------------------------------


def _at_the_ceiling(run: Run) -> Iterator[Diagnosis]:
    """Rows, withheld ones too, whose throughput may be the generator's own."""
    for case in run.conditions:
        for name in run.stack_names:
            evidence = _ceiling_words(run, case, name)
            if evidence:
                yield Diagnosis(
                    name,
                    "the load generator at its ceiling",
                    evidence,
                    "Give the generator more cores or machines (bakeoff worker), or ask for less load.",
                )


def _ceiling_words(run: Run, case: Condition, name: str) -> str:
    records = [each for each in run.records_of(case, name) if each.failure is None and each.window_s]
    certificate = run.summary.generator
    closed = isinstance(case.load, ClosedLoad)
    ceiling_rps = certificate.closed_ceiling_rps if closed else certificate.open_ceiling_rps
    window_s = sum(each.window_s for each in records)
    answered = sum(counts.completed for each in records for counts in each.endpoints)
    busy = max((use.cpu_s / use.window_s for each in records if (use := each.generator)), default=0.0)
    where = f"At {load_words(case.load)}"
    if ceiling_rps and window_s and answered / window_s >= NEAR_CEILING * ceiling_rps:
        served = number(answered / window_s)
        return f"{where} it served {served} requests/s; the generator itself ends at {number(ceiling_rps)}."
    return f"{where} the generator was busy for {percent(busy)} of a slice." if busy >= audit.GENERATOR_BUSY else ""
