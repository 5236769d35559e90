"""Statistics over blocks: estimates of means and ratios, randomisation tests, and verdicts.

The block is the unit. Requests within a block share a process start, a moment and their neighbours, so intervals over
pooled requests would be too narrow. Stacks of one run are compared block by block (paired samples); the blocks of two
runs are no pairs, so runs are compared as two samples.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from bakeoff.model import Estimate, Verdict

LEVEL = 0.95
_EXACT_UP_TO = 13
"""Blocks up to which all 2^n sign vectors are enumerated; above, `_RESAMPLES` are drawn."""
_RESAMPLES = 9_999
_LEAST_SPREAD = 1e-9
"""Logarithms that lie closer together than this differ by rounding only."""
_LEAST_VARIANCE = 1e-15
"""Sum of squared deviations, as a share of the sum of squares, that is rounding only."""
_LEAST_ERROR = 1e-150
"""Standard error below which a studentised mean is computed with this one, so that it stays finite."""

_ROUNDING = 1e-9
"""Relative difference between two statistics that is rounding only."""

Samples = NDArray[np.float64]


# --- one value a block -----------------------------------------------------------------------------------------------


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


def jackknife_estimate(
    point: float, without_block: Sequence[float], by_block: Sequence[float], level: float = LEVEL
) -> Estimate:
    """A positive statistic of all requests, such as a percentile, with an interval from its blocks.

    ``without_block`` has the statistic of all requests but those of one block, ``by_block`` that of each block alone.
    The standard error, on logarithms, is that of the jackknife over blocks (Efron and Tibshirani, An Introduction to
    the Bootstrap, 1993, equation 11.5) or that of the mean over blocks, whichever is larger: for tail percentiles of
    few blocks the jackknife alone is too small. Student's t with a degree of freedom less than there are blocks.
    """
    n = len(by_block)
    if n < 2:
        return Estimate(point=point, low=None, high=None, level=level, n=n)
    jackknife = np.log(np.asarray(without_block, dtype=np.float64))
    alone = np.log(np.asarray(by_block, dtype=np.float64))
    error = max(
        float(np.sqrt((n - 1) / n * np.sum((jackknife - jackknife.mean()) ** 2))),
        float(alone.std(ddof=1) / np.sqrt(n)),
    )
    half = float(special.stdtrit(n - 1, (1 + level) / 2)) * error
    return Estimate(point=point, low=point * float(np.exp(-half)), high=point * float(np.exp(half)), level=level, n=n)


def studentised_under_signs(samples: Samples, signs: Samples) -> Samples:
    """Mean over standard error of each sample under each sign vector.

    ``samples`` have the shape (samples, blocks), ``signs`` (sign vectors, blocks); the result (sign vectors, samples).
    """
    blocks = samples.shape[1]
    means = signs @ samples.T / blocks
    # A change of sign leaves the squares alone, so the variance follows from the mean.
    squares = (samples**2).sum(axis=1)
    variances = np.maximum(squares - blocks * means**2, _LEAST_VARIANCE * squares) / (blocks - 1)
    return _studentised(means, np.sqrt(variances / blocks))


def max_t_p(
    log_ratios: Sequence[Mapping[int, float]],
    weights: Sequence[float],
    rng: np.random.Generator,
    alternative: Literal["two-sided", "greater"] = "two-sided",
) -> list[float]:
    """The p-values of several comparisons, adjusted for all of them: the step-down max-T procedure.

    ``log_ratios`` has one value by block number for each comparison; comparisons may lack blocks. All comparisons of a
    block flip their sign together, so their correlation is kept. A comparison of a larger weight is found more often
    and one of a smaller weight less often; the chance of any false difference stays the same. With n blocks the
    smallest p is 2^-n, two-sided 2 x 2^-n, however many comparisons there are.

    Westfall and Young, Resampling-Based Multiple Testing, 1993, algorithm 4.1; signs are enumerated for up to 13
    blocks. A comparison with fewer than two blocks, or whose values are all zero, gets 1.
    """
    testable = [index for index, logs in enumerate(log_ratios) if len(logs) > 1 and any(logs.values())]
    adjusted = [1.0] * len(log_ratios)
    if not testable:
        return adjusted
    blocks = sorted({number for index in testable for number in log_ratios[index]})
    signs = _signs(len(blocks), rng)
    by_comparison = [_flipped_t(log_ratios[index], blocks, signs) for index in testable]
    statistics = np.concatenate(by_comparison, axis=1) * [weights[index] for index in testable]
    if alternative == "two-sided":
        statistics = np.abs(statistics)
    order = np.argsort(-statistics[0], kind="stable")
    largest = np.maximum.accumulate(statistics[:, order[::-1]], axis=1)[:, ::-1]
    observed = statistics[0, order]
    at_least = largest >= observed - _ROUNDING * np.abs(observed)
    for rank, p_value in enumerate(np.maximum.accumulate(at_least.mean(axis=0)).tolist()):
        adjusted[testable[int(order[rank])]] = p_value
    return adjusted


def _signs(blocks: int, rng: np.random.Generator) -> Samples:
    """Sign vectors, one a row, the observed one (all positive) first: all there are, or as many as are drawn."""
    if blocks <= _EXACT_UP_TO:
        bits = (np.arange(2**blocks)[:, None] >> np.arange(blocks)) & 1
        return np.where(bits, -1.0, 1.0)
    drawn = rng.choice([-1.0, 1.0], size=(_RESAMPLES, blocks))
    return np.concatenate([np.ones((1, blocks)), drawn])


def _flipped_t(logs: Mapping[int, float], blocks: Sequence[int], signs: Samples) -> Samples:
    """The studentised mean of one comparison under each sign vector, as a column."""
    columns = [position for position, number in enumerate(blocks) if number in logs]
    values = np.array([[logs[blocks[column]] for column in columns]])
    return studentised_under_signs(values, signs[:, columns])


# --- two samples of blocks -------------------------------------------------------------------------------------------


def welch_ratio(first_logs: ArrayLike, other_logs: ArrayLike, level: float = LEVEL) -> Estimate:
    """exp(difference of means) of two samples of logarithms, other less first, with Welch's interval.

    Welch, "The generalization of 'Student's' problem", Biometrika 34, 1947. ``n`` is the smaller number of blocks. No
    interval where a sample has a single block, or where neither varies.
    """
    from scipy import stats

    first, other = np.asarray(first_logs, dtype=np.float64), np.asarray(other_logs, dtype=np.float64)
    n, point = min(len(first), len(other)), float(np.exp(other.mean() - first.mean()))
    if n < 2 or not _vary(first, other):
        return Estimate(point=point, low=None, high=None, level=level, n=n)
    with warnings.catch_warnings():
        # SciPy warns where one of the samples does not vary; the interval is right all the same.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = stats.ttest_ind(other, first, equal_var=False).confidence_interval(level)
    low, high = np.exp([interval.low, interval.high]).tolist()
    return Estimate(point=point, low=low, high=high, level=level, n=n)


def studentised_difference(first: Samples, other: Samples, axis: int = -1) -> Samples:
    """The difference of means, other less first, over its standard error along an axis."""
    variance = sum(sample.var(axis=axis, ddof=1) / sample.shape[axis] for sample in (first, other))
    return _studentised(other.mean(axis=axis) - first.mean(axis=axis), np.sqrt(variance))


def permutation_p(first_logs: ArrayLike, other_logs: ArrayLike, rng: np.random.Generator) -> float:
    """Two-sided p of a studentised permutation test that two samples of logarithms have one mean.

    Janssen, "Studentized permutation tests for non-i.i.d. hypotheses and the generalized Behrens-Fisher problem",
    Statistics & Probability Letters 36, 1997. All permutations where there are at most 9,999, else as many drawn. With
    a single block, 1.
    """
    from scipy import stats

    first, other = np.asarray(first_logs, dtype=np.float64), np.asarray(other_logs, dtype=np.float64)
    if min(len(first), len(other)) < 2 or not _vary(first, other):
        return 1.0
    outcome = stats.permutation_test(
        (first, other),
        studentised_difference,
        permutation_type="independent",
        vectorized=True,
        n_resamples=_RESAMPLES,
        alternative="two-sided",
        rng=rng,
    )
    return float(outcome.pvalue)


def _vary(*samples: Samples) -> bool:
    """Whether any sample has a spread beyond rounding."""
    return any(float(np.ptp(sample)) > _LEAST_SPREAD for sample in samples)


def _studentised(mean: Samples, error: Samples) -> Samples:
    result: Samples = mean / np.maximum(error, _LEAST_ERROR)
    return result


# --- from numbers to words -------------------------------------------------------------------------------------------


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Holm 1979): adjusted p-values in the order given."""
    count = len(p_values)
    adjusted = [1.0] * count
    running = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable").tolist()):
        running = max(running, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def same_within(ratio: Estimate, margin: float) -> bool:
    """Whether the whole interval of a ratio lies within a relative margin of 1."""
    if ratio.low is None or ratio.high is None:
        return False
    return ratio.low >= 1 / (1 + margin) and ratio.high <= 1 + margin


def excludes_one(ratio: Estimate) -> bool:
    """Whether a ratio has an interval that lies on one side of 1."""
    return ratio.low is not None and ratio.high is not None and not ratio.low <= 1 <= ratio.high


def verdict(ratio: Estimate, p_value: float, alpha: float, margin: float, *, more_is_better: bool) -> Verdict:
    """What a ratio of candidate to baseline says.

    ``same`` when the whole interval lies within the margin; ``faster`` or ``slower`` when the test is significant and
    the interval leaves out 1; else ``inconclusive``, as always without an interval.
    """
    if same_within(ratio, margin):
        return "same"
    if p_value > alpha or not excludes_one(ratio):
        return "inconclusive"
    return "faster" if (ratio.point > 1) == more_is_better else "slower"
