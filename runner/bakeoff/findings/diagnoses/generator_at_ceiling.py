"""A row, withheld or not, whose throughput may be the load generator's own limit."""

from __future__ import annotations

from bakeoff.analysis import audit
from bakeoff.findings.diagnoses.diagnosis import Diagnosis, Symptom
from bakeoff.findings.numerals import number, percent
from bakeoff.model import ClosedLoad, Condition, Run, load_words

NEAR_CEILING = 0.8
"""Share of the generator's ceiling from which on its figures deserve a warning; the audit withholds from 0.9 on."""
REMEDY = "Give the generator more cores or machines (bakeoff worker), or ask for less load."


def check(run: Run, condition: Condition, stack: str) -> Symptom | None:
    """Compares the throughput with the certified ceiling, and the generator's CPU time with its slices."""
    records = [record for record in run.records_of(condition, stack) if record.failure is None and record.window_s]
    if not records:
        return None
    completed = sum(counts.completed for record in records for counts in record.endpoints)
    served_rps = completed / sum(record.window_s for record in records)
    busy_share = max((use.cpu_s / use.window_s for record in records if (use := record.generator)), default=0.0)
    certificate = run.summary.generator
    is_closed = isinstance(condition.load, ClosedLoad)
    ceiling_rps = certificate.closed_ceiling_rps if is_closed else certificate.open_ceiling_rps
    if ceiling_rps and served_rps >= NEAR_CEILING * ceiling_rps:
        return Symptom(
            f"At {load_words(condition.load)} it served {number(served_rps)} requests/s; the generator's own ceiling "
            f"is {number(ceiling_rps)}.",
            REMEDY,
            {"measured_rps": served_rps, "ceiling_rps": ceiling_rps},
        )
    if busy_share >= audit.GENERATOR_BUSY:
        return Symptom(
            f"At {load_words(condition.load)} the generator was busy for {percent(busy_share)} of a slice.",
            REMEDY,
            {"measured_rps": served_rps, "generator_cpu_share": busy_share},
        )
    return None


DIAGNOSIS = Diagnosis("the load generator at its ceiling", check)
