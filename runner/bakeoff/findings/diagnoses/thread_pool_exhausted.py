"""An async stack whose handlers run in a pool of threads, and that serves as many as those threads can hold."""

from __future__ import annotations

from bakeoff.findings.diagnoses.diagnosis import Diagnosis, Symptom, agrees, has_idle_cpu
from bakeoff.findings.numerals import count, number
from bakeoff.findings.row_context import ms, row_context
from bakeoff.model import Condition, Run, load_words

LEAST_THREADS = 8
"""Threads beside the processes themselves from which on they count as a pool that serves requests."""
WITH_OWN_THREADS = ("granian",)
"""Servers with threads of their own, which cannot be told from a pool."""
REMEDY = "Declare the handlers with async def and await in them, or enlarge the pool."


def check(run: Run, condition: Condition, stack: str) -> Symptom | None:
    """Compares the throughput with what the observed threads can hold."""
    context = row_context(run, condition, stack)
    if context is None or context.stack.interface != "asgi" or context.stack.server in WITH_OWN_THREADS:
        return None
    if not context.unloaded_s or not has_idle_cpu(context):
        return None
    uses = [record.server for record in run.records_of(condition, stack) if record.server]
    pool = max((use.threads - use.processes for use in uses), default=0)
    pool_rps = pool / context.unloaded_s
    if not LEAST_THREADS <= pool < context.users or not agrees(context.throughput_rps, pool_rps):
        return None
    return Symptom(
        f"{count(pool)} threads were seen beside the event loop, for {load_words(context.load)}; {pool} / "
        f"{ms(context.unloaded_s)} = {number(pool_rps)} requests/s; measured {number(context.throughput_rps)}, "
        f"while {context.cpu_words}.",
        REMEDY,
        {**context.evidence, "pool_threads": pool, "pool_rps": pool_rps, "users": context.users},
    )


DIAGNOSIS = Diagnosis("too few threads in the pool", check)
