"""Whether the load generator can be believed: oracles of known behaviour, and the doctor that certifies it on them.

The names are imported when they are first used: the oracle's process imports this package and needs none of them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    if name in __all__:
        from bakeoff.calibration import certify, doctor

        return getattr(certify if name in ("check_accounting", "true_latencies_s") else doctor, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
