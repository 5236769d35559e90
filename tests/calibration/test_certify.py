"""A generator is certified when its percentiles, its counts and its send lag are right, and only then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.calibration.certify import check_accounting, check_percentiles, shortcomings, true_latencies_s
from bakeoff.calibration.oracle import Outcome
from bakeoff.load.messages import Driven
from bakeoff.model import EndpointCounts, OpenLoad, OracleCheck, Outcomes, arrivals_until_s, window_rng

LOAD = OpenLoad(rate_rps=500.0)
SEED = 7
OPENED_NS = 1_000_000_000_000
GOOD_LAG_S = {"p50": 0.0001, "p99": 0.001}


def counts(outcomes: Outcomes, offered: int | None = None) -> EndpointCounts:
    offered = outcomes.offered if offered is None else offered
    return EndpointCounts(endpoint="/", offered=offered, outcomes=outcomes, completed=outcomes.right)


def driven(window: Outcomes, **changes: Any) -> Driven:
    fields: dict[str, Any] = {
        "window_s": 1.0,
        "warmup_s": 0.2,
        "cpu_s": 0.1,
        "connections_opened": 1,
        "requests_sent": window.offered,
        "waited": 0,
        "endpoints": (counts(window),),
        "opened_ns": OPENED_NS,
    }
    return Driven(**{**fields, **changes})


@given(st.integers(-1, 1), st.integers(0, 20), st.randoms())
def test_true_latencies_are_from_the_intended_time_to_the_answer(late: int, warmup: int, random: Any) -> None:
    """Answers of the warm-up are left out, and an arrival at the very end may be missing on either side."""
    intended_ns = OPENED_NS + (arrivals_until_s(window_rng(SEED), LOAD, 1.0) * 1e9).astype(np.int64)
    answers_ns = (intended_ns + 5_000_000).tolist()
    answers_ns = answers_ns[:-1] if late < 0 else answers_ns + [answers_ns[-1] + 1] * late
    random.shuffle(answers_ns)
    log_ns = np.array([OPENED_NS - 1] * warmup + answers_ns)
    measured = driven(Outcomes(right=len(answers_ns)), warmup=(counts(Outcomes(right=warmup)),))

    latencies_s = true_latencies_s(LOAD, SEED, measured, log_ns)

    assert len(latencies_s) == len(intended_ns) + min(late, 0)
    if late <= 0:
        assert np.median(latencies_s) == pytest.approx(0.005)
    if late == 0:
        assert latencies_s == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("true_s", "measured_s", "ok"),
    [
        (0.1, 0.1029, True),  # 3 % of a long one
        (0.1, 0.1031, False),
        (0.1, 0.0969, False),
        (0.001, 0.00129, True),  # 0.3 ms of a short one
        (0.001, 0.00131, False),
        (0.001, None, False),
    ],
)
def test_a_percentile_may_be_off_by_three_percent_or_a_third_of_a_millisecond(
    true_s: float, measured_s: float | None, ok: bool
) -> None:
    """Whichever is larger. A percentile that was not measured is not right."""
    measured = dict.fromkeys(("p50", "p90", "p99", "p999"), measured_s)
    checks = check_percentiles("case", measured, np.full(10_000, true_s))
    assert [(check.what, check.ok) for check in checks] == [(name, ok) for name in measured]
    assert checks[0].asked == pytest.approx(1e3 * true_s)


def test_percentiles_are_checked_only_where_there_are_requests_enough() -> None:
    """A thousand requests have no p99.9 to compare."""
    measured: dict[str, float | None] = dict.fromkeys(("p50", "p90", "p99", "p999"), 0.005)
    assert [check.what for check in check_percentiles("case", measured, np.full(1000, 0.005))] == ["p50", "p90", "p99"]


SERVED = {outcome.name.lower(): number for number, outcome in enumerate(Outcome, start=1)}
"""right 1, chunked 2, closed_after 3, wrong_body 4, wrong_status 5, closed 6, unanswered 7, lost 8, pending 9"""
SAME = Outcomes(right=6, wrong=9, failed={"reset": 2, "closed": 4}, timed_out=20, unfinished=4)


def wrong_checks(measured: Driven) -> list[str]:
    return [check.what for check in check_accounting("case", measured, SERVED) if not check.ok]


def test_counts_that_agree_with_the_oracles_are_right() -> None:
    """Wherever in the slice the requests were: warm-up, window or drain."""
    assert wrong_checks(driven(SAME)) == []
    warmup, drain = Outcomes(right=4, wrong=9), Outcomes(right=2, failed={"closed": 6}, timed_out=24)
    assert wrong_checks(driven(Outcomes(), warmup=(counts(warmup),), drain=(counts(drain),))) == []


@pytest.mark.parametrize(
    ("outcomes", "wrong"),
    [
        (Outcomes(right=5, wrong=9, failed={"closed": 6}, timed_out=24), ["right"]),
        (Outcomes(right=7, wrong=8, failed={"closed": 6}, timed_out=24), ["right", "wrong"]),
        (Outcomes(right=6, wrong=9, failed={"closed": 5}, timed_out=25), ["closed", "unanswered"]),
        (Outcomes(right=6, wrong=9, failed={"closed": 6}, timed_out=23, dropped=1), ["unanswered"]),
    ],
)
def test_a_request_that_is_missing_or_has_another_outcome_is_seen(outcomes: Outcomes, wrong: list[str]) -> None:
    """One is enough."""
    assert wrong_checks(driven(outcomes)) == wrong


def test_a_request_without_an_outcome_is_seen() -> None:
    """More were offered than are accounted for."""
    measured = driven(SAME, endpoints=(counts(SAME, offered=SAME.offered + 1),))
    assert wrong_checks(measured) == ["offered = sum of outcomes"]


def test_nothing_is_wrong_with_a_good_generator() -> None:
    """All checks hold and the send lag is within its limits."""
    check = OracleCheck(case="a", what="p50", asked=5.0, measured=5.1, ok=True)
    assert shortcomings([check], GOOD_LAG_S) == ()


def test_each_shortcoming_names_the_case_and_both_values() -> None:
    """An unknown value is one too."""
    checks = [
        OracleCheck(case="a", what="p50", asked=5.0, measured=6.25, ok=False),
        OracleCheck(case="b", what="p99", asked=7.0, measured=None, ok=False),
    ]
    assert shortcomings(checks, {"p50": 0.0006, "p99": None}) == (
        "a: p50 is 6.25, should be 5",
        "b: p99 is unknown, should be 7",
        "send lag p50 is 0.6 ms, limit 0.5 ms",
        "send lag p99 is unknown ms, limit 5 ms",
    )
