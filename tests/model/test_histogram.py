"""Histograms keep three digits, merge without loss, and speak HdrHistogram's own format."""

import numpy as np
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.model import HIGHEST_NS, Histogram, bucket_of, highest_value_of

values_ns = st.lists(st.integers(0, HIGHEST_NS), min_size=1, max_size=200)


@given(st.integers(0, HIGHEST_NS))
def test_a_value_is_known_to_three_digits(value_ns: int) -> None:
    """No value is further from its bucket's top than a thousandth of itself."""
    top = int(highest_value_of(bucket_of([value_ns]))[0])
    assert value_ns <= top <= value_ns + max(0, value_ns // 1000)


@given(values_ns)
def test_buckets_are_those_of_hdrhistogram(values: list[int]) -> None:
    """The same values recorded by HdrHistogram's library give the same blob."""
    theirs = HdrHistogram(1, HIGHEST_NS, 3)
    for value in values:
        theirs.record_value(value)
    assert Histogram.of(values).encode() == theirs.encode().decode()


@given(values_ns, st.sampled_from([0.01, 0.5, 0.9, 0.99, 0.999, 1.0]))
def test_a_quantile_is_a_recorded_value_that_so_many_do_not_exceed(values: list[int], quantile: float) -> None:
    """The inverse of the empirical distribution, to three digits."""
    exact = np.quantile(values, quantile, method="inverted_cdf")
    assert Histogram.of(values).quantile_s(quantile) == highest_value_of(bucket_of(exact)) / 1e9


@given(values_ns)
def test_a_blob_reads_back_as_it_was_written(values: list[int]) -> None:
    """Encoding and decoding change nothing."""
    histogram = Histogram.of(values)
    assert Histogram.decode(histogram.encode()) == histogram


@given(st.lists(values_ns, max_size=5))
def test_merging_parts_equals_counting_all_at_once(parts: list[list[int]]) -> None:
    """The merged counts are the counts of all values together."""
    merged = Histogram.merge(Histogram.of(part) for part in parts)
    assert merged == Histogram.of([value for part in parts for value in part])


def test_an_empty_histogram_has_no_numbers() -> None:
    """Nothing recorded is nothing known, not zero."""
    empty = Histogram.of([])
    assert (empty.total, empty.max_s, empty.mean_s, empty.quantile_s(0.5)) == (0, None, None, None)


def test_the_mean_is_that_of_the_values_to_three_digits() -> None:
    """A bucket's middle stands for its values."""
    values = np.random.default_rng(1).integers(10**6, 10**9, 1000)
    mean_s = Histogram.of(values).mean_s
    assert mean_s is not None
    assert abs(mean_s / (values.mean() / 1e9) - 1) < 1e-3
