"""The findings as sentences."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.model import Comparison, Estimate, Metric, OpenLoad, Step, Timeline, TimelineRequest, Verdict
from bakeoff.report import numerals, words
from bakeoff.run import Run
from tests.report.made_up import FAILURE, RATE, USERS


def with_comparisons(run: Run, *several: Comparison) -> Run:
    """The run with other comparisons."""
    return replace(run, summary=msgspec.structs.replace(run.summary, comparisons=several))


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


# --- the answer ------------------------------------------------------------------------------------------------------


def test_the_answer_names_both_stacks_the_ratio_its_interval_and_the_load(run: Run) -> None:
    """One sentence is enough to be quoted."""
    assert words.answer(run) == (
        "FastAPI on uvicorn (fastapi-uvicorn) served 9.13 \u00d7 [8.76, 9.49] the requests of Flask on gunicorn "
        "(flask-gunicorn-sync) at 64 users (95 % interval, 7 blocks)."
    )


def test_the_numbers_of_the_answer_are_those_of_the_summary(run: Run) -> None:
    """Nothing is computed again on the way to the page."""
    best = words.headline(run)
    assert best in run.summary.comparisons
    assert best is not None
    assert numerals.ratio(best.ratio) in words.answer(run)


def test_the_answer_is_about_the_best_stack_of_the_other_interface(run: Run) -> None:
    """A better stack of the baseline's own interface does not answer WSGI or ASGI."""
    best = words.headline(
        with_comparisons(
            run,
            *(
                compared("flask-gunicorn-gthread", "throughput", "faster", 9.0),
                compared("fastapi-uvicorn", "throughput", "faster", 3.0),
                compared("fastapi-gunicorn-asgi", "throughput", "faster", 4.0),
            ),
        )
    )
    assert best is not None
    assert best.candidate == "fastapi-gunicorn-asgi"


def test_without_a_closed_load_the_answer_is_about_median_latency(run: Run) -> None:
    """The lowest time wins there."""
    latencies = [each for each in run.summary.comparisons if each.load == RATE]
    assert words.answer(with_comparisons(run, *latencies)) == (
        "FastAPI on uvicorn (fastapi-uvicorn) needed 0.680 \u00d7 [0.653, 0.708] the time of Flask on gunicorn "
        "(flask-gunicorn-sync) for the median answer at 50 requests a second (95 % interval, 7 blocks)."
    )


def test_an_inconclusive_answer_says_so_first(run: Run) -> None:
    """A ratio that settles nothing is not sold as a finding."""
    told = words.answer(with_comparisons(run, compared("fastapi-uvicorn", "throughput", "inconclusive")))
    assert told.startswith("Inconclusive: ")
    assert "settles nothing" in told


def test_a_tie_is_told_with_its_margin(run: Run) -> None:
    """The same means: to within what was agreed beforehand."""
    told = words.answer(with_comparisons(run, compared("fastapi-uvicorn", "throughput", "same", 1.01)))
    assert "served the same load, to within 5 %" in told


def test_one_block_gives_a_ratio_without_an_interval(run: Run) -> None:
    """And the sentence says that there is none."""
    single = Estimate(point=2, low=None, high=None, level=0.95, n=1)
    each = msgspec.structs.replace(compared("fastapi-uvicorn", "throughput", "inconclusive"), ratio=single)
    told = words.answer(with_comparisons(run, each))
    assert "2.00 \u00d7 the requests" in told
    assert "no interval from 1 block" in told


def test_a_run_that_failed_says_that_there_is_no_answer_and_why(empty: Run) -> None:
    """The reason is the first thing on the page."""
    told = words.answer(empty)
    assert told.startswith("There is no valid comparison: ")
    assert "no space left on device" in told
    assert "no block was measured" in told


def test_a_baseline_that_never_started_leaves_no_answer(run: Run, failed_stack: Run) -> None:
    """Every row may be valid but the one that all are compared with."""
    told = words.answer(with_comparisons(failed_stack))
    assert "fastapi-uvicorn did not start" in told
    assert FAILURE.message in told


def test_a_stack_that_is_missing_from_the_comparison_is_named_after_the_answer(failed_stack: Run) -> None:
    """A winner by default is not one."""
    assert f"Not compared: fastapi-uvicorn (start: {FAILURE.message})." in words.context(failed_stack)


def test_what_binds_the_baseline_is_told_with_its_evidence(run: Run) -> None:
    """The bound, what was reached, and the slots that make it."""
    assert (
        "Why: flask-gunicorn-sync is held back by its own limit. All 4 workers busy: 4 slots / 43.6 ms a request = "
        "91.7 requests/s; measured 89.4."
    ) in words.context(run)


def test_a_bound_that_was_not_reached_is_not_called_the_reason(run: Run) -> None:
    """Half of what the slots allow is not explained by the slots."""
    rows = tuple(
        msgspec.structs.replace(row, bound=msgspec.structs.replace(row.bound, rps=200.0)) if row.bound else row
        for row in run.summary.results
    )
    changed = replace(run, summary=msgspec.structs.replace(run.summary, results=rows))
    assert any("by something other than its limit" in sentence for sentence in words.context(changed))


def test_the_baselines_best_relative_is_set_beside_the_winner(run: Run) -> None:
    """The same app with more threads: how far it comes, block by block."""
    sentence = next(each for each in words.context(run) if each.startswith("With 64 threads"))
    assert "flask-gunicorn-gthread" in sentence
    assert "fastapi-uvicorn" in sentence
    assert "7 blocks" in sentence


