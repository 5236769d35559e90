"""Estimates over blocks cover the truth, tests keep their level, and verdicts follow from both."""

from collections.abc import Sequence
from itertools import product
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from scipy.stats import ttest_1samp

from bakeoff.analysis import stats
from bakeoff.model import Estimate

Alternative = Literal["two-sided", "greater"]
logs = st.lists(st.floats(-3, 3), min_size=2, max_size=10)


def sign_flip_p(values: Sequence[float], alternative: Alternative = "two-sided") -> float:
    """The p of a single comparison, with a value for each block."""
    (p_value,) = stats.max_t_p([dict(enumerate(values))], [1.0], np.random.default_rng(1), alternative)
    return p_value


@given(logs)
def test_the_interval_holds_the_point(values: list[float]) -> None:
    """Low <= point <= high, and n is the number of blocks."""
    estimate = stats.ratio_estimate(values)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= estimate.point * (1 + 1e-12)
    assert estimate.point <= estimate.high * (1 + 1e-12)
    assert estimate.n == len(values)


@given(logs)
def test_swapping_the_two_stacks_inverts_the_ratio(values: list[float]) -> None:
    """The ratio of A to B is the inverse of that of B to A."""
    one, other = stats.ratio_estimate(values), stats.ratio_estimate([-value for value in values])
    assert one.low is not None
    assert other.high is not None
    assert other.point == pytest.approx(1 / one.point)
    assert other.high == pytest.approx(1 / one.low)


