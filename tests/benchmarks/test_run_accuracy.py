"""The validation of runs counts what it says it counts."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.model import Verdict
from benchmarks.run.accuracy import Analysis, Compared, Interval, Run, coverage, is_false, page
from benchmarks.run.validate import ANALYSED

RATIOS = st.lists(st.floats(0.5, 2.0), min_size=2, max_size=30)


def compared(candidate: str, verdict: Verdict = "inconclusive", ratio: float = 1.01) -> Compared:
    return Compared(
        "64 users", "*", "throughput", candidate, "flask", ratio, ratio * 0.9, ratio * 1.1, 0.5, verdict, True
    )


def run(*compareds: Compared, seed: int = 1) -> Run:
    return Run(
        seed=seed,
        started_utc="2026-01-01T00:00:00+00:00",
        machine="a machine",
        seconds=100.0,
        load_before=0.1,
        stolen_share=0.0,
        certified=True,
        certificate_reasons=(),
        analyses=(Analysis(stacks=("flask", "flask-again"), compared=compareds),),
        estimated=(),
        withheld=(),
    )


def test_only_a_verdict_between_copies_is_false() -> None:
    assert is_false(compared("flask-again", "faster"))
    assert is_false(compared("flask-again", "slower"))
    assert not is_false(compared("flask-again", "same"))
    assert not is_false(compared("fastapi", "faster"))


def test_a_run_with_several_false_verdicts_counts_once() -> None:
    twice = run(compared("flask-again", "faster"), compared("flask-again", "slower"))
    runs = [twice, *(run(compared("flask-again"), seed=seed) for seed in range(2, 21))]
    assert "Any false verdict in a run of identical stacks: 1 of 20, 5.0%" in page(runs)


def test_a_run_that_compared_nothing_does_not_lower_the_share_of_false_verdicts() -> None:
    runs = [run(compared("flask-again", "faster")), run(seed=2), run(seed=3)]
    assert "Any false verdict in a run of identical stacks: 1 of 1, 100.0%" in page(runs)
    assert "False verdicts" in page([run()])


@given(RATIOS)
def test_a_known_truth_is_covered_where_it_lies_within_the_bounds(ratios: list[float]) -> None:
    intervals = [Interval(ratio, (ratio / 1.2, ratio * 1.2)) for ratio in ratios]
    assert coverage(intervals, truth=1.0).covered == sum(1 / 1.2 <= ratio <= 1.2 for ratio in ratios)


def test_an_outlier_does_not_vouch_for_itself() -> None:
    """Its interval is held against the pooled ratio of the others; an interval that is missing is not counted."""
    intervals = [Interval(1.0, (0.9, 1.1))] * 9 + [Interval(math.e, (2.0, 3.0)), Interval(1.0, None)]
    measured = coverage(intervals)
    assert (measured.covered, measured.of) == (0, 10)  # The outlier shifts the pooled ratio of each other by 11 %.
    assert coverage(intervals[:9]).covered == 9


def test_every_analysis_names_its_baseline_first_and_two_are_of_copies() -> None:
    analyses = [Analysis(stacks=stacks, compared=()) for stacks in ANALYSED]
    assert [analysis.is_of_copies for analysis in analyses] == [True, True, False]


def test_a_page_without_runs_says_so() -> None:
    assert "No run is stored yet" in page([])
