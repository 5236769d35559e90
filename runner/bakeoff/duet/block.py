"""One block of a duet: both sides started afresh, one load on both at once, first closed loop, then open."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from bakeoff.answers import difference, first_problem
from bakeoff.backends import Unknown, Usage
from bakeoff.errors import BakeoffError
from bakeoff.execute import MAX_CONNECTIONS, QUEUE_LIMIT_S, TIMEOUT_S, LineUp, Workbench, started
from bakeoff.gate.effects import SIDES
from bakeoff.load.generator import Watcher
from bakeoff.load.messages import NOT_SENT, Drive, Driven, Second
from bakeoff.model import (
    Block,
    BlockResult,
    ClosedLoad,
    Experiment,
    Interval,
    Load,
    OpenLoad,
    Record,
    ServerUse,
    Tally,
)
from bakeoff.records import generator_use, interval, server_use

WARMUP_S = 0.2
MAX_WARMUP_S = 10.0
LATENCIES = 5.0
"""A window lasts at least so many mean latencies; it need not be longer, since its edges are the same for both."""
MOST_S = 15.0
PROBE_S = 1.0
LOW_SHARE = 0.2
"""The open loop's rate, as a share of what the closed loop carries: low enough that requests seldom queue."""
_SEED_LIMIT = 2**31


class Invalid(BakeoffError):
    """A gate that cannot decide, and why."""


def duet_block(seed: int, number: int) -> Block:
    """What a block draws: who starts first, the ports, the hash seed."""
    rng = np.random.default_rng([seed, number])
    return Block(
        number=number,
        start_order=tuple(rng.permutation(SIDES).tolist()),
        hash_seed=int(rng.integers(_SEED_LIMIT)),
        port_seed=int(rng.integers(_SEED_LIMIT)),
        slices=(),
    )


def probe(experiment: Experiment, block: Block, logs: Path, bench: Workbench) -> tuple[float, tuple[str, ...]]:
    """Start both sides once: the open loop's rate, in arrivals a second, and what a reader should know.

    Raises `Invalid` when a side does not start or gives wrong answers.
    """
    with started(experiment.stacks, block, logs, bench.backend) as line_up:
        _all_up(line_up)
        notes = _compare_answers(experiment, line_up, bench)
        if experiment.gate.rate_rps is not None:
            return experiment.gate.rate_rps, notes
        closed = ClosedLoad(users=experiment.gate.users)
        driven, _ = drive(experiment, block, line_up, bench, closed, Meter(line_up, SIDES, PROBE_S))
    answered = sum(tally.completed for tally in driven.tallies)
    if not answered:
        raise Invalid(f"no right answer in {driven.window_s:.1f} s of {closed.users} users: {_first_reason(driven)}")
    return LOW_SHARE * answered / driven.window_s, notes


def _first_reason(driven: Driven) -> str:
    return next((tally.reason for tally in driven.tallies if tally.reason), "none came back in time")


def _all_up(line_up: LineUp) -> None:
    for name, failure in line_up.failures.items():
        raise Invalid(f"{name} did not start: {failure.message}")


def _compare_answers(experiment: Experiment, line_up: LineUp, bench: Workbench) -> tuple[str, ...]:
    """Wrong answers end the gate; answers that differ are worth knowing of: head may be meant to answer otherwise."""
    (scenario,) = experiment.scenarios
    base, head = (bench.generator.ask(scenario.name, line_up.running[side].url) for side in SIDES)
    for side, answers in zip(SIDES, (base, head), strict=True):
        if problem := first_problem(answers):
            raise Invalid(f"{side} gives wrong answers: {problem}")
    found = difference(base, head, experiment.volatile)
    return (f"base and head answer differently: {found}",) if found else ()


def run_duet(
    experiment: Experiment, block: Block, rate_rps: float, logs: Path, bench: Workbench
) -> tuple[BlockResult, list[Interval]]:
    """Both sides under both loads. Raises `Invalid` when one does not start, or ends."""
    loads: tuple[tuple[Load, float], ...] = (
        (ClosedLoad(users=experiment.gate.users), experiment.gate.closed_s),
        (OpenLoad(rate_rps=rate_rps), experiment.gate.open_s),
    )
    records: list[Record] = []
    intervals: list[Interval] = []
    with started(experiment.stacks, block, logs, bench.backend) as line_up:
        _all_up(line_up)
        for load, least_s in loads:
            meter = Meter(line_up, block.start_order, least_s)
            driven, seconds = drive(experiment, block, line_up, bench, load, meter)
            _all_alive(line_up)
            first = len(records)
            records += _records(experiment, block, load, driven, meter, first)
            intervals += _intervals(block, driven, seconds, first)
        ready_s = dict(line_up.ready_s)
    return BlockResult(number=block.number, records=tuple(records), ready_s=ready_s), intervals


