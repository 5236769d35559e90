"""Group-sequential tests: several looks at growing data with one error rate over all of them. Pure.

The error that a test may make is spent over its looks as Lan and DeMets (1983) propose, with their spending function
that resembles O'Brien and Fleming's boundaries: almost nothing is spent early. The boundary of a look is found by
simulation. Under the null hypothesis each block's effect is as likely to have the other sign, so the paths of the
statistic under random signs, the same for all metrics of a block (Westfall and Young's max-T), follow its null
distribution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

PATHS = 20_000
"""Simulated sign vectors: an error of 0.001 is that of twenty of them."""
SIGNED_BLOCKS = 200
"""Blocks that signs are drawn for at first; a longer gate draws more."""

ROUNDING = 1e-9
"""Statistics that differ by less than this share are equal: with few blocks many sign vectors give the same one."""

Samples = NDArray[np.float64]
"""Effects less their value under the null hypothesis: shape (metrics, blocks)."""


def spent(alpha: float, fraction: float) -> float:
    """The one-sided error that may be spent once a fraction (0 to 1) of the data is there (Lan, DeMets 1983)."""
    if fraction <= 0:
        return 0.0
    return float(2 * stats.norm.sf(stats.norm.isf(alpha / 2) / np.sqrt(min(fraction, 1.0))))


def random_signs(rng: np.random.Generator, paths: int = PATHS, blocks: int = SIGNED_BLOCKS) -> NDArray[np.float64]:
    """Sign vectors, shape (paths, blocks). The first is all plus, because the observed data are one of the paths."""
    signs = (2 * rng.integers(0, 2, size=(paths, blocks)) - 1).astype(np.float64)
    signs[0] = 1
    return signs


def extended(signs: NDArray[np.float64], blocks: int) -> NDArray[np.float64]:
    """The sign vectors with columns for at least ``blocks``. The new ones follow from the shape of ``signs``."""
    paths, known = signs.shape
    if blocks <= known:
        return signs
    more = random_signs(np.random.default_rng([paths, known]), paths, max(known, blocks - known))
    return np.concatenate([signs, more], axis=1)


@dataclass(frozen=True, eq=False)
class SequentialTest:
    """A one-sided test, over several looks, of the hypothesis that no metric's mean is above zero."""

    alpha: float
    """The one-sided error over all looks."""
    signs: NDArray[np.float64]
    """From `random_signs`."""
    crossed: NDArray[np.bool_] | None = None
    """Which paths have crossed the boundary of an earlier look; ``None`` before the first look."""

    def look(self, samples: Samples, fraction: float) -> tuple[float, SequentialTest]:
        """The boundary for the largest studentised mean at this look, and the test as it stands after the look.

        ``fraction`` (0 to 1) is how much of all the data is there. Under random signs, the boundary is crossed at this
        look or an earlier one with a probability of at most ``alpha``. It is infinite where so few blocks cannot show
        that. Each look must hold the blocks of the one before.
        """
        crossed = np.zeros(len(self.signs), dtype=bool) if self.crossed is None else self.crossed
        statistic = studentised(samples, self.signs[:, : samples.shape[1]]).max(axis=1)
        allowed = int(spent(self.alpha, fraction) * len(self.signs)) - int(crossed.sum())
        boundary = _exceeded_by(statistic[~crossed], allowed)
        return boundary, replace(self, crossed=crossed | (statistic > boundary))


def _exceeded_by(statistic: NDArray[np.float64], allowed: int) -> float:
    """The smallest value that at most ``allowed`` of the statistics exceed, by more than rounding."""
    if allowed <= 0 or not len(statistic):
        return float("inf")
    if allowed >= len(statistic):
        return float("-inf")
    smallest = float(np.partition(statistic, len(statistic) - allowed - 1)[len(statistic) - allowed - 1])
    return smallest + ROUNDING * max(1.0, abs(smallest))


def studentised(samples: Samples, signs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over standard error of each metric under each sign vector: shape (paths, metrics)."""
    blocks = samples.shape[1]
    means = signs @ samples.T / blocks
    # A change of sign leaves the squares alone, so the variance follows from the mean.
    variances = ((samples**2).sum(axis=1) - blocks * means**2) / (blocks - 1)
    errors = np.sqrt(np.maximum(variances, 1e-24) / blocks)
    statistics: NDArray[np.float64] = means / errors
    return statistics
