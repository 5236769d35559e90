"""One look at the blocks so far: the bounds of each metric's effect, at the error rates of the whole gate. Pure.

Each metric has a limit, the change that is tolerated, and a smaller floor, the change that counts as noise. A metric
has passed when its upper bound is below the limit (non-inferiority). It has regressed when it has not passed and its
lower bound is above the floor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bakeoff.gate.effects import Effects, MetricKey
from bakeoff.gate.errors import ALPHA_ERRORS
from bakeoff.gate.sequential import Samples, SequentialTest, extended, random_signs, spent_evenly
from bakeoff.model import GateMetric, Role, Tolerance

ALPHA_PASS = 0.025
"""Probability that a change of the limit passes, over all looks, for each required metric."""
ALPHA_SUSPECT = 0.05
"""Probability that a change of the floor is suspected, over all looks and all metrics."""
POWER = 0.95
SEED = 1
"""Of the randomisation tests: the same data give the same verdict."""


@dataclass(frozen=True)
class MetricBounds:
    """The bounds of one metric's effect at one look, as logarithms of head / base."""

    key: MetricKey
    error: float
    """Standard error of the mean effect."""
    lower: float
    upper: float
    blocks: int
    tolerance: Tolerance

    @property
    def passed(self) -> bool:
        """Whether the change is shown to be below the limit."""
        return bool(self.upper < np.log1p(self.tolerance.limit))

    @property
    def regressed(self) -> bool:
        """Whether the change is shown to be above the floor, and has not passed."""
        above_floor = self.lower > np.log1p(self.tolerance.floor)
        return bool(self.tolerance.role is not Role.INFORMATIONAL and not self.passed and above_floor)

    @property
    def smallest_visible(self) -> float:
        """The relative change that so many blocks would show to be above the floor with 95 % probability."""
        distance = stats.t.ppf(1 - ALPHA_SUSPECT, self.blocks - 1) + stats.norm.ppf(POWER)
        return float(np.expm1(np.log1p(self.tolerance.floor) + distance * self.error))


@dataclass(frozen=True)
class Fractions:
    """How much of all the blocks that there is time for is there, 0 to 1."""

    suspect: float
    """Of the blocks that may raise a suspicion: time is reserved for those that confirm it."""
    passing: float
    """Of the blocks that may show a pass, or a rise of errors."""


@dataclass(frozen=True, eq=False)
class GateTests:
    """The hypothesis tests of one gate, with the error that earlier looks have spent."""

    suspect: SequentialTest
    """That no metric is above its floor: all metrics together."""
    errors: SequentialTest
    """That the head has no more errors than the base."""
    passing: Mapping[MetricKey, SequentialTest] = field(default_factory=dict)
    """That a metric is at its limit or above, each by itself."""

    @classmethod
    def start(cls, signs: NDArray[np.float64] | None = None) -> GateTests:
        """The tests before the first look. ``signs`` come from `random_signs`, by default with a fixed seed."""
        if signs is None:
            signs = random_signs(np.random.default_rng(SEED))
        return cls(
            suspect=SequentialTest(ALPHA_SUSPECT, signs), errors=SequentialTest(ALPHA_ERRORS, signs, spent_evenly)
        )

    def for_blocks(self, blocks: int) -> GateTests:
        """The same tests, with signs for that many blocks, which all of them share."""
        signs = extended(self.suspect.signs, blocks)
        if signs is self.suspect.signs:
            return self
        passing = {key: replace(test, signs=signs) for key, test in self.passing.items()}
        suspect, errors = (replace(test, signs=signs) for test in (self.suspect, self.errors))
        return replace(self, suspect=suspect, errors=errors, passing=passing)


def look(
    blocks: Sequence[Effects], fractions: Fractions, tests: GateTests, tolerances: Mapping[GateMetric, Tolerance]
) -> tuple[tuple[MetricBounds, ...], GateTests]:
    """The bounds of every metric that all blocks have, and the tests as they stand after this look."""
    tests = tests.for_blocks(len(blocks))
    keys = measured_in_all(blocks)
    judged = [key for key in keys if tolerances[key.metric].role is not Role.INFORMATIONAL]
    distance, suspect = float("inf"), tests.suspect
    if judged:
        above_floor = samples(blocks, judged, [tolerances[key.metric].floor for key in judged])
        distance, suspect = suspect.look(above_floor, fractions.suspect)
    bounds, passing = [], dict(tests.passing)
    for key in keys:
        tolerance = tolerances[key.metric]
        test = passing.get(key) or SequentialTest(ALPHA_PASS, suspect.signs)
        below_limit = -samples(blocks, [key], [tolerance.limit])
        distance_to_pass, passing[key] = test.look(below_limit, fractions.passing)
        effects = samples(blocks, [key], [0.0])[0]
        mean, error = float(effects.mean()), float(effects.std(ddof=1) / np.sqrt(len(effects)))
        bounds.append(
            MetricBounds(
                key=key,
                error=error,
                lower=mean - distance * error,
                upper=mean + distance_to_pass * error,
                blocks=len(blocks),
                tolerance=tolerance,
            )
        )
    return tuple(bounds), replace(tests, suspect=suspect, passing=passing)


def measured_in_all(blocks: Sequence[Effects]) -> list[MetricKey]:
    """The metrics that every block has, in order."""
    return sorted(set.intersection(*(set(block) for block in blocks))) if blocks else []


def samples(blocks: Sequence[Effects], keys: Sequence[MetricKey], changes: Sequence[float]) -> Samples:
    """Effects less the logarithm of a relative change, one for each metric: shape (metrics, blocks)."""
    effects = np.array([[block[key] for block in blocks] for key in keys], dtype=np.float64)
    less: Samples = effects - np.log1p(np.array(changes, dtype=np.float64))[:, None]
    return less