def _all_alive(line_up: LineUp) -> None:
    for name, running in line_up.running.items():
        if ended := running.exit_message():
            raise Invalid(f"{name} ended under load: {ended}")


class Meter(Watcher):
    """Reads what both sides use at both ends of a window, in the same order, so that both windows are as long."""

    def __init__(self, line_up: LineUp, order: Sequence[str], least_s: float) -> None:
        self._running = {name: line_up.running[name] for name in order}
        self._least_s = least_s
        self._before: dict[str, Usage | Unknown] = {}
        self.use: dict[str, ServerUse] = {}
        self.unknown: dict[str, str] = {}
        """Why a side's use is not known."""
        self.opened_unix_s = 0.0

    def warm(self, mean_latency_s: float) -> float:
        """Long enough for requests to come and go several times."""
        return min(MOST_S, max(self._least_s, LATENCIES * mean_latency_s))

    def window_opened(self) -> None:
        """Read the counters."""
        self.opened_unix_s = time.time()
        self._before = self._usage()

    def window_closed(self) -> None:
        """Read the counters again."""
        for name, after in self._usage().items():
            found = server_use(self._before[name], after, others_cpu_s=0.0)
            if isinstance(found, Unknown):
                self.unknown[name] = found.reason
            else:
                self.use[name] = found

    def _usage(self) -> dict[str, Usage | Unknown]:
        return {name: running.usage() for name, running in self._running.items()}


def drive(
    experiment: Experiment, block: Block, line_up: LineUp, bench: Workbench, load: Load, meter: Meter
) -> tuple[Driven, list[Second]]:
    """Both sides under one load, for as long as the meter says."""
    (scenario,) = experiment.scenarios
    order = Drive(
        scenario=scenario.name,
        targets={side: line_up.running[side].url for side in SIDES},
        load=load,
        seed=block.port_seed,
        warmup_s=WARMUP_S,
        max_warmup_s=MAX_WARMUP_S,
        timeout_s=TIMEOUT_S,
        max_connections=MAX_CONNECTIONS,
        queue_limit_s=QUEUE_LIMIT_S,
    )
    return bench.generator.drive(order, meter)


def _side_of(endpoint: str) -> tuple[str, str]:
    """The side and the endpoint proper."""
    side, _, rest = endpoint.partition(" ")
    return side, rest


def _records(
    experiment: Experiment, block: Block, load: Load, driven: Driven, meter: Meter, first: int
) -> Iterator[Record]:
    (scenario,) = experiment.scenarios
    unsent = sum(tally.fates.dropped for tally in driven.tallies if tally.endpoint == NOT_SENT)
    if unsent:
        raise Invalid(f"{unsent} arrivals found no free connection; set a lower rate_rps in [gate]")
    for place, side in enumerate(SIDES):
        yield Record(
            block=block.number,
            position=first + place,
            stack=side,
            scenario=scenario.name,
            load=load,
            started_unix_s=meter.opened_unix_s,
            window_s=driven.window_s,
            warmup_s=driven.warmup_s,
            tallies=tuple(_tallies_of(side, driven.tallies)),
            server=meter.use.get(side),
            server_unknown=meter.unknown.get(side),
            generator=generator_use(driven),
        )


def _tallies_of(side: str, tallies: Sequence[Tally]) -> Iterator[Tally]:
    for tally in tallies:
        owner, endpoint = _side_of(tally.endpoint)
        if owner == side:
            yield msgspec.structs.replace(tally, endpoint=endpoint)


def _intervals(block: Block, driven: Driven, seconds: Sequence[Second], first: int) -> Iterator[Interval]:
    for second in seconds:
        side, endpoint = _side_of(second.endpoint)
        yield interval(block.number, first + SIDES.index(side), endpoint, driven, second)
