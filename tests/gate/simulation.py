"""Simulated gates: blocks of five seconds whose effects are drawn from normal distributions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from bakeoff.gate.bounds import GateTests
from bakeoff.gate.decision import decide
from bakeoff.gate.effects import BlockEffects, Effects, MetricKey
from bakeoff.gate.sequential import random_signs
from bakeoff.gate.state import GateState
from bakeoff.model import Counts, GateSettings, GateVerdict

CPU, MEDIAN = MetricKey("cpu_per_request"), MetricKey("latency_p50")
TAIL, MEMORY = MetricKey("latency_p99"), MetricKey("memory")
SPREADS = {CPU: 0.0075, MEDIAN: 0.011, TAIL: 0.15, MEMORY: 0.003}
"""Standard deviation of one block's effect: about what is measured on two noisy cores."""
START_S = 12.0
BLOCK_S = 5.0
NO_ERRORS = Counts(requests=500, errors=0)
SIGNS = random_signs(np.random.default_rng(0), paths=2000, blocks=40)
"""Fewer paths than a real gate has, for speed: an error of 0.001 is that of two paths."""


def new_gate(budget_s: float = GateSettings().budget_s) -> GateState:
    """A gate before its first block."""
    return GateState(settings=GateSettings(budget_s=budget_s), tests=GateTests.start(SIGNS))


def block(effects: Effects, base: Counts = NO_ERRORS, head: Counts = NO_ERRORS) -> BlockEffects:
    """What one block contributes."""
    return BlockEffects(effects=effects, base=base, head=head)


def after_block(state: GateState, measured: BlockEffects, block_s: float = BLOCK_S) -> GateState:
    """The state after a block that followed the one before without a pause."""
    return decide(state, measured, state.elapsed_s + block_s, block_s)


def gate(rng: np.random.Generator, effects: Effects, spreads: Mapping[MetricKey, float] = SPREADS) -> GateState:
    """A whole gate, from its first block to its verdict, on these true effects."""
    state = new_gate()
    elapsed_s = START_S
    while state.verdict is None:
        elapsed_s += BLOCK_S
        drawn = {key: effects.get(key, 0.0) + spread * rng.standard_normal() for key, spread in spreads.items()}
        state = decide(state, block(drawn), elapsed_s, BLOCK_S)
    return state


def verdicts(
    runs: int, effects: Effects, seed: int = 0, spreads: Mapping[MetricKey, float] = SPREADS
) -> Counter[GateVerdict | None]:
    """How many of ``runs`` gates end with each verdict."""
    rng = np.random.default_rng(seed)
    return Counter(gate(rng, effects, spreads).verdict for _ in range(runs))
