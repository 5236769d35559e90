"""One block of a paired measurement: base and head started afresh, and put under the same loads.

First comes a closed loop, in which they take turns: during a turn one side has all users and the servers' CPUs to
itself. Its throughput is that of the middle of its turns: what it would be alone.

Then comes an open loop, in which each arrival draws its side. It gives latencies, and the CPU time of a request: what a
request costs depends on how many come at once, and here both sides have equal arrivals by design, at the same moments.
Measured in turns, the CPU time of identical code differs by 3 to 5 % from one start of its processes to the next, as
their memory happens to fall into the caches; where the sides interleave request by request, by 0.4 to 1 %.

What both sides used is read before the first request and after the last answer, and every request counts, those of the
warm-up included. So each request's CPU time is counted whole: in a window cut out of a steady load, the requests in
flight at its two ends make as much as a difference of 1 %.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bakeoff.load.generator import LoadGenerator, Watcher
from bakeoff.load.messages import NOT_SENT, Drive, Driven, Second
from bakeoff.measure.block import ask_and_compare, block_result
from bakeoff.measure.context import RunContext
from bakeoff.measure.record import Observed, intervals_of, record_of, server_use
from bakeoff.model import (
    SIDES,
    BakeoffError,
    Block,
    BlockResult,
    ClosedLoad,
    EndpointCounts,
    Experiment,
    Interval,
    Load,
    OpenLoad,
    Record,
    ServerUse,
    Slice,
    merged_counts,
)
from bakeoff.stacks import StacksUnderTest, Unknown, started

PROBE_S = 1.0
RATE_SHARE = 0.5
"""The open loop's rate, as a share of what both sides can carry when they get equal arrivals: few requests queue."""
WARMUP_S = 0.2
MAX_WARMUP_S = 10.0
LATENCIES_PER_WINDOW = 2.0
"""A window lasts at least this many mean latencies; it need not be longer, since its edges are the same for both."""
MAX_WINDOW_S = 15.0


class PairFailure(BakeoffError):
    """Base and head cannot be compared: one of them does not start, ends, or answers wrongly."""

    def __init__(self, message: str, side: str | None = None) -> None:
        """``side`` is the only one that failed: ``base``, ``head``, or ``None``."""
        super().__init__(message)
        self.side = side


@dataclass(frozen=True)
class PairedDrive:
    """What became of one load on both sides."""

    driven: Driven
    """Its window is that of the histograms."""
    seconds: Sequence[Second]
    started_unix_s: float
    server: Mapping[str, ServerUse | Unknown]
    """What each side used, from before the first request until after the last answer."""

    def endpoints(self, side: str) -> tuple[EndpointCounts, ...]:
        """All requests that a side was sent, by endpoint. ``completed`` counts all right answers of the whole drive."""
        merged = merged_counts((*self.driven.warmup, *self.driven.endpoints, *self.driven.drain))
        return tuple(
            msgspec.structs.replace(counts, endpoint=endpoint, completed=counts.outcomes.right)
            for counts in merged
            for owner, endpoint in [_side_and_endpoint(counts.endpoint)]
            if owner == side
        )

    def completed(self, side: str) -> int:
        """All right answers of a side."""
        return sum(counts.completed for counts in self.endpoints(side))

    def seconds_of(self, side: str) -> Iterator[Second]:
        """The histograms of one side."""
        for second in self.seconds:
            owner, endpoint = _side_and_endpoint(second.endpoint)
            if owner == side:
                yield msgspec.structs.replace(second, endpoint=endpoint)

    @property
    def not_sent(self) -> int:
        """Arrivals that found no free connection; they belong to neither side."""
        return sum(counts.outcomes.dropped for counts in self.driven.endpoints if counts.endpoint == NOT_SENT)


def probe(experiment: Experiment, block: Block, logs: Path, context: RunContext) -> tuple[float, tuple[str, ...]]:
    """Start both sides once: the open loop's rate, in arrivals a second, and how their answers differ.

    Raises `PairFailure`.
    """
    with started(experiment.stacks, block, logs, context.backend) as stacks:
        _raise_if_failed(stacks, "did not start")
        differences = ask_and_compare(experiment, stacks, context.generator)
        _raise_if_failed(stacks, "gives wrong answers")
        for problem in differences.values():
            context.observer.answers_differ(problem)
        problems = tuple(differences.values())
        if experiment.gate.rate_rps is not None:
            return experiment.gate.rate_rps, problems
        order = paired_order(experiment, stacks, ClosedLoad(users=experiment.gate.users), block.port_seed)
        paired = drive_pair(order, PROBE_S, stacks, context.generator)
    return RATE_SHARE * len(SIDES) / sum(_s_per_answer(paired, side) for side in SIDES), problems


