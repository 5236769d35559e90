"""Latencies of requests of which some got no right answer: percentiles over all of them.

A request without a right answer is censored: its latency is known to be no less than the time that it had been waited
for. It counts as slower than every right answer, however quickly it failed, since its own never came. So percentiles up
to the share of right answers are exact, and larger than those of the right answers alone; further on, a percentile is
only known from below.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

from bakeoff.model.histogram import Histogram
from bakeoff.model.record import Interval


class Quantile(NamedTuple):
    """A quantile of latencies."""

    value_s: float
    at_least: bool
    """Whether it is only a lower bound, because it falls among requests without a right answer."""


@dataclass(frozen=True)
class Latencies:
    """The times of requests from their intended sending."""

    right: Histogram
    """Until the right answer."""
    errors: Histogram
    """Of all other requests: until they were given up, or answered wrongly."""

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> Self:
        """Those of some intervals, of which kinds that are no latencies are left out."""
        histograms = [(interval.kind, interval.histogram) for interval in intervals]
        return cls(
            right=Histogram.merge(histogram for kind, histogram in histograms if kind == "latency"),
            errors=Histogram.merge(histogram for kind, histogram in histograms if kind == "error"),
        )

    @classmethod
    def merge(cls, parts: Iterable[Latencies]) -> Self:
        """All of them together."""
        latencies = list(parts)
        return cls(
            right=Histogram.merge(part.right for part in latencies),
            errors=Histogram.merge(part.errors for part in latencies),
        )

    @property
    def total(self) -> int:
        """How many requests there were."""
        return self.right.total + self.errors.total

    def quantile(self, share: float) -> Quantile | None:
        """What a share of all requests did not exceed; 1 gives the longest. ``None`` when there was no request.

        Among requests without a right answer it is a lower bound: the time for which the request of that rank had been
        waited for, but no less than the slowest right answer took.
        """
        right = self.right.total
        if not self.total:
            return None
        rank = Histogram.rank(share, self.total)
        if rank <= right:
            return Quantile(self.right.ranked_s(rank), at_least=False)
        return Quantile(max(self.errors.ranked_s(rank - right), self.right.max_s or 0.0), at_least=True)

    @property
    def s_per_right_answer(self) -> float | None:
        """The time of all requests together per right answer; ``None`` when there was none."""
        spent_s = sum((part.mean_s or 0.0) * part.total for part in (self.right, self.errors))
        return spent_s / self.right.total if self.right.total else None
