"""Orders blocks and slices: a pure function of an experiment and a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bakeoff.model import SIDES, Block, Experiment, Load, Scenario, Slice

_SEED_LIMIT = 2**31


def plan_blocks(experiment: Experiment, seed: int) -> tuple[Block, ...]:
    """All blocks of a run; the same seed gives the same plan, and each block draws its own order."""
    return tuple(_plan_block(experiment, seed, number) for number in range(experiment.blocks))


def _plan_block(experiment: Experiment, seed: int, number: int) -> Block:
    rng = np.random.default_rng([seed, number])
    names = [stack.name for stack in experiment.stacks]
    conditions = [(scenario, load) for scenario in experiment.scenarios for load in experiment.loads]
    rng.shuffle(conditions)
    slices: list[Slice] = []
    for scenario, load in conditions:
        slices += _plan_condition(rng, names, scenario, load, experiment.passes, len(slices))
    return _draw_start(rng, number, names, slices)


def plan_paired_block(seed: int, number: int) -> Block:
    """A block of a paired measurement: which side starts first, the ports and the hash seed."""
    rng = np.random.default_rng([seed, number])
    return _draw_start(rng, number, SIDES, ())


def _draw_start(rng: np.random.Generator, number: int, names: Sequence[str], slices: Sequence[Slice]) -> Block:
    return Block(
        number=number,
        start_order=tuple(rng.permutation(names).tolist()),
        hash_seed=int(rng.integers(_SEED_LIMIT)),
        port_seed=int(rng.integers(_SEED_LIMIT)),
        slices=tuple(slices),
    )


def _plan_condition(
    rng: np.random.Generator, names: list[str], scenario: Scenario, load: Load, passes: int, first_position: int
) -> list[Slice]:
    """Every stack ``passes`` times, in a random order that is reversed at every other pass: ABC CBA."""
    order: list[str] = rng.permutation(names).tolist()
    orders = [order if number % 2 == 0 else order[::-1] for number in range(passes)]
    return [
        Slice(
            position=first_position + offset,
            stack=stack,
            scenario=scenario.name,
            load=load,
            seed=int(rng.integers(_SEED_LIMIT)),
        )
        for offset, stack in enumerate(stack for order in orders for stack in order)
    ]


def slice_length_s(least_s: float, mean_latency_s: float, latencies: float, most_s: float) -> float:
    """The length of a slice in seconds: at least ``latencies`` mean latencies, between ``least_s`` and ``most_s``.

    In a shorter slice, requests that begin or end outside it weigh too much. The mean is that of the warm-up, so that
    the length does not depend on what the slice itself measures.
    """
    return min(max(least_s, latencies * mean_latency_s), most_s)


def expected_s(experiment: Experiment, start_s: float = 4.0) -> float:
    """An estimate of how long a run takes, in seconds, before anything was measured."""
    slices = len(experiment.stacks) * len(experiment.scenarios) * len(experiment.loads) * experiment.passes
    return experiment.blocks * (start_s + slices * (experiment.slice_s + experiment.warmup_s))