def test_a_single_block_gives_no_interval() -> None:
    """One block has no spread."""
    estimate = stats.ratio_estimate([0.5])
    assert (estimate.low, estimate.high) == (None, None)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Of 4,000 intervals over seven blocks, 95 % hold the true ratio, give or take a percent."""
    draws = np.random.default_rng(1).normal(0.3, 0.1, (4000, 7))
    estimates = [stats.ratio_estimate(draw) for draw in draws]
    covered = np.mean([(one.low or 0) <= np.exp(0.3) <= (one.high or 0) for one in estimates])
    assert 0.94 < covered < 0.96


@given(logs)
def test_p_is_never_below_what_the_design_can_reach(values: list[float]) -> None:
    """2 x 2^-n is the smallest."""
    p_value = sign_flip_p(values)
    assert 2 * 2.0 ** -len(values) - 1e-12 <= p_value <= 1


def test_a_difference_that_every_block_shows_reaches_the_smallest_p() -> None:
    """Seven blocks of the same sign: 2/128."""
    assert sign_flip_p([0.1, 0.2, 0.15, 0.12, 0.3, 0.25, 0.11]) == 2 / 128


@given(st.integers(0, 2**32))
def test_a_one_sided_sign_flip_sees_one_direction(seed: int) -> None:
    """Six values above zero are the rarest outcome of 64; below zero they are the most likely one."""
    values = np.random.default_rng(seed).uniform(0.5, 1.5, size=6)
    assert sign_flip_p(values.tolist(), "greater") == pytest.approx(1 / 64)
    assert sign_flip_p((-values).tolist(), "greater") == pytest.approx(1.0)


def test_identical_stacks_are_called_different_no_more_often_than_alpha() -> None:
    """Over 2,000 A/A experiments of seven blocks, at most 5 % reach p <= 0.05, give or take a percent."""
    rng = np.random.default_rng(2)
    draws = rng.standard_t(3, (2000, 7))  # heavier tails than a normal, as latencies have
    rejected = np.mean([sign_flip_p(draw) <= 0.05 for draw in draws])
    assert 0.03 < rejected < 0.06


@given(logs, logs)
def test_swapping_the_runs_inverts_the_ratio(one: list[float], other: list[float]) -> None:
    """The ratio of B to A is the inverse of that of A to B."""
    there, back = stats.welch_ratio(one, other), stats.welch_ratio(other, one)
    assert back.point == pytest.approx(1 / there.point)
    assert (there.low is None) == (back.high is None)
    if there.low is not None and back.high is not None:
        assert back.high == pytest.approx(1 / there.low, rel=1e-6)


def test_a_run_of_a_single_block_gives_neither_interval_nor_p() -> None:
    """One block has no spread."""
    assert stats.welch_ratio([1.0], [2.0, 2.1]).low is None
    assert stats.permutation_p([1.0], [2.0, 2.1], np.random.default_rng(1)) == 1


def test_intervals_of_two_runs_cover_the_truth_as_often_as_they_say() -> None:
    """Of 2,000 intervals over blocks of unequal spread, about 95 % hold the true ratio."""
    rng = np.random.default_rng(1)
    pairs = zip(rng.normal(0, 0.05, (2000, 7)), rng.normal(0.2, 0.15, (2000, 7)), strict=True)
    estimates = [stats.welch_ratio(*pair) for pair in pairs]
    covered = np.mean([(estimate.low or 0) <= np.exp(0.2) <= (estimate.high or 0) for estimate in estimates])
    assert 0.94 < covered < 0.965


def test_identical_runs_are_called_different_no_more_often_than_alpha() -> None:
    """200 pairs of five blocks each: the share of p up to 5 % is within three standard errors of it, or below."""
    rng = np.random.default_rng(2)
    pairs = rng.normal(0, 0.1, (200, 2, 5))
    p_values = [stats.permutation_p(first, other, np.random.default_rng(1)) for first, other in pairs]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_runs_that_do_not_overlap_reach_the_smallest_p() -> None:
    """Two of the 252 ways to deal ten blocks into two fives are as extreme."""
    p_value = stats.permutation_p([1.0, 1.1, 1.2, 1.3, 1.4], [2.0, 2.1, 2.2, 2.3, 2.4], np.random.default_rng(1))
    assert p_value == pytest.approx(2 / 252)


@given(logs, st.lists(st.floats(-3, 3), min_size=2, max_size=8))
def test_welchs_interval_is_that_of_the_textbook(first: list[float], other: list[float]) -> None:
    """With the degrees of freedom of Welch and Satterthwaite."""
    ratio = stats.welch_ratio(first, other)
    parts = np.array([np.var(sample, ddof=1) / len(sample) for sample in (first, other)])
    if ratio.low is None or ratio.high is None:
        assert max(np.ptp(first), np.ptp(other)) <= 1e-9
        return
    freedom = parts.sum() ** 2 / (parts**2 / [len(first) - 1, len(other) - 1]).sum()
    half = special.stdtrit(freedom, 0.975) * np.sqrt(parts.sum())
    assert np.log(ratio.high / ratio.point) == pytest.approx(half, rel=1e-6, abs=1e-9)
    assert np.log(ratio.point / ratio.low) == pytest.approx(half, rel=1e-6, abs=1e-9)


@given(st.floats(0.5, 2), st.floats(0, 0.3), st.floats(0.01, 0.5))
def test_a_ratio_cannot_be_the_same_and_yet_exclude_the_margin(point: float, half: float, margin: float) -> None:
    """Within the margin on both sides of 1, or not."""
    ratio = _ratio(point - half, point, point + half)
    inverse = _ratio(1 / (point + half), 1 / point, 1 / (point - half))
    assert stats.same_within(ratio, margin) == (1 / (1 + margin) <= point - half and point + half <= 1 + margin)
    assert stats.excludes_one(ratio) == stats.excludes_one(inverse)
    assert not stats.same_within(Estimate(point=1, low=None, high=None, level=0.95, n=1), margin)


def test_holm_multiplies_the_smallest_by_the_number_of_candidates() -> None:
    """And never lets a larger p fall below a smaller one."""
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_nor_changes_their_order(p_values: list[float]) -> None:
    """Corrected values are no smaller, at most 1, and ranked alike."""
    corrected = stats.holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, corrected, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


def _ratio(low: float, point: float, high: float) -> Estimate:
    return Estimate(point=point, low=low, high=high, level=0.95, n=7)


@pytest.mark.parametrize(
    ("ratio", "p_value", "expected"),
    [
        (_ratio(1.8, 2.0, 2.2), 0.01, "faster"),
        (_ratio(0.4, 0.5, 0.6), 0.01, "slower"),
        (_ratio(0.98, 1.0, 1.03), 0.9, "same"),
        (_ratio(0.8, 1.1, 1.5), 0.4, "inconclusive"),
        (_ratio(0.99, 1.02, 1.04), 0.01, "same"),
    ],
)
def test_a_verdict_needs_the_test_or_the_whole_interval(ratio: Estimate, p_value: float, expected: str) -> None:
    """Not significant is not "same"; significant but within the margin is."""
    assert stats.verdict(ratio, p_value, 0.05, 0.05, more_is_better=True) == expected


def test_less_latency_is_faster() -> None:
    """For latencies and CPU time the direction turns."""
    assert stats.verdict(_ratio(0.4, 0.5, 0.6), 0.01, 0.05, 0.05, more_is_better=False) == "faster"


def test_a_zero_has_no_geometric_mean() -> None:
    """Its logarithm does not exist."""
    assert stats.geometric_mean([1.0, 0.0]) is None
    assert stats.geometric_mean([]) is None


@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
def test_a_single_comparison_needs_no_correction(alternative: Alternative) -> None:
    """Max-T of one comparison is the sign-flip test of the studentised mean: scipy's t under all sign vectors."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        values = rng.normal(0.5, 1, size=rng.integers(3, 9))
        signs = np.array(list(product([1.0, -1.0], repeat=len(values))))
        statistics = np.asarray(ttest_1samp(values * signs, 0.0, axis=1).statistic)
        if alternative == "two-sided":
            statistics = np.abs(statistics)
        expected = np.mean(statistics >= statistics[0] - 1e-9)
        assert sign_flip_p(values.tolist(), alternative) == pytest.approx(expected)


