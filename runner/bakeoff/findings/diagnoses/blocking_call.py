"""An async stack under many users that serves as few as if each worker took one request at a time, with CPU idle."""

from __future__ import annotations

from bakeoff.findings.diagnoses.diagnosis import Diagnosis, Symptom, agrees, has_idle_cpu
from bakeoff.findings.numerals import number, plural
from bakeoff.findings.row_context import ms, row_context
from bakeoff.findings.timeline_story import one_after_another
from bakeoff.model import Condition, Run, load_words

LEAST_USERS_PER_WORKER = 4
"""With fewer users, serving one request at a time looks the same as serving all of them."""
REMEDY = (
    "Await instead of blocking (an async driver, asyncio.sleep), or declare the handler with plain def, so that it "
    "runs in a pool of threads."
)


def check(run: Run, condition: Condition, stack: str) -> Symptom | None:
    """Compares the throughput with one request at a time in each worker."""
    context = row_context(run, condition, stack)
    if context is None or context.stack.interface != "asgi" or not context.unloaded_s or not has_idle_cpu(context):
        return None
    workers = context.stack.workers
    one_at_a_time_rps = workers / context.unloaded_s
    few_users = context.users < LEAST_USERS_PER_WORKER * workers
    if few_users or not agrees(context.throughput_rps, one_at_a_time_rps):
        return None
    serial = _is_serial(run, stack)
    timeline = " In its timeline, one request waited until the other was done." if serial else ""
    return Symptom(
        f"With {load_words(context.load)} it served {number(context.throughput_rps)} requests/s, as many as "
        f"{plural(workers, 'worker')} would, one request at a time ({workers} / {ms(context.unloaded_s)} = "
        f"{number(one_at_a_time_rps)}), while {context.cpu_words}.{timeline}",
        REMEDY,
        {**context.evidence, "one_at_a_time_rps": one_at_a_time_rps, "users": context.users, "serial_timeline": serial},
    )


def _is_serial(run: Run, stack: str) -> bool:
    """Whether requests ran one after another in the stack's timeline."""
    timelines = [timeline for timeline in run.timelines if timeline.stack == stack and len(timeline.requests) > 1]
    return any(one_after_another(timeline) for timeline in timelines)


DIAGNOSIS = Diagnosis("a blocking call inside async def", check)
