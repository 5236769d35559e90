"""What a diagnosis is, and the thresholds that several of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bakeoff.findings.row_context import RowContext
from bakeoff.model import Condition, Evidence, Run

AGREES = 0.25
"""How far a throughput may lie from the one that a mistake would explain, as a share of it."""
IDLE_CPU = 0.7
"""Share of the cores below which there was CPU time left to use."""


class Symptom(NamedTuple):
    """A mistake as it shows in the numbers."""

    text: str
    """The evidence in words."""
    remedy: str
    evidence: Evidence


class Diagnosis(NamedTuple):
    """A mistake that is looked for."""

    name: str
    check: Callable[[Run, Condition, str], Symptom | None]
    """From a run, a condition and a stack's name to the symptom; ``None`` where the evidence is not there."""


def has_idle_cpu(context: RowContext) -> bool:
    """Whether the stack is known to have left CPU time unused."""
    return context.cpu_share is not None and context.cpu_share < IDLE_CPU


def agrees(measured_rps: float, explained_rps: float) -> bool:
    """Whether a throughput is the one that a mistake would explain."""
    return abs(measured_rps / explained_rps - 1) <= AGREES
