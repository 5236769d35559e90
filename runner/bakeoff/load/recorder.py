"""Counts and times of requests, by endpoint.

A request is accounted where it began: it takes the log of the current sink when it is offered, and its outcome goes to
that same log, however much later. A slice swaps sinks at both ends of its window, so no request is counted twice or
lost. Times are kept as plain integers, and become histograms between requests.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bakeoff.model import EndpointCounts, HistogramKind, Outcomes
from bakeoff.model.histogram import Histogram, bucket_of

SECOND_NS = 1_000_000_000
CHUNK = 256
"""Values turned into bucket numbers at a time: about 0.1 ms, so that no arrival waits longer for it."""


class EndpointLog(Protocol):
    """Where one endpoint's requests are accounted."""

    offered: int
    connections: int

    def record_right(self, intended_ns: int, sent_ns: int, done_ns: int, size_bytes: int) -> None: ...
    def record_wrong(self, intended_ns: int, done_ns: int, reason: str) -> None: ...
    def record_failure(self, kind: str, intended_ns: int, done_ns: int, message: str) -> None: ...
    def record_unfinished(self, intended_ns: int, done_ns: int) -> None: ...


class Sink(Protocol):
    """Where requests that begin now are accounted."""

    def log_of(self, method: str, endpoint: str) -> EndpointLog: ...


class SliceLog:
    """One endpoint's requests within one sink."""

    __slots__ = (
        "connections",
        "done_ns",
        "dropped",
        "error_done_ns",
        "error_intended_ns",
        "failed",
        "intended_ns",
        "offered",
        "reason",
        "received_bytes",
        "right",
        "sent_ns",
        "timed_out",
        "unfinished",
        "wrong",
    )

    def __init__(self) -> None:
        self.offered = 0
        self.connections = 0
        self.right = 0
        self.wrong = 0
        self.failed: dict[str, int] = {}
        self.timed_out = 0
        self.dropped = 0
        self.unfinished = 0
        self.received_bytes = 0
        self.reason: str | None = None
        self.intended_ns = array("q")
        self.sent_ns = array("q")
        self.done_ns = array("q")
        self.error_intended_ns = array("q")
        self.error_done_ns = array("q")

    def record_right(self, intended_ns: int, sent_ns: int, done_ns: int, size_bytes: int) -> None:
        """Account for a right answer."""
        self.right += 1
        self.received_bytes += size_bytes
        self.intended_ns.append(intended_ns)
        self.sent_ns.append(sent_ns)
        self.done_ns.append(done_ns)

    def record_wrong(self, intended_ns: int, done_ns: int, reason: str) -> None:
        """Account for an answer that the check rejected."""
        self.wrong += 1
        self._record_error(intended_ns, done_ns, reason)

    def record_failure(self, kind: str, intended_ns: int, done_ns: int, message: str) -> None:
        """Account for a request without an answer."""
        if kind == "timeout":
            self.timed_out += 1
        else:
            self.failed[kind] = self.failed.get(kind, 0) + 1
        self._record_error(intended_ns, done_ns, message)

    def record_unfinished(self, intended_ns: int, done_ns: int) -> None:
        """Account for a request that the end of the slice cut off."""
        self.unfinished += 1
        self._record_error(intended_ns, done_ns, None)

    def record_dropped(self, intended_ns: int, done_ns: int) -> None:
        """Account for an arrival that was never sent."""
        self.dropped += 1
        self._record_error(intended_ns, done_ns, None)

    def _record_error(self, intended_ns: int, done_ns: int, reason: str | None) -> None:
        self.error_intended_ns.append(intended_ns)
        self.error_done_ns.append(done_ns)
        self.reason = self.reason or reason

    def counts(self, endpoint: str, completed: int) -> EndpointCounts:
        """The counts so far, as they are stored."""
        return EndpointCounts(
            endpoint=endpoint,
            offered=self.offered,
            outcomes=Outcomes(
                right=self.right,
                wrong=self.wrong,
                failed=dict(self.failed),
                timed_out=self.timed_out,
                dropped=self.dropped,
                unfinished=self.unfinished,
            ),
            completed=completed,
            received_bytes=self.received_bytes,
            reason=self.reason,
        )

    def take(self) -> NDArray[np.int64]:
        """Remove and return the times of the right answers so far: rows of (intended, sent, done)."""
        taken = np.array([self.intended_ns, self.sent_ns, self.done_ns], dtype=np.int64)
        # The client appends to all three without yielding, so they are never of different lengths here.
        del self.intended_ns[:], self.sent_ns[:], self.done_ns[:]
        return taken

    def take_errors(self) -> NDArray[np.int64]:
        """Remove and return the times of all other requests so far: rows of (intended, given up)."""
        taken = np.array([self.error_intended_ns, self.error_done_ns], dtype=np.int64)
        del self.error_intended_ns[:], self.error_done_ns[:]
        return taken


