"""Latency histograms at three significant digits: HdrHistograms of which only the buckets in use are stored.

A histogram counts values in nanoseconds by bucket. The buckets are those of HdrHistogram (Gil Tene,
http://hdrhistogram.org) with a lowest discernible value of 1, a highest of one hour and three significant digits, so
two histograms are merged without loss by adding their counts, and any HdrHistogram library reads what
`Histogram.encode` writes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Self

import numpy as np
from hdrh.codec import HdrHistogramEncoder
from hdrh.histogram import HdrHistogram
from numpy.typing import ArrayLike, NDArray

HIGHEST_NS = 3_600_000_000_000
SIGNIFICANT_DIGITS = 3
_SUB_BUCKETS = 2048
"""The smallest power of two that keeps three digits apart: 2 x 10^3, rounded up."""
_HALF = _SUB_BUCKETS // 2
_HALF_BITS = 10

Counts = NDArray[np.int64] | NDArray[np.int32]


def bucket_of(values_ns: ArrayLike) -> Counts:
    """The index of the HdrHistogram bucket of each value; values are clipped to [0, one hour]."""
    values = np.clip(np.asarray(values_ns, dtype=np.int64), 0, HIGHEST_NS)
    # frexp's exponent is the bit length, exactly, because every value here is below 2^53.
    _, bit_length = np.frexp((values | (_SUB_BUCKETS - 1)).astype(np.float64))
    shift = bit_length.astype(np.int64) - (_HALF_BITS + 1)
    buckets: Counts = ((shift + 1) << _HALF_BITS) + (values >> shift) - _HALF
    return buckets


def highest_value_of(buckets: ArrayLike) -> Counts:
    """The highest value, in nanoseconds, that falls into each bucket."""
    indices = np.asarray(buckets, dtype=np.int64)
    shift = np.maximum((indices >> _HALF_BITS) - 1, 0)
    sub_bucket = indices - (shift << _HALF_BITS)
    values: Counts = ((sub_bucket + 1) << shift) - 1
    return values


@lru_cache(maxsize=1)
def _number_of_buckets() -> int:
    return int(HdrHistogram(1, HIGHEST_NS, SIGNIFICANT_DIGITS).counts_len)


def _narrowed(values: NDArray[np.integer[Any]]) -> Counts:
    """The same numbers in half the memory where they fit: a run holds thousands of histograms at once."""
    fits = not len(values) or int(values.max()) <= np.iinfo(np.int32).max
    return values.astype(np.int32) if fits else values.astype(np.int64)


class Histogram:
    """How many values fell into each bucket; immutable."""

    __slots__ = ("buckets", "counts")

    def __init__(self, buckets: Counts, counts: Counts) -> None:
        """``buckets`` ascending and without repeats, ``counts`` positive, both of the same length."""
        self.buckets = buckets
        self.counts = counts

    @classmethod
    def of(cls, values_ns: ArrayLike) -> Self:
        """The histogram of some values."""
        buckets, counts = np.unique(bucket_of(values_ns), return_counts=True)
        return cls(buckets.astype(np.int64), counts.astype(np.int64))

    @classmethod
    def merge(cls, parts: Iterable[Histogram]) -> Self:
        """The sum of histograms, count by count."""
        histograms = list(parts)
        if not histograms:
            return cls.of([])
        dense = np.zeros(_number_of_buckets(), dtype=np.int64)
        for histogram in histograms:
            dense[histogram.buckets] += histogram.counts
        buckets = np.flatnonzero(dense).astype(np.int64)
        return cls(buckets, dense[buckets])

    @classmethod
    def decode(cls, blob: str) -> Self:
        """Read a base64 HdrHistogram V2 blob. Raises ``ValueError`` when it is of another range or precision."""
        payload = HdrHistogramEncoder.decode(blob.encode())
        header = payload.payload
        if (header.highest_trackable_value, header.significant_figures) != (HIGHEST_NS, SIGNIFICANT_DIGITS):
            raise ValueError(
                f"a histogram up to {header.highest_trackable_value} ns at {header.significant_figures} digits, "
                f"not {HIGHEST_NS} ns at {SIGNIFICANT_DIGITS}"
            )
        extent = payload.init_counts(_number_of_buckets())
        if not extent["total"]:
            return cls.of([])
        first, last = extent["min_nonzero_index"], extent["max_nonzero_index"]
        dense = np.frombuffer(payload.counts, dtype=np.int64, count=last + 1)[first:]
        used = np.flatnonzero(dense)
        return cls(_narrowed(used + first), _narrowed(dense[used]))

    def encode(self) -> str:
        """This histogram as a base64 HdrHistogram V2 blob, the form that interval logs hold."""
        full = HdrHistogram(1, HIGHEST_NS, SIGNIFICANT_DIGITS)
        counts = full.encoder.payload.counts
        dense = np.frombuffer(counts, dtype=np.int64, count=ctypes.sizeof(counts) // 8)
        dense[self.buckets] = self.counts
        full.set_internal_tacking_values(
            int(self.buckets[0]) if len(self.buckets) else -1,
            int(self.buckets[-1]) if len(self.buckets) else -1,
            self.total,
        )
        return str(full.encode().decode())

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Histogram)
            and np.array_equal(self.buckets, other.buckets)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def total(self) -> int:
        """How many values were recorded."""
        return int(self.counts.sum())

    @property
    def max_s(self) -> float | None:
        """The largest value, to three digits, in seconds; ``None`` when empty."""
        return float(highest_value_of(self.buckets[-1])) / 1e9 if len(self.buckets) else None

    @property
    def mean_s(self) -> float | None:
        """The mean in seconds, from the middle of each bucket; ``None`` when empty."""
        if not len(self.buckets):
            return None
        high = highest_value_of(self.buckets)
        low = np.where(self.buckets > 0, highest_value_of(np.maximum(self.buckets - 1, 0)) + 1, 0)
        return float(((high + low) / 2 * self.counts).sum() / self.counts.sum()) / 1e9

    def quantile_s(self, q: float) -> float | None:
        """The smallest value in seconds (the top of its bucket) that a share ``q`` of all values or more do not exceed.

        ``None`` when empty.
        """
        return self.ranked_s(self.rank(q, self.total)) if len(self.buckets) else None

    @staticmethod
    def rank(q: float, total: int) -> int:
        """The rank, from 1, of the smallest of ``total`` values that a share ``q`` of them do not exceed."""
        return max(1, int(np.ceil(q * total - 1e-9)))

    def ranked_s(self, rank: int) -> float:
        """The value of a rank from 1 to `total`, in seconds (the top of its bucket)."""
        index = int(np.searchsorted(np.cumsum(self.counts), rank))
        return float(highest_value_of(self.buckets[index])) / 1e9
