"""The analysis of whole runs: what is estimated, compared and withheld."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bakeoff.analysis import summarise
from bakeoff.model import Certificate, Failure, OpenLoad, Result, Stage, Summary
from bakeoff.results.store import load_run
from tests.analysis.measured import Slices, measured
from tests.report import made_up

SAMPLE = Path(__file__).parents[2] / "results" / "sample"
RAMP = OpenLoad(rate_rps=200.0, stages=(Stage(for_s=10, rate_rps=10, to_rps=200),))


def summary_of(certificate: Certificate | None = None, **stacks: Slices) -> Summary:
    """The analysis of some stacks, the first of which is the baseline."""
    experiment, blocks, intervals = measured(**stacks)
    manifest = msgspec.structs.replace(made_up.manifest(), experiment=experiment)
    return summarise(manifest, blocks, intervals, certificate or Certificate())


def whole(summary: Summary, stack: str) -> Result:
    """The row of a stack, all endpoints together."""
    return next(result for result in summary.results if (result.stack, result.endpoint) == (stack, "*"))


def flattened(value: Any, place: str = "") -> dict[str, Any]:
    """The numbers and words of nested data, by their places."""
    if isinstance(value, dict):
        parts = [flattened(part, f"{place}/{key}") for key, part in value.items()]
    elif isinstance(value, list | tuple):
        parts = [flattened(part, f"{place}/{index}") for index, part in enumerate(value)]
    else:
        return {place: value}
    return {key: leaf for part in parts for key, leaf in part.items()}


CHANGED_IN_VERSION_2 = re.compile(r"/latency_ms/p\d+/|/p_value$|/verdict$|/headline$")
"""What stored summaries of version 1 have otherwise: percentiles, and what follows from the correction of p-values."""


@pytest.mark.parametrize("part", ["results", "comparisons"])
def test_the_sample_is_analysed_as_it_was_when_it_was_measured(part: str) -> None:
    """Every number of its stored summary, but for what has a new definition since."""
    run = load_run(SAMPLE)
    summary = summarise(run.manifest, run.blocks, run.intervals, run.summary.generator)
    now, stored = (
        {
            place: value
            for place, value in flattened(msgspec.to_builtins(getattr(source, part))).items()
            if not CHANGED_IN_VERSION_2.search(place)
        }
        for source in (summary, run.summary)
    )
    numbers = {place: value for place, value in stored.items() if isinstance(value, float)}
    assert len(numbers) > 100
    assert {place: now[place] for place in numbers} == pytest.approx(numbers, rel=1e-9)
    assert {**now, **numbers} == stored


def test_the_headlines_of_the_sample_have_the_verdicts_that_they_had() -> None:
    """One correction for the whole run does not hide them."""
    run = load_run(SAMPLE)
    now = summarise(run.manifest, run.blocks, run.intervals, run.summary.generator).comparisons
    headlines = [
        (new.verdict, old.verdict) for new, old in zip(now, run.summary.comparisons, strict=True) if new.headline
    ]
    assert headlines == [("faster", "faster")] * 4


def test_a_row_has_the_numbers_that_were_measured() -> None:
    """200 requests a second at 50 ms and 1 ms of CPU time each."""
    result = whole(summary_of(a=Slices()), "a")
    assert result.valid
    assert (result.requests, result.errors) == (6000, 0)
    assert result.throughput_rps is not None
    assert result.throughput_rps.point == pytest.approx(200)
    assert result.throughput_rps.n == 3
    assert result.cpu_ms_per_request is not None
    assert result.cpu_ms_per_request.point == pytest.approx(1.0)
    assert result.latency_ms.p50 is not None
    assert result.latency_ms.p50.point == pytest.approx(50, rel=1e-3)
    assert result.latency_ms.p999 is None
    assert result.withheld == ("p99.9 needs 10,000 requests, there were 6,000",)


def test_a_row_that_fails_a_check_keeps_its_counts_and_has_no_numbers() -> None:
    """The reason takes their place."""
    result = whole(summary_of(a=Slices(errors=100)), "a")
    assert not result.valid
    assert (result.requests, result.errors) == (6300, 300)
    assert (result.throughput_rps, result.latency_ms.p50, result.cpu_ms_per_request, result.bound) == (None,) * 4
    assert result.withheld == ("300 of 6300 requests failed, such as: status 500",)


def test_a_stack_that_never_answered_has_a_row_with_the_reason() -> None:
    """Its failure stands in the summary too, once a slice."""
    failure = Failure(stage="start", message="exited with code 3")
    summary = summary_of(a=Slices(), b=Slices(failure=failure))
    assert whole(summary, "b").withheld == ("start: exited with code 3",)
    assert summary.failures == (failure,) * 3
    assert summary.comparisons == ()


def test_a_ramp_is_bounded_by_its_mean_rate() -> None:
    """From 10 to 200 requests a second, 105 on average."""
    result = whole(summary_of(a=Slices(load=RAMP, throughput_rps=105.0)), "a")
    assert result.valid
    assert result.bound is not None
    assert result.bound.rps == pytest.approx(min(105.0, 1 / 0.04))


def test_a_stack_that_is_twice_as_fast_in_every_block_is_compared_as_such() -> None:
    """Its latency halves, its throughput doubles; CPU time per request stays the same."""
    summary = summary_of(
        a=Slices(blocks=7), b=Slices(blocks=7, throughput_rps=400.0, latency_s=0.025), c=Slices(blocks=7)
    )
    compared = {
        (comparison.candidate, comparison.metric): (round(comparison.ratio.point, 3), comparison.verdict)
        for comparison in summary.comparisons
        if comparison.endpoint == "*"
    }
    assert compared["b", "throughput"] == (2.0, "faster")
    assert compared["b", "latency_p50"] == (0.5, "faster")
    assert compared["b", "cpu_per_request"] == (1.0, "same")
    assert {verdict for (candidate, _), (_, verdict) in compared.items() if candidate == "c"} == {"same"}


def test_p_values_are_corrected_for_all_comparisons_of_the_run() -> None:
    """The clearest differences reach the smallest p that seven blocks can give, with one candidate or with two."""
    faster = Slices(blocks=7, throughput_rps=400.0, latency_s=0.025)
    summary = summary_of(a=Slices(blocks=7), b=faster, c=faster)
    assert {one.p_value for one in summary.comparisons if one.headline} == {2 / 128}


def test_headlines_are_the_main_metric_over_all_endpoints() -> None:
    """In a closed loop that is throughput."""
    summary = summary_of(a=Slices(blocks=7), b=Slices(blocks=7))
    assert [(one.endpoint, one.metric) for one in summary.comparisons if one.headline] == [("*", "throughput")]


def test_an_endpoint_is_withheld_and_not_compared_with_the_row_of_all_endpoints() -> None:
    """A generator that was busy all the time spoils every request of the slice, whatever its endpoint."""
    summary = summary_of(a=Slices(blocks=7), b=Slices(blocks=7, generator_busy=0.99))
    everything, endpoint = (result for result in summary.results if result.stack == "b")
    assert (everything.valid, endpoint.valid, endpoint.throughput_rps) == (False, False, None)
    assert endpoint.withheld == (f"all endpoints together: {everything.withheld[0]}",)
    assert summary.comparisons == ()


def test_nothing_is_published_of_a_generator_that_failed_its_examination() -> None:
    """Its counts or times were wrong; a generator that was not examined is another matter."""
    failed = Certificate(failed=True, reasons=("every fault: right is 99, should be 100",))
    summary = summary_of(failed, a=Slices(blocks=7), b=Slices(blocks=7))
    assert not any(result.valid for result in summary.results)
    assert summary.comparisons == ()
    assert whole(summary, "a").withheld == (
        "the load generator failed its examination: every fault: right is 99, should be 100",
    )
    assert all(result.valid for result in summary_of(Certificate(), a=Slices(blocks=7)).results)


def test_a_single_block_is_compared_with_nothing() -> None:
    """There is no spread to judge a difference by."""
    assert summary_of(a=Slices(blocks=1), b=Slices(blocks=1)).comparisons == ()


TEN_SECONDS, MILLISECOND_TENTH = 10.0, 0.0001
NINE_PER_MILLE = Slices(load=OpenLoad(rate_rps=402.0), throughput_rps=400.0, latency_s=0.05, errors=36)
"""36 of 4,036 requests in each of three blocks got no right answer."""


@pytest.mark.parametrize(("waited_s", "bound_ms"), [(TEN_SECONDS, 10_000), (MILLISECOND_TENTH, 50), (None, 50)])
def test_percentiles_among_requests_without_a_right_answer_are_lower_bounds(
    waited_s: float | None, bound_ms: float
) -> None:
    """At least as long as they waited, and as the slowest answer took; so too where no wait was recorded."""
    result = whole(summary_of(a=replace(NINE_PER_MILLE, error_s=waited_s)), "a")
    assert result.valid
    assert result.latency_ms.at_least == ("p999", "max")
    p99, p999 = result.latency_ms.p99, result.latency_ms.p999
    assert p99 is not None
    assert p999 is not None
    assert p99.point == pytest.approx(50, rel=0.001)
    assert p99.low is not None
    assert p999.point == pytest.approx(bound_ms, rel=0.001)
    assert (p999.low, p999.high, p999.n) == (None, None, 3)
    assert result.latency_ms.max == pytest.approx(bound_ms, rel=0.001)
    assert result.withheld == (
        "p99.9 is a lower bound, without interval and verdict: 108 of 12,108 requests got no right answer",
    )


def test_a_percentile_that_is_a_bound_in_one_block_has_no_interval_and_no_verdict() -> None:
    """Of 4,082 requests of one block of seven, 82 timed out: its p99 is not known. The others are compared."""
    slow = Slices(load=OpenLoad(rate_rps=400.0), blocks=7, throughput_rps=400.0, latency_s=0.1)
    quick = replace(slow, latency_s=0.05)
    failing = replace(quick, errors=82, errors_in_block=2, error_s=TEN_SECONDS)
    summary = summary_of(a=slow, b=failing, c=quick)
    result = whole(summary, "b")
    assert result.valid
    assert result.latency_ms.at_least == ("p999", "max")
    assert result.latency_ms.p99 is not None
    assert (result.latency_ms.p99.low, result.latency_ms.p99.high) == (None, None)
    assert result.withheld[0] == (
        "p99 is without interval and verdict, since it is a lower bound in 1 of 7 blocks: "
        "82 of 28,082 requests got no right answer"
    )
    compared = {(comparison.candidate, comparison.metric) for comparison in summary.comparisons}
    assert ("b", "latency_p99") not in compared
    assert {("b", "latency_p50"), ("b", "latency_p90"), ("b", "throughput"), ("c", "latency_p99")} <= compared
