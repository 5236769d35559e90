"""Blocks and slices as they are planned, and what is recorded of them: outcomes, use of resources, latencies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from bakeoff.model.base import HistogramKind, Struct
from bakeoff.model.experiment import Load
from bakeoff.model.histogram import Histogram


class Slice(Struct, frozen=True, kw_only=True):
    """One uninterrupted stretch of load on one stack."""

    position: int
    stack: str
    scenario: str
    load: Load
    seed: int


class Block(Struct, frozen=True, kw_only=True):
    """One fresh start of every stack, measured in slices, then stopped."""

    number: int
    start_order: tuple[str, ...]
    hash_seed: int
    """``PYTHONHASHSEED`` of every server in this block."""
    port_seed: int
    slices: tuple[Slice, ...]


class Outcomes(Struct, frozen=True, kw_only=True):
    """What became of the requests whose intended send time lies in a slice; each has exactly one outcome."""

    right: int = 0
    wrong: int = 0
    """Answered, but not as the scenario's check demands."""
    failed: dict[str, int] = {}
    """No answer, by kind of failure."""
    timed_out: int = 0
    dropped: int = 0
    """Open loop: never sent, because no connection came free within the stated limit."""
    unfinished: int = 0
    """Still without an answer when the slice was drained."""

    @property
    def offered(self) -> int:
        """The sum of all outcomes."""
        return self.right + self.errors

    @property
    def errors(self) -> int:
        """Every outcome but a right answer."""
        return self.wrong + sum(self.failed.values()) + self.timed_out + self.dropped + self.unfinished


class EndpointCounts(Struct, frozen=True, kw_only=True):
    """Counts of one endpoint in one slice."""

    endpoint: str
    offered: int
    """Counted at the intended send time, independently of the outcomes."""
    outcomes: Outcomes = msgspec.field(name="fates")
    completed: int
    """Right answers that arrived inside the measured window, whenever they were sent: the basis of throughput."""
    received_bytes: int = 0
    reason: str | None = None
    """Why the first wrong answer was wrong."""


def total_outcomes(endpoint_counts: Iterable[EndpointCounts]) -> Outcomes:
    """The outcomes of all endpoints added up."""
    parts = [counts.outcomes for counts in endpoint_counts]
    kinds = {kind for outcomes in parts for kind in outcomes.failed}
    return Outcomes(
        right=sum(outcomes.right for outcomes in parts),
        wrong=sum(outcomes.wrong for outcomes in parts),
        failed={kind: sum(outcomes.failed.get(kind, 0) for outcomes in parts) for kind in sorted(kinds)},
        timed_out=sum(outcomes.timed_out for outcomes in parts),
        dropped=sum(outcomes.dropped for outcomes in parts),
        unfinished=sum(outcomes.unfinished for outcomes in parts),
    )


def merged_counts(endpoint_counts: Iterable[EndpointCounts]) -> tuple[EndpointCounts, ...]:
    """The counts of several generators or slices, added up by endpoint and sorted by its name."""
    by_endpoint: dict[str, list[EndpointCounts]] = {}
    for counts in endpoint_counts:
        by_endpoint.setdefault(counts.endpoint, []).append(counts)
    return tuple(
        EndpointCounts(
            endpoint=endpoint,
            offered=sum(counts.offered for counts in parts),
            outcomes=total_outcomes(parts),
            completed=sum(counts.completed for counts in parts),
            received_bytes=sum(counts.received_bytes for counts in parts),
            reason=next((counts.reason for counts in parts if counts.reason), None),
        )
        for endpoint, parts in sorted(by_endpoint.items())
    )


class ProcessUse(Struct, frozen=True, kw_only=True):
    """What one process of a stack used in a slice's window, and what it held after it."""

    pid: int
    cpu_s: float
    pss_bytes: int | None = None
    """Its memory, where a page that several processes map counts as a part for each; ``None`` where it is unknown."""
    private_bytes: int | None = None
    """Its memory that no other process maps."""


class ServerUse(Struct, frozen=True, kw_only=True):
    """What a stack's processes used between the two ends of a slice's window."""

    cpu_s: float
    rss_bytes: int
    processes: int
    threads: int
    others_cpu_s: float
    """CPU time that the other, idle stacks used meanwhile."""
    by_process: tuple[ProcessUse, ...] = ()
    """Of each process; empty in records that do not tell."""


class GeneratorUse(Struct, frozen=True, kw_only=True):
    """What the load generator used, to tell whether it was the bottleneck."""

    cpu_s: float
    window_s: float
    connections_opened: int
    requests_sent: int
    generators: int = 1
    """Processes, here or on other machines, that drove the slice together."""
    opened_within_s: float = 0.0
    """The time within which the windows of all of them opened."""
    users: int | None = None
    """Users of a closed loop that were running when the window closed; ``None`` in records that do not tell."""
    user_error: str | None = None
    """The first exception in a user's code in this slice, and where it was raised."""


class Failure(Struct, frozen=True, kw_only=True):
    """Why a stack or a slice has no result: data, not an exception."""

    stage: Literal["start", "answers", "load", "exit"]
    message: str
    log: str = ""
    """The end of the server's log."""


class Record(Struct, frozen=True, kw_only=True):
    """The result of one slice."""

    block: int
    position: int
    stack: str
    scenario: str
    load: Load
    started_unix_s: float
    window_s: float
    warmup_s: float
    endpoints: tuple[EndpointCounts, ...] = msgspec.field(default=(), name="tallies")
    server: ServerUse | None = None
    server_unknown: str | None = None
    """Why what the stack used could not be read."""
    generator: GeneratorUse | None = None
    failure: Failure | None = None


class BlockResult(Struct, frozen=True, kw_only=True):
    """The records of one block: the content of ``record.json``."""

    number: int
    records: tuple[Record, ...]
    ready_s: dict[str, float] = {}
    """Seconds from start to the first answer, by stack."""
    unloaded_s: dict[str, dict[str, float]] = {}
    """Latency of a single request at a time, by stack and endpoint."""
    extensions: dict[str, tuple[str, ...]] = {}
    """Packages with compiled parts that a stack's processes had loaded, by stack: its event loop and HTTP parser."""


def nothing_is_left(blocks: Sequence[BlockResult]) -> bool:
    """Whether there is one block, and all that it tried has failed: no further block would have anything to compare."""
    return len(blocks) == 1 and all(record.failure for record in blocks[0].records)


class Interval(Struct, frozen=True, kw_only=True):
    """One histogram: one second (or the rest of one) of one slice, endpoint and kind."""

    block: int
    position: int
    endpoint: str
    kind: HistogramKind
    start_s: float
    """Seconds since the slice's window opened."""
    length_s: float
    histogram: Histogram


class Answer(Struct, frozen=True, kw_only=True):
    """One answer, to be compared between stacks."""

    endpoint: str
    method: str
    path: str
    status: int
    body: str
    others: tuple[str, ...] = ()
    """Other bodies that the same stack gave for the same request."""
    elapsed_s: float = 0.0
    problem: str | None = None
    """Why it is not a right answer; ``None`` where it is."""
