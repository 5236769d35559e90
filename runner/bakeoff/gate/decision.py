"""From the effects of blocks to what a gate decides: pure.

An effect is log(head / base) of one metric in one block; above zero is worse. Each metric has a limit, what is
tolerated, and a smaller floor, what is noise by definition. It has passed when its upper bound is below the limit
(non-inferiority), and has regressed when it has not passed and its lower bound is above the floor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats as distributions

from bakeoff.analysis.stats import ratio_estimate
from bakeoff.gate.sequential import Samples, SequentialTest, p_value, random_signs
from bakeoff.model import ALL_ENDPOINTS, GateComparison, GateMetric, GateVerdict, Tolerance

ALPHA_PASS = 0.025
"""Chance that a change of the limit passes, over all looks, for each metric that a pass needs."""
ALPHA_SUSPECT = 0.05
"""Chance that a change of the floor is suspected, over all looks and all metrics."""
ALPHA_CONFIRM = 0.2
"""Chance that such a suspicion is confirmed by fresh blocks: 1 % of both together."""
FIRST_LOOK_BLOCKS = 6
POWER = 0.95
MORE_IS_BETTER: frozenset[GateMetric] = frozenset({"throughput"})
SEED = 1
"""Of the simulated signs: the same data give the same verdict."""


@dataclass(frozen=True, order=True)
class Key:
    """A metric at an endpoint."""

    metric: GateMetric
    endpoint: str = ALL_ENDPOINTS


Effects = Mapping[Key, float]
"""The effects of one block; what it could not measure is absent."""


@dataclass(frozen=True)
class Bounds:
    """What one look says of one metric, on the scale of logarithms."""

    key: Key
    error: float
    lower: float
    upper: float
    blocks: int
    tolerance: Tolerance

    @property
    def passed(self) -> bool:
        """Whether the change is smaller than what is tolerated."""
        return bool(self.upper < np.log1p(self.tolerance.limit))

    @property
    def regressed(self) -> bool:
        """Whether the change is more than noise, and has not passed."""
        return (
            self.tolerance.role != "informational" and not self.passed and self.lower > np.log1p(self.tolerance.floor)
        )


@dataclass(frozen=True)
class Fractions:
    """How much of all that may come is there (0 to 1): of what may raise a suspicion, and of what may show a pass."""

    suspect: float
    passing: float


class Hypotheses:
    """The hypotheses of one gate, and the errors they have spent so far."""

    def __init__(self, signs: NDArray[np.float64] | None = None) -> None:
        """``signs``, from `random_signs`, are what boundaries are calibrated with."""
        self._signs = random_signs(np.random.default_rng(SEED)) if signs is None else signs
        self._suspect = SequentialTest(ALPHA_SUSPECT, self._signs)
        self._passing: dict[Key, SequentialTest] = {}

    def suspect(self, samples: Samples, fraction: float) -> float:
        """The boundary of all metrics together, from their floors upwards."""
        return self._suspect.boundary(samples, fraction) if len(samples) else float("inf")

    def passing(self, key: Key, samples: Samples, fraction: float) -> float:
        """The boundary of one metric, from its limit downwards."""
        test = self._passing.setdefault(key, SequentialTest(ALPHA_PASS, self._signs))
        return test.boundary(samples, fraction)


def look_at(
    blocks: Sequence[Effects], fractions: Fractions, tests: Hypotheses, tolerances: Mapping[GateMetric, Tolerance]
) -> tuple[Bounds, ...]:
    """The bounds of every metric that all blocks measured."""
    keys = measured_in_all(blocks)
    judged = [key for key in keys if tolerances[key.metric].role != "informational"]
    from_floor = _samples(blocks, judged, {key: tolerances[key.metric].floor for key in judged})
    suspect = tests.suspect(from_floor, fractions.suspect)
    return tuple(_bounds(blocks, key, tolerances[key.metric], suspect, fractions.passing, tests) for key in keys)


def _bounds(
    blocks: Sequence[Effects], key: Key, tolerance: Tolerance, suspect: float, fraction: float, tests: Hypotheses
) -> Bounds:
    passing = tests.passing(key, -_samples(blocks, [key], {key: tolerance.limit}), fraction)
    effects = _samples(blocks, [key], {key: 0.0})[0]
    mean, error = float(effects.mean()), float(effects.std(ddof=1) / np.sqrt(len(effects)))
    return Bounds(
        key=key,
        error=error,
        lower=mean - suspect * error,
        upper=mean + passing * error,
        blocks=len(blocks),
        tolerance=tolerance,
    )


def measured_in_all(blocks: Sequence[Effects]) -> list[Key]:
    """The metrics that no block lacks, in order."""
    return sorted(set.intersection(*(set(block) for block in blocks))) if blocks else []


def _samples(blocks: Sequence[Effects], keys: Sequence[Key], changes: Mapping[Key, float]) -> Samples:
    """Effects less the logarithm of a relative change: one row a metric, one column a block."""
    return np.array([[block[key] - np.log1p(changes[key]) for block in blocks] for key in keys], dtype=np.float64)


def suspects(found: Sequence[Bounds]) -> tuple[Key, ...]:
    """The metrics that have regressed."""
    return tuple(bounds.key for bounds in found if bounds.regressed)


def not_passed(found: Sequence[Bounds], tolerances: Mapping[GateMetric, Tolerance]) -> tuple[Key, ...]:
    """The metrics that a pass needs, over all endpoints, and that have not passed or could not be measured."""
    needed = [Key(metric) for metric, tolerance in tolerances.items() if tolerance.role == "required"]
    passed = {bounds.key for bounds in found if bounds.passed}
    return tuple(key for key in needed if key not in passed)


def confirmed(
    fresh: Sequence[Effects], suspected: Sequence[Key], tolerances: Mapping[GateMetric, Tolerance]
) -> tuple[Key, ...]:
    """The suspected metrics that blocks measured since show to be above their floors too; each must do so by itself."""
    measured = set(measured_in_all(fresh))
    return tuple(
        key
        for key in suspected
        if key in measured and p_value(_samples(fresh, [key], {key: tolerances[key.metric].floor})) <= ALPHA_CONFIRM
    )


def errors_rose(base_errors: int, base: int, head_errors: int, head: int, alpha: float = 1e-4) -> bool:
    """Whether the head's share of all errors is more than its share of all requests explains (binomial test)."""
    if head_errors <= base_errors or not base or not head:
        return head_errors > 0 and bool(head) and not base
    split = distributions.binomtest(head_errors, head_errors + base_errors, head / (head + base), alternative="greater")
    return bool(split.pvalue < alpha)


