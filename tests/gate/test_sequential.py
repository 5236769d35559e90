"""Several looks together err no more often than one was allowed to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bakeoff.gate.sequential import SequentialTest, p_value, random_signs, spent, studentised

alphas = st.floats(0.001, 0.2)
fractions = st.floats(0.01, 1.0)
SIGNS = random_signs(np.random.default_rng(0))


@given(alphas, fractions, fractions)
def test_more_information_may_spend_more(alpha: float, one: float, other: float) -> None:
    """The error spent never falls, and is the whole of it in the end."""
    less, more = sorted((one, other))
    assert spent(alpha, less) <= spent(alpha, more) <= spent(alpha, 1.0)
    assert spent(alpha, 1.0) == pytest.approx(alpha)


def test_halfway_is_spent_what_lan_and_demets_say() -> None:
    """At half the information, of 0.025: 0.00153 (Lan and DeMets 1983, the function resembling O'Brien-Fleming's)."""
    assert spent(0.025, 0.5) == pytest.approx(0.00153, abs=1e-5)


@given(st.integers(0, 2**32), st.integers(2, 12), st.integers(1, 4))
def test_a_statistic_under_signs_is_that_of_the_flipped_data(seed: int, blocks: int, metrics: int) -> None:
    """The shortcut for the spread gives what numpy gives on the flipped samples."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=(metrics, blocks))
    signs = random_signs(rng, paths=5, blocks=blocks)
    for sign, found in zip(signs, studentised(samples, signs), strict=True):
        expected = stats.ttest_1samp(samples * sign, 0.0, axis=1).statistic
        assert found == pytest.approx(expected)


def test_too_few_blocks_can_never_cross() -> None:
    """Three blocks have eight sign vectors: nothing rarer than one in eight can be shown."""
    test = SequentialTest(0.05, random_signs(np.random.default_rng(0), paths=2000))
    samples = np.array([[1.0, 1.1, 0.9]])
    assert studentised(samples, np.ones((1, 3))).max() <= test.boundary(samples, fraction=1.0)


@given(st.integers(0, 2**32))
def test_no_rounding_lets_the_rarest_outcome_of_few_blocks_cross(seed: int) -> None:
    """Six blocks of one sign happen once in 64 times; a look that may spend less is not passed by them, ever."""
    samples = np.random.default_rng(seed).uniform(0.015, 0.025, size=(1, 6))
    boundary = SequentialTest(0.025, SIGNS).boundary(samples, fraction=1 / 3)
    error = samples[0].std(ddof=1) / np.sqrt(6)
    assert samples[0].mean() - boundary * error <= 0


@pytest.mark.parametrize("metrics", [1, 5])
def test_looks_at_nothing_cross_as_rarely_as_allowed(metrics: int) -> None:
    """Two thousand runs without an effect, looked at five times each: 5 % cross at any look, over all metrics."""
    rng = np.random.default_rng(1)
    signs = random_signs(rng, paths=2000, blocks=16)
    alarms = 0
    for _ in range(2000):
        samples = rng.standard_t(df=4, size=(metrics, 16))
        test = SequentialTest(0.05, signs)
        alarms += any(
            studentised(samples[:, :blocks], signs[:1, :blocks]).max() > test.boundary(samples[:, :blocks], blocks / 16)
            for blocks in (8, 10, 12, 14, 16)
        )
    assert stats.binomtest(alarms, 2000, 0.05, alternative="greater").pvalue > 0.001
    assert alarms > 40  # Nor does it waste what it may spend.


@given(st.integers(0, 2**32))
def test_the_p_of_few_blocks_is_the_share_of_sign_vectors(seed: int) -> None:
    """All positive is the rarest outcome there is."""
    values = np.random.default_rng(seed).uniform(0.5, 1.5, size=(1, 6))
    assert p_value(values) == pytest.approx(1 / 64)
    assert p_value(-values) == pytest.approx(1.0)
