"""Group-sequential tests: several looks at growing data with one error rate over all of them. Pure.

The error that a test may make is spent over its looks as Lan and DeMets (1983) propose. The boundary of a look is found
by simulation. Under the null hypothesis each block's effect is as likely to have the other sign, so the paths of the
statistic under random signs, the same for all metrics of a block (Westfall and Young's max-T), follow its null
distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bakeoff.analysis import studentised_under_signs

PATHS = 20_000
"""Simulated sign vectors: an error of 0.001 is that of twenty of them."""
SIGNED_BLOCKS = 200
"""Blocks that signs are drawn for at first; a longer gate draws more."""

ROUNDING = 1e-9
"""Statistics that differ by less than this share are equal: with few blocks many sign vectors give the same one."""

Samples = NDArray[np.float64]
"""Effects less their value under the null hypothesis: shape (metrics, blocks)."""

Spending = Callable[[float, float], float]
"""The one-sided error, of ``alpha`` in all, that may be spent once a fraction (0 to 1) of the data is there."""


def spent_late(alpha: float, fraction: float) -> float:
    """Almost nothing early: resembles the boundaries of O'Brien and Fleming (Lan and DeMets 1983)."""
    if fraction <= 0:
        return 0.0
    return float(2 * special.ndtr(special.ndtri(alpha / 2) / np.sqrt(min(fraction, 1.0))))


def spent_evenly(alpha: float, fraction: float) -> float:
    """Somewhat more early than late: resembles the boundaries of Pocock (Lan and DeMets 1983)."""
    return float(alpha * np.log1p(np.expm1(1) * min(max(fraction, 0.0), 1.0)))


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
    spending: Spending = spent_late
    crossed: NDArray[np.bool_] | None = None
    """Which paths have crossed the boundary of an earlier look; ``None`` before the first look."""

    @property
    def rejected(self) -> bool:
        """Whether the observed data, which are the first path, have crossed the boundary of any look."""
        return self.crossed is not None and bool(self.crossed[0])

    def look(self, samples: Samples, fraction: float) -> tuple[float, SequentialTest]:
        """The boundary for the largest studentised mean at this look, and the test as it stands after the look.

        ``fraction`` (0 to 1) is how much of all the data is there. Under random signs, the boundary is crossed at this
        look or an earlier one with a probability of at most ``alpha``. It is infinite where so few blocks cannot show
        that. Each look must hold the blocks of the one before.
        """
        crossed = np.zeros(len(self.signs), dtype=bool) if self.crossed is None else self.crossed
        allowed = int(self.spending(self.alpha, fraction) * len(self.signs)) - int(crossed.sum())
        if allowed <= 0:
            return float("inf"), self
        statistic = studentised_under_signs(samples, self.signs[:, : samples.shape[1]]).max(axis=1)
        boundary = _exceeded_by(statistic[~crossed], allowed)
        return boundary, replace(self, crossed=crossed | (statistic > boundary))


def _exceeded_by(statistic: NDArray[np.float64], allowed: int) -> float:
    """The smallest value that at most ``allowed`` of the statistics exceed, by more than rounding."""
    if allowed >= len(statistic):
        return float("-inf")
    smallest = float(np.partition(statistic, len(statistic) - allowed - 1)[len(statistic) - allowed - 1])
    return smallest + ROUNDING * max(1.0, abs(smallest))
