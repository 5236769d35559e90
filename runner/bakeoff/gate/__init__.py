"""Is a change slower? Base and head are measured in paired blocks, one after another, until there is a verdict."""

from bakeoff.gate.against import against_earlier, check_comparable, head_metrics, mismatches
from bakeoff.gate.environments import BuiltEnvironments, ImageEnvironments
from bakeoff.gate.revisions import MISSING_SERVER_REMEDY, Revision, Revisions, check_own_packages
from bakeoff.gate.run import execute_gate, gate_experiment, stack_of_gate

__all__ = [
    "MISSING_SERVER_REMEDY",
    "BuiltEnvironments",
    "ImageEnvironments",
    "Revision",
    "Revisions",
    "against_earlier",
    "check_comparable",
    "check_own_packages",
    "execute_gate",
    "gate_experiment",
    "head_metrics",
    "mismatches",
    "stack_of_gate",
]
