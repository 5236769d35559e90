"""Counts of outcomes and the log of requests: as the oracle writes them, and as the parent process reads them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bakeoff.calibration.oracle.behaviour import Outcome

NO_ANSWER_NS = -1
_COLUMNS = 3


class RequestLog:
    """Written by the oracle: counts of outcomes and, if wanted, a row for each request. Times are CLOCK_MONOTONIC."""

    def __init__(self, rows: bool) -> None:
        self.counts = [0] * len(Outcome)
        """Indexed by outcome. The server that only counts changes them itself."""
        self._rows: array[int] | None = array("q") if rows else None
        self._received = 0

    def add(self, arrival_ns: int) -> int:
        """Enter a request; returns its number."""
        number = self._received
        self._received += 1
        self.counts[Outcome.PENDING] += 1
        if self._rows is not None:
            self._rows.extend((arrival_ns, NO_ANSWER_NS, Outcome.PENDING))
        return number

    def finish(self, number: int, outcome: Outcome, answered_ns: int = NO_ANSWER_NS) -> None:
        """Enter what became of a request."""
        self.counts[Outcome.PENDING] -= 1
        self.counts[outcome] += 1
        if self._rows is not None:
            self._rows[_COLUMNS * number + 1] = answered_ns
            self._rows[_COLUMNS * number + 2] = outcome

    def outcomes(self) -> dict[str, int]:
        """Requests by the name of their outcome, in lower case; zeros too. Their sum is the number received."""
        return {outcome.name.lower(): self.counts[outcome] for outcome in Outcome}

    def encode(self) -> bytes:
        """The rows, for ``Log.decode``."""
        return self._rows.tobytes() if self._rows is not None else b""


@dataclass(frozen=True, eq=False)
class Log:
    """One row per request, in the order of arrival. Times are CLOCK_MONOTONIC."""

    arrival_ns: NDArray[np.int64]
    """When the request's last byte was read."""
    answered_ns: NDArray[np.int64]
    """Just before the answer was handed to the kernel; -1 without an answer."""
    outcome: NDArray[np.int64]
    """Values of ``Outcome``."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what ``RequestLog.encode`` wrote; raises ``ValueError`` for a length that is not whole rows."""
        return cls(*np.frombuffer(data, dtype=np.int64).reshape(-1, _COLUMNS).T)

    def __len__(self) -> int:
        return len(self.arrival_ns)
