"""Arrival times come from a seed, a rate and a duration, and from nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bakeoff.model import Arrivals, OpenLoad, Stage, arrivals_s, arrivals_until_s

rates = st.floats(0.5, 5000)
kinds: st.SearchStrategy[Arrivals] = st.sampled_from(["poisson", "constant"])


def _all(rate_rps: float, kind: Arrivals, duration_s: float, seed: int = 1) -> np.ndarray:
    load = OpenLoad(rate_rps=rate_rps, arrivals=kind)
    return arrivals_until_s(np.random.default_rng(seed), load, duration_s)


@given(rates, kinds, st.floats(0.1, 5.0))
def test_arrivals_ascend_and_end_with_the_duration(rate_rps: float, kind: Arrivals, duration_s: float) -> None:
    """No arrival before the start, out of order or past the end."""
    times = _all(rate_rps, kind, duration_s)
    assert (np.diff(times) >= 0).all()
    assert not len(times) or (times[0] >= 0 and times[-1] < duration_s)


@given(rates, st.floats(0.1, 5.0))
def test_constant_arrivals_are_as_many_as_asked(rate_rps: float, duration_s: float) -> None:
    """Rate times duration, to within one."""
    assert abs(len(_all(rate_rps, "constant", duration_s)) - rate_rps * duration_s) <= 1


def test_poisson_gaps_are_exponential() -> None:
    """Kolmogorov and Smirnov find no fault with 10,000 gaps."""
    gaps = np.diff(_all(1000.0, "poisson", 10.0))
    assert stats.kstest(gaps, "expon", args=(0, 1e-3)).pvalue > 0.01


def test_stages_are_kept_arrival_by_arrival() -> None:
    """Constant arrivals at 10/s for a second, then a ramp from 10 to 30/s: 10, then 20 in the next second."""
    stages = (Stage(for_s=1, rate_rps=10, to_rps=10), Stage(for_s=1, rate_rps=10, to_rps=30))
    load = OpenLoad(rate_rps=30.0, arrivals="constant", stages=stages)
    times = arrivals_until_s(np.random.default_rng(1), load, 2.0)
    assert [int(np.sum(times < 1)), len(times)] == [10, 30]
    assert load.mean_rate_rps == 15.0


@given(st.integers(1, 5), kinds)
def test_the_shares_of_several_generators_are_one_stream(shares: int, kind: Arrivals) -> None:
    """Nothing is sent twice or by none, and each share is as large as any other, to within one."""
    load = OpenLoad(rate_rps=100.0, arrivals=kind)
    parts = [next(arrivals_s(np.random.default_rng(7), load, share, shares)) for share in range(shares)]
    whole = next(arrivals_s(np.random.default_rng(7), load))
    assert np.array_equal(np.sort(np.concatenate(parts)), whole)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_the_same_seed_gives_the_same_arrivals() -> None:
    """Two draws from equal generators are equal, two seeds are not."""
    assert np.array_equal(_all(100.0, "poisson", 5.0, seed=3), _all(100.0, "poisson", 5.0, seed=3))
    assert not np.array_equal(_all(100.0, "poisson", 5.0, seed=3)[:50], _all(100.0, "poisson", 5.0, seed=4)[:50])
