"""The headline: the outcome in one sentence with its numbers, or why there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bakeoff.findings import numerals
from bakeoff.findings.headline import ONE_BLOCK, described, headline, quoted_comparison
from bakeoff.findings.pairs import standing
from bakeoff.model import ClosedLoad, Comparison, Estimate, Metric, OpenLoad, Run, Stage, Verdict
from tests.findings.changes import change, with_records, with_summary
from tests.report.made_up import FAILURE, RATE, USERS, with_failed

GTHREAD = "flask-gunicorn-gthread"


def with_comparisons(run: Run, *comparisons: Comparison) -> Run:
    """The run with other comparisons."""
    return with_summary(run, comparisons=comparisons)


def compared(candidate: str, metric: Metric, verdict: Verdict, point: float = 1.2) -> Comparison:
    """A candidate against the baseline."""
    return Comparison(
        metric=metric,
        scenario="bakery",
        endpoint="*",
        load=USERS if metric == "throughput" else RATE,
        baseline="flask-gunicorn-sync",
        candidate=candidate,
        ratio=Estimate(point=point, low=point * 0.9, high=point * 1.1, level=0.95, n=7),
        p_value=0.5,
        verdict=verdict,
    )


def test_the_headline_names_both_stacks_the_ratio_its_interval_and_the_load(run: Run) -> None:
    """One sentence is enough to be quoted."""
    assert headline(run).text == (
        "FastAPI on uvicorn served 9.13 \u00d7 [8.76, 9.49] the requests of Flask on gunicorn-sync at 64 users; "
        "Flask on gunicorn-gthread with 64 threads ties it (1.02 \u00d7 [1.02, 1.02])."
    )


def test_the_numbers_of_the_headline_are_those_of_the_summary(run: Run) -> None:
    """Nothing is computed again on the way, and programs get them without reading the sentence."""
    stated = headline(run)
    (comparison,) = (
        comparison
        for comparison in run.summary.comparisons
        if (comparison.candidate, comparison.load, comparison.metric, comparison.endpoint)
        == (stated.candidate, stated.load, stated.metric, "*")
    )
    assert (stated.ratio, stated.verdict, stated.baseline) == (comparison.ratio, "faster", "flask-gunicorn-sync")
    assert numerals.ratio(comparison.ratio) in stated.text
    assert stated.relative is not None
    assert (stated.relative.stack, numerals.ratio(stated.relative.ratio)) == (GTHREAD, "1.02 \u00d7 [1.02, 1.02]")


def test_the_headline_is_about_the_best_stack_of_the_other_interface(run: Run) -> None:
    """A better stack of the baseline's own interface does not answer WSGI or ASGI."""
    comparison = quoted_comparison(
        with_comparisons(
            run,
            compared(GTHREAD, "throughput", "faster", 9.0),
            compared("fastapi-uvicorn", "throughput", "faster", 3.0),
            compared("fastapi-gunicorn-asgi", "throughput", "faster", 4.0),
        )
    )
    assert comparison is not None
    assert comparison.candidate == "fastapi-gunicorn-asgi"


def test_the_heaviest_closed_load_is_quoted(swept: Run) -> None:
    """With 8 and with 64 users measured, it is the 64."""
    few = ClosedLoad(users=8)
    light = [change(row, load=few) for row in swept.summary.comparisons if row.load == USERS]
    comparison = quoted_comparison(with_comparisons(swept, *light, *swept.summary.comparisons))
    assert comparison is not None
    assert comparison.load == USERS
    alone = quoted_comparison(with_comparisons(swept, *light))
    assert alone is not None
    assert alone.load == few


def test_without_a_closed_load_the_headline_is_about_median_latency(run: Run) -> None:
    """The lowest time wins there."""
    latencies = [comparison for comparison in run.summary.comparisons if comparison.load == RATE]
    assert headline(with_comparisons(run, *latencies)).text == (
        "FastAPI on uvicorn needed 0.680 \u00d7 [0.653, 0.708] the time of Flask on gunicorn-sync for the median "
        "answer at 50 requests a second."
    )


def test_an_inconclusive_result_says_so_first(run: Run) -> None:
    """A ratio that settles nothing is not presented as a finding."""
    text = headline(with_comparisons(run, compared("fastapi-uvicorn", "throughput", "inconclusive"))).text
    assert text.startswith("Inconclusive: ")
    assert "too uncertain to tell them apart" in text


def test_a_tie_states_its_margin(run: Run) -> None:
    """The same means: to within the margin that the experiment declares."""
    text = headline(with_comparisons(run, compared("fastapi-uvicorn", "throughput", "same", 1.01))).text
    assert "are equivalent within 5 % in throughput at 64 users: 1.01 \N{MULTIPLICATION SIGN} [" in text