class SliceSink:
    """The account of all requests that begin between two moments."""

    def __init__(self) -> None:
        self.logs: dict[str, SliceLog] = {}

    def log_of(self, method: str, endpoint: str) -> SliceLog:
        """The log of an endpoint, made at its first request."""
        log = self.logs.get(endpoint)
        if log is None:
            log = self.logs[endpoint] = SliceLog()
        return log

    def rights(self) -> dict[str, int]:
        """The number of right answers so far, by endpoint."""
        return {endpoint: log.right for endpoint, log in self.logs.items()}

    def total(self, count: str) -> int:
        """The sum of one counter over all endpoints."""
        return sum(getattr(log, count) for log in self.logs.values())


class Histograms:
    """Turns a sink's times into histograms: one a second, an endpoint and a kind."""

    def __init__(self, sink: SliceSink, opened_ns: int) -> None:
        self._sink = sink
        self._opened_ns = opened_ns
        self._buckets: dict[tuple[int, str, HistogramKind], list[NDArray[np.int64]]] = defaultdict(list)

    def absorb(self) -> Iterator[None]:
        """Take the times that the sink holds; yields after each chunk, so that the caller can let requests run."""
        for endpoint, log in list(self._sink.logs.items()):
            intended, sent, done = log.take()
            yield from self._add(
                endpoint, intended, {"latency": done - intended, "service": done - sent, "lag": sent - intended}
            )
            intended, done = log.take_errors()
            yield from self._add(endpoint, intended, {"error": done - intended})

    def _add(
        self, endpoint: str, intended_ns: NDArray[np.int64], durations_ns: Mapping[HistogramKind, NDArray[np.int64]]
    ) -> Iterator[None]:
        for start in range(0, len(intended_ns), CHUNK):
            chunk = slice(start, start + CHUNK)
            buckets = bucket_of(np.stack([durations[chunk] for durations in durations_ns.values()]))
            seconds = (intended_ns[chunk] - self._opened_ns) // SECOND_NS
            for second in np.unique(seconds).tolist():
                here = seconds == second
                for row, kind in enumerate(durations_ns):
                    self._buckets[second, endpoint, kind].append(buckets[row, here])
            yield

    def finished(self, before_s: int) -> Iterator[tuple[int, str, HistogramKind, Histogram]]:
        """Remove and return the histograms of all seconds before one."""
        for key in sorted(key for key in self._buckets if key[0] < before_s):
            buckets, counts = np.unique(np.concatenate(self._buckets.pop(key)), return_counts=True)
            yield (*key, Histogram(buckets, counts.astype(np.int64)))


def warm_up_recording() -> None:
    """Record one request, so that numpy's setup at its first use does not happen within a slice."""
    sink = SliceSink()
    sink.log_of("GET", "/").record_right(0, 1, 2, 3)
    histograms = Histograms(sink, 0)
    for _ in histograms.absorb():
        pass
    for *_, histogram in histograms.finished(before_s=1):
        histogram.encode()
