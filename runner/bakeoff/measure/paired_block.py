"""One block of a duet: both sides started afresh, one load on both at once, first closed loop, then open.

The closed loop is driven in several short rounds. Each opens its connections anew: how they fall to a server's workers
decides how much work is done at once, and thereby the CPU time of a request, for as long as they are open. Its users
are few enough that a fresh process seldom collects all its garbage meanwhile, which takes FastAPI's 40 ms: as much as a
hundred requests, and seldom on both sides alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bakeoff.gate.effects import SIDES
from bakeoff.load.messages import NOT_SENT, Driven
from bakeoff.measure.paired_slice import Driving, Drove, drive, side_of
from bakeoff.measure.records import generator_use, interval
from bakeoff.measure.run import LineUp, RunContext, started
from bakeoff.model import BakeoffError, Block, BlockResult, ClosedLoad, Experiment, Interval, Load, OpenLoad, Record
from bakeoff.stacks import Unknown
from bakeoff.stacks.equivalence import difference, first_problem

ROUNDS = 3
"""Drives of the closed loop in a block."""
PROBE_S = 1.0
LOW_SHARE = 0.3
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


def probe(experiment: Experiment, block: Block, logs: Path, context: RunContext) -> tuple[float, tuple[str, ...]]:
    """Start both sides once: the open loop's rate, in arrivals a second, and what a reader should know.

    Raises `Invalid` when a side does not start or gives wrong answers.
    """
    with started(experiment.stacks, block, logs, context.backend) as line_up:
        _all_up(line_up)
        notes = _compare_answers(experiment, line_up, context)
        if experiment.gate.rate_rps is not None:
            return experiment.gate.rate_rps, notes
        (scenario,) = experiment.scenarios
        closed = ClosedLoad(users=experiment.gate.users)
        driven = drive(line_up, context.generator, Driving(scenario.name, closed, PROBE_S, block.port_seed)).driven
    answered = sum(counts.completed for counts in driven.endpoints)
    if not answered:
        raise Invalid(f"no right answer in {driven.window_s:.1f} s of {closed.users} users: {_first_reason(driven)}")
    return LOW_SHARE * answered / driven.window_s, notes


def _first_reason(driven: Driven) -> str:
    return next((counts.reason for counts in driven.endpoints if counts.reason), "none came back in time")


def _all_up(line_up: LineUp) -> None:
    for name, failure in line_up.failures.items():
        raise Invalid(f"{name} did not start: {failure.message}")


def _compare_answers(experiment: Experiment, line_up: LineUp, context: RunContext) -> tuple[str, ...]:
    """Wrong answers end the gate; answers that differ are worth knowing of: head may be meant to answer otherwise."""
    (scenario,) = experiment.scenarios
    base, head = (context.generator.ask(scenario.name, line_up.running[side].url) for side in SIDES)
    for side, answers in zip(SIDES, (base, head), strict=True):
        if problem := first_problem(answers):
            raise Invalid(f"{side} gives wrong answers: {problem}")
    found = difference(base, head, experiment.volatile)
    return (f"base and head answer differently: {found}",) if found else ()


def run_duet(
    experiment: Experiment, block: Block, rate_rps: float, logs: Path, context: RunContext
) -> tuple[BlockResult, list[Interval]]:
    """Both sides under both loads. Raises `Invalid` when one does not start, or ends."""
    records: list[Record] = []
    intervals: list[Interval] = []
    with started(experiment.stacks, block, logs, context.backend) as line_up:
        _all_up(line_up)
        for driving in _drives(experiment, block, rate_rps):
            found = drive(line_up, context.generator, driving)
            _all_alive(line_up)
            first = len(records)
            records += _records(experiment, block, driving.load, found, first)
            intervals += _intervals(block, found, first)
        ready_s = dict(line_up.ready_s)
    return BlockResult(number=block.number, records=tuple(records), ready_s=ready_s), intervals


def _drives(experiment: Experiment, block: Block, rate_rps: float) -> Iterator[Driving]:
    """The rounds of the closed loop, then the open loop."""
    gate, (scenario,) = experiment.gate, experiment.scenarios
    for number in range(ROUNDS):
        closed = ClosedLoad(users=gate.users)
        yield Driving(scenario.name, closed, gate.closed_s / ROUNDS, block.port_seed + number)
    yield Driving(scenario.name, OpenLoad(rate_rps=rate_rps), gate.open_s, block.port_seed)


def _all_alive(line_up: LineUp) -> None:
    for name, running in line_up.running.items():
        if ended := running.exit_message():
            raise Invalid(f"{name} ended under load: {ended}")


def _records(experiment: Experiment, block: Block, load: Load, found: Drove, first: int) -> Iterator[Record]:
    (scenario,) = experiment.scenarios
    unsent = sum(counts.outcomes.dropped for counts in found.driven.endpoints if counts.endpoint == NOT_SENT)
    if unsent:
        raise Invalid(f"{unsent} arrivals found no free connection; set a lower rate_rps in [gate]")
    for place, side in enumerate(SIDES):
        use = found.use[side]
        yield Record(
            block=block.number,
            position=first + place,
            stack=side,
            scenario=scenario.name,
            load=load,
            started_unix_s=found.began_unix_s,
            window_s=found.driven.window_s,
            warmup_s=found.driven.warmup_s,
            endpoints=tuple(found.endpoints(side)),
            server=None if isinstance(use, Unknown) else use,
            server_unknown=use.reason if isinstance(use, Unknown) else None,
            generator=generator_use(found.driven),
        )


def _intervals(block: Block, found: Drove, first: int) -> Iterator[Interval]:
    for second in found.seconds:
        side, endpoint = side_of(second.endpoint)
        yield interval(block.number, first + SIDES.index(side), endpoint, found.driven, second)
