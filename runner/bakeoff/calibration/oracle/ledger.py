"""The oracle's own account while it is being written."""

from __future__ import annotations

import sys
from array import array

from bakeoff.calibration.oracle.behaviour import RIGHT_OUTCOMES, Outcome
from bakeoff.model import Struct

LOG_CAPACITY_ROWS = 5_000_000
"""Rows of 24 bytes; requests beyond that are counted, but have no row."""
ROW_WORDS = 3
NO_ANSWER_NS = -1
_PENDING = int(Outcome.PENDING)


class Account(Struct, frozen=True):
    """Counts since the epoch. Control requests and the connections that carry them are not in it."""

    epoch_ns: int
    """CLOCK_MONOTONIC at the epoch."""
    received: int
    """Whole requests read. Equals the sum of the outcomes."""
    outcomes: dict[str, int]
    """Requests by the name of their outcome, in lower case; all of them are there."""
    malformed: int
    """Byte streams that were refused; each ended its connection, and none is among the received."""
    connections_opened: int
    rows: int
    """Rows of the log."""
    truncated: bool
    """Whether the log is full and lacks the requests after its last row."""

    @property
    def answered_right(self) -> int:
        """Right answers of every form."""
        return sum(self.outcomes[outcome.name.lower()] for outcome in RIGHT_OUTCOMES)

    @property
    def answered(self) -> int:
        """Answers of any kind."""
        return self.answered_right + self.outcomes["wrong"] + self.outcomes["status"]


class EndpointCounts:
    """Counts without a log. Times are CLOCK_MONOTONIC, in nanoseconds."""

    def __init__(self, epoch_ns: int) -> None:
        self.reset(epoch_ns)

    def reset(self, epoch_ns: int) -> None:
        """Forget everything and begin anew."""
        self.epoch_ns = epoch_ns
        self.received = 0
        self.malformed = 0
        self.connections_opened = 0
        self.settled = [0] * len(Outcome)

    def receive(self, arrival_ns: int) -> int:
        """Enter a request; returns its number."""
        number = self.received
        self.received = number + 1
        return number

    def settle(self, number: int, answered_ns: int, outcome: int) -> None:
        """Enter what became of a request, once; ``answered_ns`` is -1 for a outcome without an answer."""
        self.settled[outcome] += 1

    def log(self) -> bytes:
        """Little-endian 64-bit triples: arrival, answer or -1, outcome; row n is request n."""
        return b""

    def account(self) -> Account:
        """The counts as they stand."""
        outcomes = {outcome.name.lower(): self.settled[outcome] for outcome in Outcome}
        outcomes["pending"] = self.received - sum(self.settled)
        return Account(
            epoch_ns=self.epoch_ns,
            received=self.received,
            outcomes=outcomes,
            malformed=self.malformed,
            connections_opened=self.connections_opened,
            rows=self.rows,
            truncated=self.truncated,
        )

    @property
    def rows(self) -> int:
        """How many rows the log has."""
        return 0

    @property
    def truncated(self) -> bool:
        """Whether a log is kept that is full and lacks requests."""
        return False


class Ledger(EndpointCounts):
    """Counts and a row per request, up to a capacity."""

    def __init__(self, epoch_ns: int, capacity_rows: int = LOG_CAPACITY_ROWS) -> None:
        self._capacity_rows = capacity_rows
        super().__init__(epoch_ns)

    def reset(self, epoch_ns: int) -> None:
        """Forget everything and begin anew."""
        super().reset(epoch_ns)
        self._words = array("q")

    def receive(self, arrival_ns: int) -> int:
        """Enter a request; returns its number."""
        number = self.received
        self.received = number + 1
        if number < self._capacity_rows:
            self._words.extend((arrival_ns, NO_ANSWER_NS, _PENDING))
        return number

    def settle(self, number: int, answered_ns: int, outcome: int) -> None:
        """Enter what became of a request, once; ``answered_ns`` is -1 for a outcome without an answer."""
        self.settled[outcome] += 1
        if number < self._capacity_rows:
            word = number * ROW_WORDS
            self._words[word + 1] = answered_ns
            self._words[word + 2] = outcome

    def log(self) -> bytes:
        """Little-endian 64-bit triples: arrival, answer or -1, outcome; row n is request n."""
        if sys.byteorder == "little":
            return self._words.tobytes()
        swapped = self._words[:]
        swapped.byteswap()
        return swapped.tobytes()

    @property
    def rows(self) -> int:
        """How many rows the log has."""
        return len(self._words) // ROW_WORDS

    @property
    def truncated(self) -> bool:
        """Whether the log is full and lacks requests."""
        return self.received > self._capacity_rows
