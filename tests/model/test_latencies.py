"""Percentiles over all requests: those without a right answer count as slower than every right one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.model import Histogram, Latencies, Quantile

MS, S = 10**6, 10**9
times_ns = st.lists(st.integers(0, 20 * S), max_size=60)
shares = st.sampled_from([0.01, 0.5, 0.9, 0.99, 0.999, 1.0])


def quantile(right_ns: list[int], errors_ns: list[int], share: float) -> Quantile:
    """A quantile of some requests, at least one of them."""
    found = Latencies(right=Histogram.of(right_ns), errors=Histogram.of(errors_ns)).quantile(share)
    assert found is not None
    return found


def about(seconds: float) -> object:
    """To three digits."""
    return pytest.approx(seconds, rel=0.001)


def test_one_per_cent_of_timeouts_makes_the_tail_at_least_as_long_as_they_waited() -> None:
    """990 answers in 5 ms and 10 timeouts after ten seconds: p99 is exact, p99.9 and the longest are not."""
    right_ns, errors_ns = [5 * MS] * 990, [10 * S] * 10
    assert quantile(right_ns, errors_ns, 0.99) == (about(0.005), False)
    assert quantile(right_ns, errors_ns, 0.999) == (about(10.0), True)
    assert quantile(right_ns, errors_ns, 1.0) == (about(10.0), True)


def test_a_request_that_fails_at_once_counts_as_slower_than_every_answer() -> None:
    """A connection refused after 0.1 ms got no answer at all: it does not make the tail better."""
    right_ns = [5 * MS] * 980 + [70 * MS] * 10
    assert quantile(right_ns, [MS // 10] * 10, 0.999) == (about(0.07), True)
    assert quantile(right_ns, [MS // 10] * 10, 0.99) == (about(0.07), False)


@given(times_ns.filter(bool), shares)
def test_without_errors_a_quantile_is_that_of_the_answers(right_ns: list[int], share: float) -> None:
    """And exact."""
    assert quantile(right_ns, [], share) == (Histogram.of(right_ns).quantile_s(share), False)


@given(times_ns, times_ns, st.integers(0, 20 * S), shares)
def test_one_more_request_without_an_answer_never_improves_a_percentile(
    right_ns: list[int], errors_ns: list[int], waited_ns: int, share: float
) -> None:
    """However quickly it failed: what was exact does not fall, and a bound stays one, above every answer."""
    if not right_ns and not errors_ns:
        return
    before = quantile(right_ns, errors_ns, share)
    after = quantile(right_ns, [*errors_ns, waited_ns], share)
    assert after.at_least >= before.at_least
    if not before.at_least:
        assert after.value_s >= before.value_s
    if after.at_least:
        assert after.value_s >= (Histogram.of(right_ns).max_s or 0.0)


@given(times_ns, times_ns, shares)
def test_one_more_timeout_never_lowers_a_percentile(right_ns: list[int], errors_ns: list[int], share: float) -> None:
    """One that waited as long as any other."""
    if not right_ns and not errors_ns:
        return
    before = quantile(right_ns, errors_ns, share)
    after = quantile(right_ns, [*errors_ns, max(errors_ns, default=0)], share)
    assert after >= before


@given(times_ns.filter(bool), times_ns, st.integers(0, 59), shares)
def test_a_timeout_in_place_of_an_answer_never_lowers_what_is_exact(
    right_ns: list[int], errors_ns: list[int], index: int, share: float
) -> None:
    """A client that gives up early cannot make a server look faster."""
    answers_ns = list(right_ns)
    took_ns = answers_ns.pop(index % len(answers_ns))
    before, after = quantile(right_ns, errors_ns, share), quantile(answers_ns, [*errors_ns, took_ns], share)
    assert after.at_least >= before.at_least
    assert after.at_least or after.value_s >= before.value_s


@given(times_ns, times_ns, st.lists(shares, min_size=2, max_size=2))
def test_a_higher_percentile_is_never_lower(right_ns: list[int], errors_ns: list[int], two: list[float]) -> None:
    """Nor exact where a lower one is only a bound."""
    if not right_ns and not errors_ns:
        return
    lower, higher = (quantile(right_ns, errors_ns, share) for share in sorted(two))
    assert higher.value_s >= lower.value_s
    assert higher.at_least >= lower.at_least


@given(times_ns, times_ns, times_ns, times_ns)
def test_parts_that_are_exact_are_exact_together(
    first: list[int], lost: list[int], other: list[int], gone: list[int]
) -> None:
    """A percentile that is known in every block is known over all of them."""
    parts = [
        Latencies(right=Histogram.of(right_ns), errors=Histogram.of(errors_ns))
        for right_ns, errors_ns in ((first, lost), (other, gone))
    ]
    for share in (0.5, 0.9, 0.99):
        quantiles = [part.quantile(share) for part in parts]
        together = Latencies.merge(parts).quantile(share)
        if together is not None and together.at_least:
            assert any(part is not None and part.at_least for part in quantiles)


def test_no_request_has_no_quantile() -> None:
    """Nothing sent is nothing known."""
    nothing = Latencies(right=Histogram.of([]), errors=Histogram.of([]))
    assert (nothing.quantile(0.5), nothing.s_per_right_answer) == (None, None)


@given(times_ns.filter(bool), times_ns)
def test_time_spent_on_errors_counts_for_the_answers(right_ns: list[int], errors_ns: list[int]) -> None:
    """Users that wait for a timeout get no answer meanwhile."""
    latencies = Latencies(right=Histogram.of(right_ns), errors=Histogram.of(errors_ns))
    expected_s = (sum(right_ns) + sum(errors_ns)) / 1e9 / len(right_ns)
    assert latencies.s_per_right_answer == pytest.approx(expected_s, rel=0.001, abs=1e-8)
