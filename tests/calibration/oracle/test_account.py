"""The account adds up, and is read as it was written."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.calibration.oracle.account import read_account, read_log
from bakeoff.calibration.oracle.behaviour import Outcome
from bakeoff.calibration.oracle.ledger import NO_ANSWER_NS, EndpointCounts, Ledger

settled = st.lists(st.sampled_from([None, *sorted(set(Outcome) - {Outcome.PENDING})]), max_size=30)


@given(settled, st.integers(0, 40))
def test_received_is_the_sum_of_the_outcomes_even_beyond_the_log(outcomes: list[Outcome | None], capacity: int) -> None:
    """A full log loses rows, never counts."""
    ledger = Ledger(0, capacity_rows=capacity)
    for outcome in outcomes:
        number = ledger.receive(1)
        if outcome is not None:
            ledger.settle(number, 2, outcome)
    account = ledger.account()
    assert account.received == len(outcomes) == sum(account.outcomes.values())
    assert account.outcomes["pending"] == outcomes.count(None)
    assert account.rows == min(len(outcomes), capacity)
    assert account.truncated == (len(outcomes) > capacity)


@given(settled)
def test_the_log_has_a_row_for_each_request(outcomes: list[Outcome | None]) -> None:
    """What was entered is what is read."""
    ledger = Ledger(0)
    for number, outcome in enumerate(outcomes):
        assert ledger.receive(1000 + number) == number
        if outcome is not None:
            ledger.settle(number, 2000 + number, outcome)
    log = read_log(ledger.log())
    count = len(outcomes)
    assert len(log) == count
    assert log.arrival_ns.tolist() == [1000 + number for number in range(count)]
    assert log.outcome.tolist() == [Outcome.PENDING if outcome is None else outcome for outcome in outcomes]
    assert log.answered_ns.tolist() == [
        NO_ANSWER_NS if outcome is None else 2000 + number for number, outcome in enumerate(outcomes)
    ]


def test_a_count_without_a_log() -> None:
    """Without a log there are no rows, and nothing is missing that was promised."""
    counts = EndpointCounts(epoch_ns=5)
    counts.settle(counts.receive(1), 2, Outcome.CHUNKED)
    account = counts.account()
    assert (account.epoch_ns, account.answered_right, account.rows, account.truncated) == (5, 1, 0, False)
    assert len(read_log(counts.log())) == 0


def test_a_reset_forgets_everything() -> None:
    """An epoch starts with an empty account."""
    ledger = Ledger(1)
    ledger.settle(ledger.receive(2), 3, Outcome.WRONG)
    ledger.connections_opened = ledger.malformed = 4
    ledger.reset(9)
    assert ledger.account() == Ledger(9).account()
    assert ledger.log() == b""


def test_an_account_survives_json() -> None:
    """The counts travel whole."""
    account = Ledger(7).account()
    assert read_account(msgspec.json.encode(account)) == account