def test_a_relative_that_equals_the_winner_ties_it(run: Run) -> None:
    """802 and 816 requests a second, the same in every block, are within 5 %."""
    assert any("flask-gunicorn-gthread ties fastapi-uvicorn: 0.983" in each for each in words.context(run))


# --- the timeline ----------------------------------------------------------------------------------------------------


def test_requests_one_after_another_are_told_as_waiting(run: Run) -> None:
    """The order is the data's."""
    assert words.tell(run.summary.timeline[0]) == (
        "The frosting waited until the cake was done: cake 1-11, then frosting 1-5. Both were ready after 86.3 ms."
    )


def test_requests_side_by_side_are_told_in_the_order_in_which_their_steps_started(run: Run) -> None:
    """Consecutive steps of one request are taken together."""
    told = words.tell(run.summary.timeline[2])
    assert told.startswith("The cake and the frosting ran side by side: cake 1, frosting 1, cake 2, frosting 2,")
    assert told.endswith("frosting 5, cake 6-11. Both were ready after 59.2 ms.")


def test_the_interface_does_not_decide_the_story(run: Run) -> None:
    """A blocking call makes an ASGI stack wait, and the report says so."""
    blocking = msgspec.structs.replace(run.summary.timeline[0], interface="asgi", stack="fastapi-blocking")
    assert "waited until the cake was done" in words.timeline_story(blocking)


def test_the_story_names_whoever_came_first(run: Run) -> None:
    """Also when that was the frosting."""
    cake, frosting = run.summary.timeline[0].requests
    late = tuple(Step(name=each.name, start_s=each.start_s + 0.2, end_s=each.end_s + 0.2) for each in cake.steps)
    turned = Timeline(stack="x", interface="wsgi", requests=(TimelineRequest(endpoint="/cake", steps=late), frosting))
    assert words.tell(turned).startswith("The cake waited until the frosting was done: frosting 1-5, then cake 1-11.")


def test_a_timeline_that_failed_tells_why() -> None:
    """No picture is no secret."""
    failed = Timeline(stack="x", interface="asgi", requests=(), failure="TimeoutError: timed out")
    assert words.tell(failed) == "No timeline: TimeoutError: timed out."


def test_an_app_that_tells_no_steps_is_not_said_to_run_side_by_side() -> None:
    """Two answers alone do not show who waited."""
    requests = tuple(
        TimelineRequest(endpoint=path, steps=(Step(name=path, start_s=0.0, end_s=end_s),))
        for path, end_s in (("/", 0.05), ("/search?q=cake", 0.09))
    )
    told = words.tell(Timeline(stack="x", interface="wsgi", requests=requests))
    assert told == "Answered: / after 50.0 ms and search after 90.0 ms. The app does not say when its steps ran."


# --- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"), (0.01234, "0.0123"), (0.9996, "1.00"), (9.1, "9.10"), (36.21, "36.2"), (99.97, "100"),
        (999.7, "1,000"), (1234.4, "1,234"), (1234567, "1,234,567"), (-2.5, "-2.50"), (None, "\u2013"),
        (float("nan"), "\u2013"), (float("inf"), "\u2013"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits_and_a_thousands_comma(value: float | None, written: str) -> None:
    """One way to write a number, everywhere."""
    assert numerals.number(value) == written


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_a_written_number_is_within_half_a_per_cent(value: float) -> None:
    """Rounding never changes a finding."""
    assert float(numerals.number(value).replace(",", "")) == pytest.approx(value, rel=0.005 + 1e-9)


@pytest.mark.parametrize(
    ("several", "one"),
    [
        (["p99 needs 1,000 requests, there were 61", "p99 needs 1,000 requests, there were 1,911"],
         "p99 needs 1,000 requests, there were 61 to 1,911"),
        (["exited with code 3", "exited with code 3"], "exited with code 3"),
        (["needs gunicorn 25.0.1"], "needs gunicorn 25.0.1"),
        (["a stall of 0.5 s."], "a stall of 0.5 s."),
    ],
)  # fmt: skip
def test_reasons_that_differ_only_in_numbers_are_told_once(several: list[str], one: str) -> None:
    """A footnote for each row would bury the table."""
    assert len({numerals.shape(each) for each in several}) == 1
    assert numerals.merged(several) == one


def test_p99_and_p90_are_different_reasons() -> None:
    """Their digits are part of a name."""
    assert numerals.shape("p99 needs 100") != numerals.shape("p90 needs 100")


def test_one_block_is_too_few_for_an_answer_and_the_sentence_says_so(run: Run) -> None:
    """A smoke run is not a measurement."""
    single = replace(with_comparisons(run), blocks=run.blocks[:1])
    assert words.ONE_BLOCK in words.answer(single)


def test_loads_are_told_in_words(run: Run) -> None:
    """An evenly spaced load is not a Poisson load."""
    even = compared("fastapi-uvicorn", "latency_p50", "faster", 0.5)
    rate = OpenLoad(rate_rps=50.0, arrivals="constant")
    rows = tuple(msgspec.structs.replace(row, load=rate) for row in run.summary.results if row.load == RATE)
    summary = msgspec.structs.replace(
        run.summary, results=rows, comparisons=(msgspec.structs.replace(even, load=rate),)
    )
    assert "at 50 requests a second, evenly spaced" in words.answer(replace(run, summary=summary))
