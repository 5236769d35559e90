"""Estimates are over blocks; the randomisation test keeps its promise; verdicts need the whole interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.analysis import stats
from bakeoff.model import Estimate

stats.sign_flip_p([0.1, -0.2], np.random.default_rng(0))  # Its first call imports scipy.stats, which takes long.
logs = st.lists(st.floats(-3, 3), min_size=2, max_size=10)


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
    """A against B says the reverse of B against A."""
    one, other = stats.ratio_estimate(values), stats.ratio_estimate([-value for value in values])
    assert one.low is not None
    assert other.high is not None
    assert other.point == pytest.approx(1 / one.point)
    assert other.high == pytest.approx(1 / one.low)


def test_a_single_block_gives_no_interval() -> None:
    """One block knows nothing of the spread between blocks."""
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
    """Two to the minus n, twice, is the least."""
    p_value = stats.sign_flip_p(values, np.random.default_rng(1))
    assert 2 * 2.0 ** -len(values) - 1e-12 <= p_value <= 1


def test_a_difference_that_every_block_shows_reaches_the_least_p() -> None:
    """Seven blocks of one sign: 2/128."""
    assert stats.sign_flip_p([0.1, 0.2, 0.15, 0.12, 0.3, 0.25, 0.11], np.random.default_rng(1)) == 2 / 128


@given(st.integers(0, 2**32))
def test_a_one_sided_sign_flip_sees_one_direction(seed: int) -> None:
    """Six values above zero are the rarest outcome of 64; below zero they are the most likely one."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.5, 1.5, size=6)
    assert stats.sign_flip_p(values, rng, alternative="greater") == pytest.approx(1 / 64)
    assert stats.sign_flip_p(-values, rng, alternative="greater") == pytest.approx(1.0)


def test_identical_stacks_are_called_different_no_more_often_than_alpha() -> None:
    """Over 2,000 A/A experiments of seven blocks, at most 5 % reach p <= 0.05, give or take a percent."""
    rng = np.random.default_rng(2)
    draws = rng.standard_t(3, (2000, 7))  # heavier tails than a normal, as latencies have
    rejected = np.mean([stats.sign_flip_p(draw, rng) <= 0.05 for draw in draws])
    assert 0.03 < rejected < 0.06


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
    """A failure is never turned into a number."""
    assert stats.geometric_mean([1.0, 0.0]) is None
    assert stats.geometric_mean([]) is None