def test_one_block_gives_a_ratio_without_an_interval(run: Run) -> None:
    """And the sentence says that there is none."""
    single = Estimate(point=2, low=None, high=None, level=0.95, n=1)
    comparison = change(compared("fastapi-uvicorn", "throughput", "inconclusive"), ratio=single)
    text = headline(with_comparisons(run, comparison)).text
    assert "2.00 \u00d7 (no interval from 1 block) the requests" in text


def test_a_run_that_failed_has_reasons_in_place_of_numbers(empty: Run) -> None:
    """In the sentence, and as data."""
    stated = headline(empty)
    assert stated.text.startswith("There is no valid comparison: ")
    assert stated.reasons == ("the run failed (no space left on device)", "no block was measured")
    assert all(reason in stated.text for reason in stated.reasons)
    assert (stated.ratio, stated.candidate, stated.metric) == (None, None, None)


def test_a_baseline_that_never_started_leaves_no_comparison(failed_stack: Run) -> None:
    """Every row may be valid but the one that all are compared with."""
    text = headline(with_comparisons(failed_stack)).text
    assert "fastapi-uvicorn did not start" in text
    assert FAILURE.message in text


def test_stacks_that_failed_alike_are_named_together(run: Run) -> None:
    """A mistake that all of them share is told once."""
    names = ("flask-gunicorn-sync", "fastapi-uvicorn")
    text = headline(with_failed(with_failed(with_comparisons(run), names[1]), names[0])).text
    assert f"flask-gunicorn-sync and fastapi-uvicorn did not start ({FAILURE.message})" in text
    assert text.count(FAILURE.message) == 1


def with_slower_relative(run: Run, latency_share: float) -> str:
    """The headline, had the gthread stack answered so many times as often in every block."""
    window_s = next(record.window_s for record in run.records)
    return headline(with_records(run, GTHREAD, window_s=window_s / latency_share)).text


def test_the_baselines_app_at_its_best_stands_in_the_same_sentence(run: Run) -> None:
    """A weak baseline alone would flatter the winner: 816 requests a second are twice 401."""
    text = with_slower_relative(run, 0.5)
    assert ", and 2.04 \u00d7 [2.04, 2.04] those of Flask on gunicorn-gthread with 64 threads." in text


def test_a_relative_that_beats_the_winner_is_stated(run: Run) -> None:
    """With the same words: a ratio below one."""
    assert ", and 0.509 \u00d7" in with_slower_relative(run, 2.0)


def test_two_stacks_are_tied_unsettled_or_apart() -> None:
    """An interval that holds one settles nothing, unless it lies within the margin."""
    assert standing(Estimate(point=1.05, low=0.9, high=1.2, level=0.95, n=7), 0.05) == "unsettled"
    assert standing(Estimate(point=1.01, low=0.97, high=1.04, level=0.95, n=7), 0.05) == "tied"
    assert standing(Estimate(point=1.2, low=1.1, high=1.3, level=0.95, n=7), 0.05) == "apart"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("fastapi-uvicorn", "FastAPI on uvicorn"),
        ("fastapi-uvicorn-tuned", "FastAPI on uvicorn-tuned"),
        ("fastapi-gunicorn", "FastAPI on uvicorn (fastapi-gunicorn)"),
        ("new", "FastAPI on uvicorn (new)"),
    ],
)
def test_a_stack_is_described_by_framework_and_server(run: Run, name: str, written: str) -> None:
    """A name that does not say both stands beside them."""
    stack = run.stack("fastapi-uvicorn")
    assert stack is not None
    experiment = change(run.manifest.experiment, stacks=(change(stack, name=name),))
    renamed = replace(run, manifest=change(run.manifest, experiment=experiment))
    assert described(renamed, name) == written


def test_one_block_is_too_few_for_a_comparison(run: Run) -> None:
    """A smoke run is not a measurement."""
    single = replace(with_comparisons(run), blocks=run.blocks[:1])
    assert ONE_BLOCK in headline(single).reasons


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (OpenLoad(rate_rps=50.0, arrivals="constant"), "at 50 requests a second, evenly spaced"),
        (
            OpenLoad(rate_rps=200.0, stages=(Stage(for_s=4.0, rate_rps=10.0, to_rps=200.0),)),
            "at 10 to 200 requests a second over 4 s",
        ),
    ],
)
def test_loads_are_described_in_words(run: Run, load: OpenLoad, words: str) -> None:
    """An evenly spaced load is not a Poisson load, and a ramp is not its last rate."""
    rows = tuple(change(row, load=load) for row in run.summary.results if row.load == RATE)
    comparison = change(compared("fastapi-uvicorn", "latency_p50", "faster", 0.5), load=load)
    assert words in headline(with_summary(run, results=rows, comparisons=(comparison,))).text
