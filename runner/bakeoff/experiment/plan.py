"""From an experiment to ordered blocks and slices: a pure function of the experiment and a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bakeoff.model import SIDES, Block, Experiment, Load, Scenario, Slice

_SEED_LIMIT = 2**31


class DesignError(ValueError):
    """An experiment that could not show a difference however large it was."""


def fewest_blocks(alpha: float, candidates: int) -> int:
    """The fewest blocks that can reach ``alpha``, two-sided, for each of several candidates.

    A sign-flip test over n blocks has 2^n arrangements, so its smallest two-sided p is 2 x 2^-n; Holm's correction asks
    the smallest of m p-values to be at most alpha / m.
    """
    return math.ceil(1 + math.log2(max(1, candidates) / alpha))


def check_design(experiment: Experiment) -> None:
    """Refuse a design that cannot reach its own alpha. Raises `DesignError` with the remedy."""
    candidates = len(experiment.stacks) - 1
    if candidates < 1:
        return
    needed = fewest_blocks(experiment.alpha, candidates)
    if experiment.blocks < needed:
        raise DesignError(
            f"{experiment.blocks} blocks can never show a difference at {experiment.alpha:g}, with "
            f"{candidates} candidate{'s' if candidates > 1 else ''}: set blocks = {needed} or more "
            "(or use --profile smoke, which concludes nothing)"
        )


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
    """What a block of a paired measurement draws: which side starts first, the ports, the hash seed."""
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
    """Every stack ``passes`` times, in a random order that turns around at each pass: ABC CBA."""
    order: list[str] = rng.permutation(names).tolist()
    runs = [order if turn % 2 == 0 else order[::-1] for turn in range(passes)]
    return [
        Slice(
            position=first_position + offset,
            stack=stack,
            scenario=scenario.name,
            load=load,
            seed=int(rng.integers(_SEED_LIMIT)),
        )
        for offset, stack in enumerate(stack for run in runs for stack in run)
    ]


def slice_length_s(least_s: float, mean_latency_s: float, latencies: float, most_s: float) -> float:
    """How long a slice has to be, in seconds, to outlast its queue.

    A slice shorter than many mean latencies measures its own edges. The mean is that of the warm-up, so that the length
    does not depend on what the slice itself measures.
    """
    return min(max(least_s, latencies * mean_latency_s), most_s)


def expected_s(experiment: Experiment, start_s: float = 4.0) -> float:
    """A first guess at how long a run takes, in seconds, before anything was measured."""
    slices = len(experiment.stacks) * len(experiment.scenarios) * len(experiment.loads) * experiment.passes
    return experiment.blocks * (start_s + slices * (experiment.slice_s + experiment.warmup_s))
