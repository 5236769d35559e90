"""A stack with several workers, one of which does much more than its share."""

from __future__ import annotations

from bakeoff.findings.diagnoses.diagnosis import Diagnosis, Symptom
from bakeoff.findings.numerals import TIMES, number, percent
from bakeoff.findings.row_context import row_context
from bakeoff.findings.workers import busiest_of_even, cpu_shares
from bakeoff.model import Condition, Run, load_words

UNEVEN = 1.5
"""Work of the busiest worker, as a multiple of an even share, from which on the spreading counts as uneven."""
FEWEST_REQUESTS = 100
"""Requests a worker below which chance alone may spread them unevenly: with 100, a share varies by a tenth."""
REMEDY = (
    "Connections are spread, not requests: with few long-lived connections some workers get more. More connections "
    "spread better, and so does a server whose workers take requests, not connections."
)


def check(run: Run, condition: Condition, stack: str) -> Symptom | None:
    """Whether the busiest worker used much more CPU time than an even share."""
    context = row_context(run, condition, stack)
    if context is None or context.row.requests < FEWEST_REQUESTS * context.stack.workers:
        return None
    workers = context.stack.workers
    busiest = busiest_of_even(context.stack, cpu_shares(run.records_of(condition, stack)))
    if busiest is None or busiest < UNEVEN:
        return None
    return Symptom(
        f"At {load_words(context.load)}, the busiest of {workers} workers did {percent(busiest / workers)} of the "
        f"workers' work, {number(busiest)} {TIMES} an even share.",
        REMEDY,
        {"busiest_of_even": busiest, "workers": workers},
    )


DIAGNOSIS = Diagnosis("uneven workers", check)
