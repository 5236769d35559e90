"""When open-loop requests are to be sent: pure functions of a random generator, a rate and a duration."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bakeoff.model import OpenLoad

CHUNK = 4096
"""Arrivals drawn at a time, so that a long run needs no more memory than a short one."""


def arrivals_s(rng: np.random.Generator, load: OpenLoad, duration_s: float) -> Iterator[NDArray[np.float64]]:
    """Ascending send times in seconds from 0 up to ``duration_s``, in arrays of at most `CHUNK`.

    A Poisson process has independent exponential gaps of mean 1/rate; constant arrivals are 1/rate apart, the first
    after half a gap.
    """
    gap_s = 1.0 / load.rate_rps
    last_s = -gap_s / 2 if load.arrivals == "constant" else 0.0
    while last_s < duration_s:
        gaps = np.full(CHUNK, gap_s) if load.arrivals == "constant" else rng.exponential(gap_s, CHUNK)
        times: NDArray[np.float64] = last_s + np.cumsum(gaps)
        yield times[times < duration_s]
        last_s = float(times[-1])
