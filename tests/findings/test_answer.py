"""The outcome in one sentence, or why there is none."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from bakeoff.findings import numerals
from bakeoff.findings.answer import ONE_BLOCK, answer, described, headline
from bakeoff.findings.pairs import standing
from bakeoff.model import BlockResult, Comparison, Estimate, Metric, OpenLoad, Run, Verdict
from tests.report.made_up import FAILURE, RATE, USERS

GTHREAD = "flask-gunicorn-gthread"


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


def test_the_answer_names_both_stacks_the_ratio_its_interval_and_the_load(run: Run) -> None:
    """One sentence is enough to be quoted."""
    assert answer(run) == (
        "FastAPI on uvicorn served 9.13 \u00d7 [8.76, 9.49] the requests of Flask on gunicorn-sync at 64 users; "
        "Flask on gunicorn-gthread with 64 threads ties it (1.02 \u00d7 [1.02, 1.02])."
    )


def test_the_numbers_of_the_answer_are_those_of_the_summary(run: Run) -> None:
    """Nothing is computed again on the way to the page."""
    best = headline(run)
    assert best in run.summary.comparisons
    assert best is not None
    assert numerals.ratio(best.ratio) in answer(run)


def test_the_answer_is_about_the_best_stack_of_the_other_interface(run: Run) -> None:
    """A better stack of the baseline's own interface does not answer WSGI or ASGI."""
    best = headline(
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
    assert answer(with_comparisons(run, *latencies)) == (
        "FastAPI on uvicorn needed 0.680 \u00d7 [0.653, 0.708] the time of Flask on gunicorn-sync for the median "
        "answer at 50 requests a second."
    )


def test_an_inconclusive_answer_says_so_first(run: Run) -> None:
    """A ratio that settles nothing is not sold as a finding."""
    told = answer(with_comparisons(run, compared("fastapi-uvicorn", "throughput", "inconclusive")))
    assert told.startswith("Inconclusive: ")
    assert "settles nothing" in told


def test_a_tie_is_told_with_its_margin(run: Run) -> None:
    """The same means: to within what was agreed beforehand."""
    told = answer(with_comparisons(run, compared("fastapi-uvicorn", "throughput", "same", 1.01)))
    assert "served the same load, to within 5 %" in told


def test_one_block_gives_a_ratio_without_an_interval(run: Run) -> None:
    """And the sentence says that there is none."""
    single = Estimate(point=2, low=None, high=None, level=0.95, n=1)
    each = msgspec.structs.replace(compared("fastapi-uvicorn", "throughput", "inconclusive"), ratio=single)
    told = answer(with_comparisons(run, each))
    assert "2.00 \u00d7 (no interval from 1 block) the requests" in told


def test_a_run_that_failed_says_that_there_is_no_answer_and_why(empty: Run) -> None:
    """The reason is the first thing on the page."""
    told = answer(empty)
    assert told.startswith("There is no valid comparison: ")
    assert "no space left on device" in told
    assert "no block was measured" in told


def test_a_baseline_that_never_started_leaves_no_answer(run: Run, failed_stack: Run) -> None:
    """Every row may be valid but the one that all are compared with."""
    told = answer(with_comparisons(failed_stack))
    assert "fastapi-uvicorn did not start" in told
    assert FAILURE.message in told


def relative(run: Run, latency_share: float) -> str:
    """The answer of the run, had the gthread stack answered so many times as often in every block."""

    def changed(block: BlockResult) -> BlockResult:
        records = tuple(
            msgspec.structs.replace(one, window_s=one.window_s / latency_share) if one.stack == GTHREAD else one
            for one in block.records
        )
        return msgspec.structs.replace(block, records=records)

    return answer(replace(run, blocks=tuple(changed(block) for block in run.blocks)))


def test_the_baselines_app_at_its_best_stands_in_the_same_sentence(run: Run) -> None:
    """A weak baseline alone would flatter the winner: 816 requests a second are twice 401."""
    assert ", and 2.04 \u00d7 [2.04, 2.04] those of Flask on gunicorn-gthread with 64 threads." in relative(run, 0.5)


def test_a_relative_that_beats_the_winner_is_told_so(run: Run) -> None:
    """With the same words: a ratio below one."""
    assert ", and 0.509 \u00d7" in relative(run, 2.0)


def test_a_relative_whose_interval_holds_one_settles_nothing(run: Run) -> None:
    """Neither a tie nor a lead."""
    assert standing(Estimate(point=1.05, low=0.9, high=1.2, level=0.95, n=7), 0.05) == "unsettled"
    assert standing(Estimate(point=1.01, low=0.97, high=1.04, level=0.95, n=7), 0.05) == "tied"
    assert standing(Estimate(point=1.2, low=1.1, high=1.3, level=0.95, n=7), 0.05) == "apart"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fastapi-uvicorn", "FastAPI on uvicorn"),
        ("fastapi-uvicorn-tuned", "FastAPI on uvicorn-tuned"),
        ("fastapi-gunicorn", "FastAPI on uvicorn (fastapi-gunicorn)"),
        ("new", "FastAPI on uvicorn (new)"),
    ],
)
def test_a_name_that_says_framework_and_server_is_not_said_twice(run: Run, name: str, told: str) -> None:
    """Any other stands beside what the stack is."""
    stack = next(one for one in run.manifest.experiment.stacks if one.name == "fastapi-uvicorn")
    experiment = msgspec.structs.replace(run.manifest.experiment, stacks=(msgspec.structs.replace(stack, name=name),))
    renamed = replace(run, manifest=msgspec.structs.replace(run.manifest, experiment=experiment))
    assert described(renamed, name) == told


def test_one_block_is_too_few_for_an_answer_and_the_sentence_says_so(run: Run) -> None:
    """A smoke run is not a measurement."""
    single = replace(with_comparisons(run), blocks=run.blocks[:1])
    assert ONE_BLOCK in answer(single)


def test_loads_are_told_in_words(run: Run) -> None:
    """An evenly spaced load is not a Poisson load."""
    even = compared("fastapi-uvicorn", "latency_p50", "faster", 0.5)
    rate = OpenLoad(rate_rps=50.0, arrivals="constant")
    rows = tuple(msgspec.structs.replace(row, load=rate) for row in run.summary.results if row.load == RATE)
    summary = msgspec.structs.replace(
        run.summary, results=rows, comparisons=(msgspec.structs.replace(even, load=rate),)
    )
    assert "at 50 requests a second, evenly spaced" in answer(replace(run, summary=summary))
