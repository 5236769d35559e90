"""Estimates over blocks: geometric means, ratios, and a randomisation test.

The block is the unit. Requests within a block share a process start, a moment and a neighbour, so pooling them would
invent certainty.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from bakeoff.model import Estimate, Verdict

LEVEL = 0.95
_EXACT_UP_TO = 13
"""Blocks up to which all 2^n sign flips are enumerated; above, `_RESAMPLES` are drawn."""
_RESAMPLES = 9_999


def geometric_mean(values: Sequence[float], level: float = LEVEL) -> Estimate | None:
    """The geometric mean of one positive value per block, with Student's interval on the logarithms.

    ``None`` when there is no value, or one that has no logarithm.
    """
    if not values or min(values) <= 0:
        return None
    return ratio_estimate(np.log(values), level)


def ratio_estimate(log_ratios: ArrayLike, level: float = LEVEL) -> Estimate:
    """exp(mean) of log ratios, one per block, with Student's interval; no interval from a single block."""
    logs = np.asarray(log_ratios, dtype=np.float64)
    mean, n = float(logs.mean()), len(logs)
    if n < 2:
        return Estimate(point=float(np.exp(mean)), low=None, high=None, level=level, n=n)
    half = float(special.stdtrit(n - 1, (1 + level) / 2) * logs.std(ddof=1) / np.sqrt(n))
    return Estimate(
        point=float(np.exp(mean)), low=float(np.exp(mean - half)), high=float(np.exp(mean + half)), level=level, n=n
    )


def studentised(samples: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """Mean over standard error along an axis; a vanishing spread counts as the smallest positive number."""
    mean = samples.mean(axis=axis)
    error = samples.std(axis=axis, ddof=1) / np.sqrt(samples.shape[axis])
    result: NDArray[np.float64] = mean / np.maximum(error, np.finfo(np.float64).tiny * 1e16)
    return result


def sign_flip_p(log_ratios: ArrayLike, rng: np.random.Generator) -> float:
    """Two-sided p of a studentised sign-flip randomisation test that the log ratios are symmetric about zero.

    Exact for up to 13 blocks. Needs at least two; with fewer, 1.
    """
    from scipy import stats  # Here, because it takes longer to import than a report takes to draw.

    logs = np.asarray(log_ratios, dtype=np.float64)
    if len(logs) < 2 or not np.any(logs):
        return 1.0
    outcome = stats.permutation_test(
        (logs,),
        studentised,
        permutation_type="samples",
        vectorized=True,
        n_resamples=2 ** len(logs) if len(logs) <= _EXACT_UP_TO else _RESAMPLES,
        alternative="two-sided",
        rng=rng,
    )
    return float(outcome.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Holm 1979): adjusted p-values in the order given."""
    count = len(p_values)
    adjusted = [1.0] * count
    running = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable").tolist()):
        running = max(running, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def verdict(ratio: Estimate, p_value: float, alpha: float, margin: float, *, more_is_faster: bool) -> Verdict:
    """What a ratio of candidate to baseline says.

    ``same`` when the whole interval lies within the margin; ``faster`` or ``slower`` when the test is significant; else
    ``inconclusive``.
    """
    if ratio.low is None or ratio.high is None:
        return "inconclusive"
    if ratio.low >= 1 / (1 + margin) and ratio.high <= 1 + margin:
        return "same"
    if p_value > alpha:
        return "inconclusive"
    return "faster" if (ratio.point > 1) == more_is_faster else "slower"
