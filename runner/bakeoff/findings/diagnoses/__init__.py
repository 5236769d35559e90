"""The common mistakes that a run can show, one module each; each is stated only with its evidence."""

from __future__ import annotations

from bakeoff.findings.diagnoses import (
    blocking_call,
    connections_not_reused,
    generator_at_ceiling,
    thread_pool_exhausted,
    too_few_threads,
    uneven_workers,
)
from bakeoff.findings.diagnoses.diagnosis import Diagnosis, Symptom
from bakeoff.findings.headline import heaviest_first
from bakeoff.model import Condition, Finding, Run

__all__ = ["DIAGNOSES", "Diagnosis", "Symptom", "diagnoses"]

DIAGNOSES: tuple[Diagnosis, ...] = (
    blocking_call.DIAGNOSIS,
    thread_pool_exhausted.DIAGNOSIS,
    too_few_threads.DIAGNOSIS,
    connections_not_reused.DIAGNOSIS,
    uneven_workers.DIAGNOSIS,
    generator_at_ceiling.DIAGNOSIS,
)
"""Every mistake that is looked for. A new one is a module with a ``DIAGNOSIS``, and a line here."""


def diagnoses(run: Run) -> tuple[Finding, ...]:
    """Every mistake once for each stack, shown at the heaviest load that shows it."""
    shown: dict[tuple[str, str], Finding] = {}
    for condition in sorted(run.conditions, key=heaviest_first):
        for stack in run.stack_names:
            for diagnosis in DIAGNOSES:
                symptom = diagnosis.check(run, condition, stack)
                if symptom is not None:
                    shown.setdefault((stack, diagnosis.name), _finding(diagnosis, condition, stack, symptom))
    order = {name: position for position, name in enumerate(run.stack_names)}
    return tuple(shown[key] for key in sorted(shown, key=lambda key: (order[key[0]], key[1])))


def _finding(diagnosis: Diagnosis, condition: Condition, stack: str, symptom: Symptom) -> Finding:
    return Finding(
        kind="diagnosis",
        name=diagnosis.name,
        stack=stack,
        scenario=condition.scenario,
        load=condition.load,
        text=symptom.text,
        remedy=symptom.remedy,
        evidence=symptom.evidence,
    )
