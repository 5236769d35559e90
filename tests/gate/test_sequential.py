"""Several looks together err no more often than was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bakeoff.analysis import studentised_under_signs
from bakeoff.gate.sequential import SequentialTest, Spending, extended, random_signs, spent_evenly, spent_late

alphas = st.floats(0.001, 0.2)
fractions = st.floats(0.01, 1.0)
SIGNS = random_signs(np.random.default_rng(0))


@pytest.mark.parametrize("spending", [spent_late, spent_evenly])
@given(alpha=alphas, one=fractions, other=fractions)
def test_more_data_may_spend_more_of_the_error(spending: Spending, alpha: float, one: float, other: float) -> None:
    """The error spent never falls, and in the end it is the whole of it."""
    less, more = sorted((one, other))
    rounding = 1e-12
    assert spending(alpha, less) <= spending(alpha, more) + rounding
    assert spending(alpha, more) <= spending(alpha, 1.0) + rounding
    assert spending(alpha, 1.0) == pytest.approx(alpha)


def test_half_of_the_data_spends_what_lan_and_demets_state() -> None:
    """Of 0.025: 0.00153 (Lan and DeMets 1983, the function that resembles O'Brien and Fleming's boundaries)."""
    assert spent_late(0.025, 0.5) == pytest.approx(0.00153, abs=1e-5)


def test_too_few_blocks_never_cross() -> None:
    """Three blocks have eight sign vectors, so nothing rarer than one in eight can be shown."""
    test = SequentialTest(0.05, random_signs(np.random.default_rng(0), paths=2000))
    samples = np.array([[1.0, 1.1, 0.9]])
    boundary, _ = test.look(samples, fraction=1.0)
    assert studentised_under_signs(samples, np.ones((1, 3))).max() <= boundary


@given(st.integers(0, 2**32))
def test_rounding_lets_no_few_blocks_cross(seed: int) -> None:
    """Six blocks have one sign once in 64 times: a look that may spend less must not be crossed by them."""
    samples = np.random.default_rng(seed).uniform(0.015, 0.025, size=(1, 6))
    boundary, _ = SequentialTest(0.025, SIGNS).look(samples, fraction=1 / 3)
    error = samples[0].std(ddof=1) / np.sqrt(6)
    assert samples[0].mean() - boundary * error <= 0


@pytest.mark.parametrize("metrics", [1, 5])
def test_looks_without_an_effect_cross_as_rarely_as_allowed(metrics: int) -> None:
    """In two thousand runs of five looks, 5 % cross at any look, over all metrics together."""
    rng = np.random.default_rng(1)
    signs = random_signs(rng, paths=2000, blocks=16)
    alarms = 0
    for _ in range(2000):
        samples = rng.standard_t(df=4, size=(metrics, 16))
        test = SequentialTest(0.05, signs)
        for blocks in (8, 10, 12, 14, 16):
            boundary, test = test.look(samples[:, :blocks], blocks / 16)
            if studentised_under_signs(samples[:, :blocks], signs[:1, :blocks]).max() > boundary:
                alarms += 1
                break
    assert stats.binomtest(alarms, 2000, 0.05, alternative="greater").pvalue > 0.001
    assert alarms > 40  # It uses most of the error that it may spend.


def test_signs_for_more_blocks_keep_those_that_were_drawn() -> None:
    """A gate with a large budget has more blocks than signs were drawn for; the observed path stays all plus."""
    signs = random_signs(np.random.default_rng(0), paths=50, blocks=4)
    more = extended(signs, 11)
    assert more.shape[1] >= 11
    assert (more[:, :4] == signs).all()
    assert (more[0] == 1).all()
    assert set(np.unique(more[1:, 4:])) == {-1.0, 1.0}
    assert extended(signs, 4) is signs
    assert (extended(signs, 11) == more).all()
