"""The oracle's own account as its reader sees it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from bakeoff.calibration.oracle.ledger import ROW_WORDS, Account

__all__ = ["Account", "Log", "read_account", "read_log"]

Column = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Log:
    """One row per request, in the order in which they were read: row n is request n. Times are CLOCK_MONOTONIC."""

    arrival_ns: Column
    """When the request's last byte was read."""
    answered_ns: Column
    """When the answer's last byte was handed to the kernel, stamped before the call; -1 without an answer."""
    outcome: Column
    """Codes of ``behaviour.Outcome``."""

    def __len__(self) -> int:
        return len(self.arrival_ns)


def read_log(data: bytes) -> Log:
    """The log in the body of ``GET /__log``; raises ``ValueError`` for a length that is no whole number of rows."""
    words = np.frombuffer(data, dtype="<i8").astype(np.int64).reshape(-1, ROW_WORDS)
    arrival_ns, answered_ns, outcome = np.ascontiguousarray(words.T)
    return Log(arrival_ns, answered_ns, outcome)


def read_account(data: bytes) -> Account:
    """The counts in the body of ``GET /__account``; raises ``msgspec.ValidationError``."""
    return msgspec.json.decode(data, type=Account)
