"""Counts add up, and the log is read as it was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.calibration.oracle import Log, Outcome
from bakeoff.calibration.oracle.log import NO_ANSWER_NS, RequestLog

any_outcomes = st.lists(st.sampled_from([None, *sorted(set(Outcome) - {Outcome.PENDING})]), max_size=30)
"""``None`` for a request that is still pending."""


def written(outcomes: list[Outcome | None], rows: bool = True) -> RequestLog:
    """Request n arrives at 1000 + n and is answered at 2000 + n."""
    log = RequestLog(rows=rows)
    for number in range(len(outcomes)):
        assert log.add(1000 + number) == number
    for number, outcome in enumerate(outcomes):
        if outcome is not None:
            log.finish(number, outcome, 2000 + number)
    return log


@given(any_outcomes, st.booleans())
def test_the_counts_are_those_of_the_outcomes_with_rows_or_without(outcomes: list[Outcome | None], rows: bool) -> None:
    """Every outcome has a count; together they are the requests received."""
    counts = written(outcomes, rows).outcomes()
    assert sum(counts.values()) == len(outcomes)
    assert counts["pending"] == outcomes.count(None)
    assert all(counts[outcome.name.lower()] == outcomes.count(outcome) for outcome in set(Outcome) - {Outcome.PENDING})


@given(any_outcomes)
def test_the_log_has_a_row_for_each_request(outcomes: list[Outcome | None]) -> None:
    """What was entered is what is read."""
    log = Log.decode(written(outcomes).encode())
    count = len(outcomes)
    assert len(log) == count
    assert log.arrival_ns.tolist() == [1000 + number for number in range(count)]
    assert log.outcome.tolist() == [Outcome.PENDING if outcome is None else outcome for outcome in outcomes]
    assert log.answered_ns.tolist() == [
        NO_ANSWER_NS if outcome is None else 2000 + number for number, outcome in enumerate(outcomes)
    ]


def test_without_rows_the_log_is_empty() -> None:
    """The outcomes are counted all the same."""
    log = written([Outcome.CHUNKED], rows=False)
    assert (len(Log.decode(log.encode())), log.outcomes()["chunked"]) == (0, 1)
