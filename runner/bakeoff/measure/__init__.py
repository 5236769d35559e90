"""Stacks under load: slices, blocks, paired blocks and whole runs are measured and become records."""

from bakeoff.measure.block import measure_block
from bakeoff.measure.context import Observer, RunContext
from bakeoff.measure.paired_block import PairFailure, drive_pair, measure_paired_block, paired_order, probe
from bakeoff.measure.resume import as_of_now, check_unchanged, remaining, resume
from bakeoff.measure.run import measure_new, state_recorded
from bakeoff.measure.timeline import take_timelines

__all__ = [
    "Observer",
    "PairFailure",
    "RunContext",
    "as_of_now",
    "check_unchanged",
    "drive_pair",
    "measure_block",
    "measure_new",
    "measure_paired_block",
    "paired_order",
    "probe",
    "remaining",
    "resume",
    "state_recorded",
    "take_timelines",
]
