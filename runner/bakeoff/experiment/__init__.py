"""What is to be measured: a TOML file becomes an experiment, and an experiment a plan of blocks and slices."""

from bakeoff.experiment.design import apply_profile, check_design, fewest_blocks, select
from bakeoff.experiment.file import locustfile_digests, parse_experiment, read_experiment
from bakeoff.experiment.plan import expected_s, plan_blocks, plan_paired_block, slice_length_s

__all__ = [
    "apply_profile",
    "check_design",
    "expected_s",
    "fewest_blocks",
    "locustfile_digests",
    "parse_experiment",
    "plan_blocks",
    "plan_paired_block",
    "read_experiment",
    "select",
    "slice_length_s",
]