def _s_per_answer(paired: PairedDrive, side: str) -> float:
    """The time that a side needs for a right answer, among many. Raises `PairFailure` when it gave none."""
    answered, took_s = paired.completed(side), paired.driven.turns_s[side]
    if not answered:
        reason = next((counts.reason for counts in paired.endpoints(side) if counts.reason), "none arrived in time")
        raise PairFailure(f"no right answer of {side} in {took_s:.1f} s: {reason}", side=side)
    return took_s / answered


def measure_paired_block(
    experiment: Experiment, block: Block, rate_rps: float, logs: Path, context: RunContext
) -> tuple[BlockResult, list[Interval]]:
    """Both sides under both loads; a closed loop's window is the time that its tasks took. Raises `PairFailure`."""
    records: list[Record] = []
    intervals: list[Interval] = []
    with started(experiment.stacks, block, logs, context.backend) as stacks:
        _raise_if_failed(stacks, "did not start")
        for load, least_s, seed in _loads(experiment, block, rate_rps):
            order = paired_order(experiment, stacks, load, seed)
            paired = drive_pair(order, least_s, stacks, context.generator)
            _check_alive(stacks)
            if paired.not_sent:
                raise PairFailure(
                    f"{paired.not_sent} arrivals found no free connection; set a lower rate_rps in [gate]"
                )
            for side in SIDES:
                planned = Slice(position=len(records), stack=side, scenario=order.scenario, load=load, seed=seed)
                observed = Observed(started_unix_s=paired.started_unix_s, server=paired.server[side])
                record = record_of(block.number, planned, paired.driven, paired.endpoints(side), observed)
                window_s = paired.driven.turns_s.get(side, record.window_s)
                records.append(msgspec.structs.replace(record, window_s=window_s))
                intervals += intervals_of(block.number, planned.position, paired.driven, paired.seconds_of(side))
    return block_result(block.number, records, stacks), intervals


def paired_order(experiment: Experiment, stacks: StacksUnderTest, load: Load, seed: int) -> Drive:
    """The order to put both sides under one load."""
    (scenario,) = experiment.scenarios
    return Drive(
        scenario=scenario.name,
        targets={side: stacks[side].url for side in SIDES},
        load=load,
        seed=seed,
        warmup_s=WARMUP_S,
        max_warmup_s=MAX_WARMUP_S,
    )


def drive_pair(order: Drive, least_s: float, stacks: StacksUnderTest, generator: LoadGenerator) -> PairedDrive:
    """Drive both sides for ``least_s`` seconds, or longer where latency demands it.

    Raises `PairFailure` when requests were counted that belong to neither side.
    """
    started_unix_s = time.time()
    before = {side: stacks[side].usage() for side in SIDES}
    driven, seconds = generator.drive(order, _WindowLength(least_s))
    _check_sides(driven)
    after = {side: stacks[side].usage() for side in SIDES}
    server = {side: server_use(before[side], after[side]) for side in SIDES}
    return PairedDrive(driven=driven, seconds=seconds, started_unix_s=started_unix_s, server=server)


class _WindowLength(Watcher):
    """A window of a least length, longer where requests take long."""

    def __init__(self, least_s: float) -> None:
        self._least_s = least_s

    def warm(self, mean_latency_s: float) -> float:
        """The length of the window, in seconds."""
        return min(MAX_WINDOW_S, max(self._least_s, LATENCIES_PER_WINDOW * mean_latency_s))


def _loads(experiment: Experiment, block: Block, rate_rps: float) -> Iterator[tuple[Load, float, int]]:
    """Each load of a block with its least length in seconds and its seed."""
    gate = experiment.gate
    yield ClosedLoad(users=gate.users), gate.closed_s, block.port_seed
    yield OpenLoad(rate_rps=rate_rps), gate.open_s, block.port_seed


def _side_and_endpoint(name: str) -> tuple[str, str]:
    """The side and the endpoint in a name of the generator's, which counts ``base /cake`` apart from ``head /cake``."""
    side, _, endpoint = name.partition(" ")
    return side, endpoint


def _check_sides(driven: Driven) -> None:
    """Raise `PairFailure` when a request belongs to neither side, since it would be missing from both accounts."""
    for counts in (*driven.warmup, *driven.endpoints, *driven.drain):
        if counts.endpoint != NOT_SENT and _side_and_endpoint(counts.endpoint)[0] not in SIDES:
            raise PairFailure(f"{counts.offered} requests at {counts.endpoint} belong to neither base nor head")


def _raise_if_failed(stacks: StacksUnderTest, failed_at: str) -> None:
    """Raise `PairFailure` when a side has failed. ``failed_at`` says at what, for example ``did not start``."""
    failures = {name: stack.failure for name, stack in stacks.items() if stack.failure}
    if failures:
        messages = [f"{name} {failed_at}: {failure.message}" for name, failure in failures.items()]
        raise PairFailure("; ".join(messages), side=next(iter(failures)) if len(failures) == 1 else None)


def _check_alive(stacks: StacksUnderTest) -> None:
    for stack in stacks.values():
        stack.check_alive()
    _raise_if_failed(stacks, "ended under load")
