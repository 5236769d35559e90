"""A WSGI stack at the bound of its slots, with CPU time to spare."""

from __future__ import annotations

from bakeoff.findings.diagnoses.diagnosis import Diagnosis, Symptom, has_idle_cpu
from bakeoff.findings.numerals import number, plural
from bakeoff.findings.row_context import ms, row_context, slots_words, threads_for
from bakeoff.model import Condition, Run, load_words


def check(run: Run, condition: Condition, stack: str) -> Symptom | None:
    """Whether slots limit the stack while its cores are idle."""
    context = row_context(run, condition, stack)
    if context is None or not context.bound_reached or not context.unloaded_s or not has_idle_cpu(context):
        return None
    bound = context.row.bound
    if bound is None or bound.by != "slots":
        return None
    slots = context.stack.workers * context.stack.threads
    threads = max(threads_for(context.stack, context.concurrency), context.stack.threads + 1)
    return Symptom(
        f"{slots_words(context.stack)} for {load_words(context.load)}: {slots} / {ms(context.unloaded_s)} = "
        f"{number(bound.rps)} requests/s; measured {number(context.throughput_rps)}, while {context.cpu_words}.",
        f"{plural(threads, 'thread')} a worker would hold all requests; so would an async stack.",
        {**context.evidence, "threads_needed": threads},
    )


DIAGNOSIS = Diagnosis("too few threads", check)
