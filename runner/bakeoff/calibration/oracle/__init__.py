"""The oracle: a small HTTP/1.1 server with known delays, stalls and faults, which logs what became of each request.

A load generator is certified by comparing what it measured with what the oracle logged.
"""

from bakeoff.calibration.oracle.behaviour import (
    COUNT_ONLY,
    Behaviour,
    Bimodal,
    Delay,
    Fixed,
    Lognormal,
    Outcome,
    Stall,
)
from bakeoff.calibration.oracle.log import Log
from bakeoff.calibration.oracle.process import OracleError, OracleProcess, start_oracle

__all__ = [
    "COUNT_ONLY",
    "Behaviour",
    "Bimodal",
    "Delay",
    "Fixed",
    "Log",
    "Lognormal",
    "OracleError",
    "OracleProcess",
    "Outcome",
    "Stall",
    "start_oracle",
]
