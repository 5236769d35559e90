"""Gates on made-up blocks: normal noise about given effects, five seconds a block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from bakeoff.gate.decision import Hypotheses, Key
from bakeoff.gate.sequential import random_signs
from bakeoff.gate.state import Measured, Trial
from bakeoff.model import Counts, GateSettings, GateVerdict

CPU, MEDIAN, TAIL, MEMORY = Key("cpu_per_request"), Key("latency_p50"), Key("latency_p99"), Key("memory")
SPREADS = {CPU: 0.0075, MEDIAN: 0.011, TAIL: 0.15, MEMORY: 0.003}
"""Of one block's effect: about what is measured on two noisy cores."""
START_S = 12.0
BLOCK_S = 5.0
SIGNS = random_signs(np.random.default_rng(0), paths=2000, blocks=40)
"""Fewer than a real gate has, for speed: an error of 0.001 is that of two paths."""


def gate(rng: np.random.Generator, effects: Mapping[Key, float], spreads: Mapping[Key, float] = SPREADS) -> Trial:
    """A whole gate, from its first block to its verdict."""
    trial = Trial(settings=GateSettings(), tests=Hypotheses(SIGNS))
    elapsed_s = START_S
    fine = Counts(requests=500, errors=0)
    while trial.verdict is None:
        elapsed_s += BLOCK_S
        drawn = {key: effects.get(key, 0.0) + spread * rng.standard_normal() for key, spread in spreads.items()}
        trial.add(Measured(effects=drawn, base=fine, head=fine), elapsed_s, BLOCK_S)
    return trial


def verdicts(
    runs: int, effects: Mapping[Key, float], seed: int = 0, spreads: Mapping[Key, float] = SPREADS
) -> Counter[GateVerdict | None]:
    """How many of so many gates end in which way."""
    rng = np.random.default_rng(seed)
    return Counter(gate(rng, effects, spreads).verdict for _ in range(runs))
