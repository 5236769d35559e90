"""When open-loop requests are due: pure functions of a random generator and a load."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bakeoff.model.experiment import OpenLoad

CHUNK = 4096
"""Arrivals drawn at a time, so that a long run needs no more memory than a short one."""

Times = NDArray[np.float64]


def arrivals_s(rng: np.random.Generator, load: OpenLoad, share: int = 0, shares: int = 1) -> Iterator[Times]:
    """Ascending send times in seconds from 0 on, without end, in arrays of at most `CHUNK`.

    A Poisson process of rate 1 has independent exponential gaps of mean 1; constant arrivals are 1 apart, the first
    after half a gap. Both are stretched to the load's rate by the inverse of its cumulative rate (time rescaling;
    Cinlar 1975, *Introduction to Stochastic Processes*, ch. 4).

    Several load generators with equal ``rng`` divide the arrivals: each takes those whose number modulo ``shares`` is
    its ``share``. Together they send what a single one would.
    """
    profile = _Profile(load)
    last = -0.5 if load.arrivals == "constant" else 0.0
    for first in itertools.count(step=CHUNK):
        gaps = np.ones(CHUNK) if load.arrivals == "constant" else rng.exponential(1.0, CHUNK)
        expected: Times = last + np.cumsum(gaps)
        last = float(expected[-1])
        yield profile.time_at(expected)[np.arange(first, first + CHUNK) % shares == share]


def window_rng(seed: int) -> np.random.Generator:
    """The random generator of the arrivals in a slice's window; its warm-up uses another."""
    return np.random.default_rng([seed, 1])


def arrivals_until_s(rng: np.random.Generator, load: OpenLoad, duration_s: float) -> Times:
    """All send times up to ``duration_s``."""
    taken: list[Times] = []
    for chunk in arrivals_s(rng, load):
        taken.append(chunk[chunk < duration_s])
        if chunk[-1] >= duration_s:
            break
    return np.concatenate(taken)


class _Profile:
    """The rate of a load over time (linear within a stage, constant after the last), and when arrivals are reached."""

    def __init__(self, load: OpenLoad) -> None:
        stages = load.stages
        self._starts_s = np.concatenate([[0.0], np.cumsum([stage.for_s for stage in stages])])
        self._rates_rps = np.array([*(stage.rate_rps for stage in stages), load.rate_rps])
        self._slopes = np.array([*((stage.to_rps - stage.rate_rps) / stage.for_s for stage in stages), 0.0])
        areas = [(stage.rate_rps + stage.to_rps) / 2 * stage.for_s for stage in stages]
        self._expected = np.concatenate([[0.0], np.cumsum(areas)])

    def time_at(self, expected: Times) -> Times:
        """When the expected number of arrivals reaches each value.

        Within a stage, rate r and slope b, the root of ``b/2 t^2 + r t = n`` in the form that has no division by b.
        """
        stage = np.searchsorted(self._expected, expected, side="right") - 1
        beyond = expected - self._expected[stage]
        rate, slope = self._rates_rps[stage], self._slopes[stage]
        times: Times = self._starts_s[stage] + 2 * beyond / (rate + np.sqrt(rate**2 + 2 * slope * beyond))
        return times
