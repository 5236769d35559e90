"""A stack that closes connections which its clients would have kept open."""

from __future__ import annotations

from bakeoff.findings.diagnoses.diagnosis import Diagnosis, Symptom
from bakeoff.findings.numerals import count, percent, plural
from bakeoff.findings.row_context import row_context
from bakeoff.model import Condition, Run, load_words

REUSED = 0.9
"""Share of requests on open connections below which connections count as not reused."""
REMEDY = "A worker that keeps connections alive, such as gunicorn's gthread, or a longer keep-alive."


def check(run: Run, condition: Condition, stack: str) -> Symptom | None:
    """Whether most requests needed a connection of their own."""
    context = row_context(run, condition, stack)
    reuse = context.row.reuse_ratio if context else None
    if context is None or reuse is None or reuse >= REUSED:
        return None
    uses = [record.generator for record in run.records_of(condition, stack) if record.generator]
    opened, sent = sum(use.connections_opened for use in uses), sum(use.requests_sent for use in uses)
    return Symptom(
        f"{count(opened)} connections were opened for {plural(sent, 'request')} at {load_words(context.load)}: "
        f"{percent(reuse)} of the requests used a connection that was already open.",
        REMEDY,
        {"reuse_ratio": reuse, "connections_opened": opened, "requests_sent": sent},
    )


DIAGNOSIS = Diagnosis("connections not reused", check)
