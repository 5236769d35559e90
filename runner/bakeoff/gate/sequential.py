"""Looking several times at growing data without crying wolf more often for it.

The error that a test may make is spent over its looks as Lan and DeMets (1983) propose, with the spending function that
resembles O'Brien and Fleming's boundaries: almost nothing early on. What a look may spend becomes a boundary by
simulation: under the null hypothesis a block's effect is as likely to have the other sign, so the paths of the
statistic under random signs, the same for all metrics of a block (Westfall and Young's max-T), are those of chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

PATHS = 20_000
"""Sign vectors: an error of 0.001 is then that of twenty paths."""
MOST_BLOCKS = 200

ROUNDING = 1e-9
"""What is equal up to so much, relatively, is equal: of few blocks many sign vectors give the same statistic."""

Samples = NDArray[np.float64]
"""One row a metric, one column a block: logarithms of ratios, less what the hypothesis says they are."""


def spent(alpha: float, fraction: float) -> float:
    """The one-sided error that may have been spent when a fraction of the information is there (Lan, DeMets 1983)."""
    if fraction <= 0:
        return 0.0
    return float(2 * stats.norm.sf(stats.norm.isf(alpha / 2) / np.sqrt(min(fraction, 1.0))))


def random_signs(rng: np.random.Generator, paths: int = PATHS, blocks: int = MOST_BLOCKS) -> NDArray[np.float64]:
    """``paths`` sign vectors of length ``blocks``; the first is all plus: what was observed is one of the paths."""
    signs = (2 * rng.integers(0, 2, size=(paths, blocks)) - 1).astype(np.float64)
    signs[0] = 1
    return signs


class SequentialTest:
    """One hypothesis, looked at again and again: that no metric's effects lie above zero."""

    def __init__(self, alpha: float, signs: NDArray[np.float64]) -> None:
        """``alpha`` is the one-sided error over all looks; ``signs`` come from `random_signs`."""
        self._alpha = alpha
        self._signs = signs
        self._alive = np.ones(len(signs), dtype=bool)
        self._crossed = 0

    def boundary(self, samples: Samples, fraction: float) -> float:
        """What the largest studentised mean has to exceed at this look, when a fraction (0 to 1) of all may be there.

        Under signs at random it does so, at this look or before, with probability ``alpha`` at most; infinite where so
        few blocks cannot show that. Looks must be made in order, each with the blocks of the one before and more.
        """
        statistic = max_t(samples, self._signs[:, : samples.shape[1]])
        allowed = int(spent(self._alpha, fraction) * len(self._signs)) - self._crossed
        boundary = _exceeded_by(statistic[self._alive], allowed)
        crossing = self._alive & (statistic > boundary)
        self._crossed += int(crossing.sum())
        self._alive &= ~crossing
        return boundary


def _exceeded_by(statistic: NDArray[np.float64], allowed: int) -> float:
    """The least value that at most ``allowed`` of the statistics exceed, by more than rounding."""
    if allowed <= 0 or not len(statistic):
        return float("inf")
    if allowed >= len(statistic):
        return float("-inf")
    least = float(np.partition(statistic, len(statistic) - allowed - 1)[len(statistic) - allowed - 1])
    return least + ROUNDING * max(1.0, abs(least))


def max_t(samples: Samples, signs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest studentised mean over all metrics under each sign vector: shape (paths,)."""
    result: NDArray[np.float64] = studentised(samples, signs).max(axis=1)
    return result


def studentised(samples: Samples, signs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over standard error of each metric under each sign vector: shape (paths, metrics)."""
    blocks = samples.shape[1]
    means = signs @ samples.T / blocks
    # A change of sign leaves the squares alone, so the spread about the mean follows from the mean.
    variances = ((samples**2).sum(axis=1) - blocks * means**2) / (blocks - 1)
    errors = np.sqrt(np.maximum(variances, 1e-24) / blocks)
    statistics: NDArray[np.float64] = means / errors
    return statistics


def p_value(samples: Samples) -> float:
    """One-sided p of a max-T test over few blocks, all 2^n sign vectors counted: that any mean is above zero."""
    blocks = samples.shape[1]
    every = (1 - 2 * ((np.arange(2**blocks)[:, None] >> np.arange(blocks)) & 1)).astype(np.float64)
    statistic = max_t(samples, every)
    return float((statistic >= statistic[0] - 1e-12).mean())
