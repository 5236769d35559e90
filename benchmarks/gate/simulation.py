"""Simulated gates: the gate's own decision on drawn blocks of five seconds, from the first block to the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bakeoff.gate.bounds import GateTests
from bakeoff.gate.decision import decide
from bakeoff.gate.effects import BlockCounts, BlockEffects, Effects, MetricKey
from bakeoff.gate.sequential import random_signs
from bakeoff.gate.state import GateState
from bakeoff.model import Counts, GateSettings, GateVerdict

CPU, MEDIAN = MetricKey("cpu_per_request"), MetricKey("latency_p50")
TAIL, MEMORY = MetricKey("latency_p99"), MetricKey("memory")
SPREADS: Mapping[MetricKey, float] = {CPU: 0.0075, MEDIAN: 0.011, TAIL: 0.15, MEMORY: 0.003}
"""Standard deviation of one block's effect: about what is measured on two noisy cores."""
START_S = 12.0
BLOCK_S = 5.0
REQUESTS = 5000
"""Requests that each side gets in a block."""
NO_ERRORS = Counts(requests=REQUESTS, errors=0)
SIGNS = random_signs(np.random.default_rng(0), paths=2000, blocks=100)
"""Fewer paths than a real gate has, for speed: an error of 0.001 is that of two paths."""

Noise = Callable[[np.random.Generator, tuple[int, int]], NDArray[np.float64]]
"""Draws values of mean zero and standard deviation one."""


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """The normal distribution."""
    return rng.standard_normal(shape)


def heavy_tailed(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Student's t with three degrees of freedom."""
    drawn: NDArray[np.float64] = rng.standard_t(3, shape) / np.sqrt(3)
    return drawn


@dataclass(frozen=True)
class Failures:
    """Requests of one side that fail."""

    share: float = 0.0
    """The expected share of all requests."""
    burst: int = 1
    """How many fail at a time."""

    def draw(self, rng: np.random.Generator, blocks: int) -> list[Counts]:
        """The errors of each block."""
        bursts = rng.poisson(self.share * REQUESTS / self.burst, size=blocks)
        return [Counts(requests=REQUESTS, errors=min(REQUESTS, self.burst * int(count))) for count in bursts]


@dataclass(frozen=True)
class Blocks:
    """How the blocks of a gate are drawn."""

    effects: Effects = field(default_factory=dict)
    """The true effects; zero for metrics that are absent."""
    spreads: Mapping[MetricKey, float] = field(default_factory=lambda: SPREADS)
    """The metrics that there are, with the standard deviation of a block's effect."""
    noise: Noise = normal
    correlation: float = 0.0
    """Between any two metrics of a block."""
    persistence: float = 0.0
    """Correlation of each block's noise with that of the block before."""
    slow_start: float = 0.0
    """Added to every metric's effect in the first six blocks."""
    base: Failures = Failures()
    head: Failures = Failures()

    def draw(self, rng: np.random.Generator, count: int) -> Iterator[BlockEffects]:
        """Some blocks in a row."""
        keys = tuple(self.spreads)
        own, shared = self.noise(rng, (count, len(keys))), self.noise(rng, (count, 1))
        noise = np.sqrt(1 - self.correlation) * own + np.sqrt(self.correlation) * shared
        for number in range(1, count if self.persistence else 0):
            noise[number] *= np.sqrt(1 - self.persistence**2)
            noise[number] += self.persistence * noise[number - 1]
        drawn = np.array([self.effects.get(key, 0.0) for key in keys]) + noise * np.array(list(self.spreads.values()))
        drawn[:6] += self.slow_start
        for row, base, head in zip(drawn.tolist(), self.base.draw(rng, count), self.head.draw(rng, count), strict=True):
            yield block(dict(zip(keys, row, strict=True)), base, head)


def new_gate(budget_s: float = GateSettings().budget_s) -> GateState:
    """A gate before its first block."""
    return GateState(settings=GateSettings(budget_s=budget_s), tests=GateTests.start(SIGNS))


def block(effects: Effects, base: Counts = NO_ERRORS, head: Counts = NO_ERRORS) -> BlockEffects:
    """What one block contributes."""
    return BlockEffects(effects=effects, counts=BlockCounts(base=base, head=head))


def after_block(state: GateState, measured: BlockEffects, block_s: float = BLOCK_S) -> GateState:
    """The state after a block that followed the one before without a pause."""
    return decide(state, measured, state.elapsed_s + block_s, block_s)


def gate(rng: np.random.Generator, blocks: Blocks, budget_s: float = GateSettings().budget_s) -> GateState:
    """A whole gate, from its first block to its verdict."""
    state = new_gate(budget_s)
    most = int(budget_s / BLOCK_S) + 1
    for number, measured in enumerate(blocks.draw(rng, most), start=1):
        state = decide(state, measured, START_S + number * BLOCK_S, BLOCK_S)
        if state.verdict is not None:
            return state
    raise AssertionError(f"no verdict after {most} blocks in a budget of {budget_s:g} s")


def gates(runs: int, blocks: Blocks, seed: int = 0, budget_s: float = GateSettings().budget_s) -> Iterator[GateState]:
    """Many gates, each with blocks of its own."""
    rng = np.random.default_rng(seed)
    return (gate(rng, blocks, budget_s) for _ in range(runs))


def verdicts(runs: int, blocks: Blocks, seed: int = 0) -> Counter[GateVerdict | None]:
    """How many of ``runs`` gates end with each verdict."""
    return Counter(state.verdict for state in gates(runs, blocks, seed))
