"""Whether the load generator can be believed: oracles of known behaviour, and the doctor that certifies it on them."""

from bakeoff.calibration.certify import check_accounting, true_latencies_s
from bakeoff.calibration.doctor import FAULTS, SCENARIO, SEED, Doctor, OracleSlice, drive_oracle

__all__ = [
    "FAULTS",
    "SCENARIO",
    "SEED",
    "Doctor",
    "OracleSlice",
    "check_accounting",
    "drive_oracle",
    "true_latencies_s",
]