@given(st.integers(0, 2**32), st.integers(2, 12), st.integers(1, 4))
def test_the_statistic_under_signs_is_that_of_the_flipped_data(seed: int, blocks: int, samples: int) -> None:
    """The shortcut for the variance gives what scipy gives on the flipped samples."""
    rng = np.random.default_rng(seed)
    values, signs = rng.normal(size=(samples, blocks)), rng.choice([-1.0, 1.0], size=(5, blocks))
    for sign, statistic in zip(signs, stats.studentised_under_signs(values, signs), strict=True):
        assert statistic == pytest.approx(ttest_1samp(values * sign, 0.0, axis=1).statistic)


def test_the_statistic_of_values_that_do_not_vary_is_finite() -> None:
    """Equal values have no spread but rounding, and zeros have none at all."""
    statistic = stats.studentised_under_signs(np.array([[0.1] * 7, [0.0] * 7]), np.ones((1, 7)))
    assert np.isfinite(statistic).all()
    assert statistic[0, 0] > 1e6
    assert statistic[0, 1] == 0


@given(st.lists(logs.filter(any), min_size=1, max_size=4), st.floats(0.1, 10))
def test_more_comparisons_or_equal_scaling_never_make_a_p_smaller(comparisons: list[list[float]], scale: float) -> None:
    """Adjusted p-values are at least the single ones; only the relation of the weights counts."""
    by_block = [dict(enumerate(values)) for values in comparisons]
    rng = np.random.default_rng(1)
    weights = [1.0] * len(by_block)
    adjusted = stats.max_t_p(by_block, weights, rng)
    single = [stats.max_t_p([logs], [1.0], rng)[0] for logs in by_block]
    blocks = {len(values) for values in comparisons}
    if len(blocks) == 1:
        assert all(many >= one - 1e-12 for many, one in zip(adjusted, single, strict=True))
    assert stats.max_t_p(by_block, [scale * weight for weight in weights], rng) == pytest.approx(adjusted)


def test_a_large_difference_among_many_comparisons_still_reaches_the_least_p() -> None:
    """The smallest p depends on the blocks alone, not on the number of comparisons."""
    rng = np.random.default_rng(3)
    noise = [dict(enumerate(rng.normal(0, 0.05, 7))) for _ in range(40)]
    large = dict(enumerate(1.0 + rng.normal(0, 0.001, 7)))
    assert stats.max_t_p([*noise, large], [1.0] * 41, rng)[-1] == 2 / 128


def test_no_comparison_of_identical_stacks_is_called_different_more_often_than_alpha() -> None:
    """In 1,000 A/A runs of twenty correlated comparisons, at most 5 % have any p of 0.05 or less, give or take."""
    rng = np.random.default_rng(4)
    wrong = 0
    for _ in range(1000):
        shared = rng.standard_t(3, (2, 7))
        runs = [dict(enumerate(shared[index % 2] + rng.standard_t(3, 7))) for index in range(20)]
        wrong += min(stats.max_t_p(runs, [1.0] * 4 + [0.6] * 16, rng)) <= 0.05
    assert wrong <= 70


def test_a_comparison_without_values_or_spread_is_never_significant() -> None:
    """Neither one block nor seven equal ratios of one say anything."""
    p_values = stats.max_t_p([{0: 0.5}, dict.fromkeys(range(7), 0.0)], [1.0, 1.0], np.random.default_rng(1))
    assert p_values == [1.0, 1.0]


def test_a_small_p_with_an_interval_that_holds_one_is_inconclusive() -> None:
    """1.202 x [0.985, 1.465] at p = 0.031 was once called slower."""
    ratio = Estimate(point=1.202, low=0.985, high=1.465, level=0.95, n=7)
    assert stats.verdict(ratio, 0.031, 0.05, 0.05, more_is_better=False) == "inconclusive"