def finding(bounds: Bounds, effects: Sequence[float], verdict: GateVerdict) -> GateComparison:
    """A metric as it is reported."""
    shown = _turned(bounds) if bounds.key.metric in MORE_IS_BETTER else bounds
    ratio = ratio_estimate(-np.asarray(effects) if shown is not bounds else effects)
    return GateComparison(
        metric=bounds.key.metric,
        endpoint=bounds.key.endpoint,
        role=bounds.tolerance.role,
        ratio=ratio,
        lower=_ratio(shown.lower),
        upper=_ratio(shown.upper),
        limit=bounds.tolerance.limit,
        floor=bounds.tolerance.floor,
        smallest_visible=smallest_visible(bounds),
        verdict=verdict,
    )


def _turned(bounds: Bounds) -> Bounds:
    """Effects count upwards for what is worse; a throughput is reported as it is, less being worse."""
    return replace(bounds, lower=-bounds.upper, upper=-bounds.lower)


def _ratio(logarithm: float) -> float | None:
    return float(np.exp(logarithm)) if np.isfinite(logarithm) else None


def smallest_visible(bounds: Bounds) -> float:
    """The relative change that so many blocks would show to be above the floor with 95 % probability."""
    distance = distributions.t.ppf(1 - ALPHA_SUSPECT, bounds.blocks - 1) + distributions.norm.ppf(POWER)
    return float(np.expm1(np.log1p(bounds.tolerance.floor) + distance * bounds.error))
