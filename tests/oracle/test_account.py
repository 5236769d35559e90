"""The account adds up, and is read as it was written."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.oracle.account import read_account, read_log
from bakeoff.oracle.behaviour import Fate
from bakeoff.oracle.ledger import NO_ANSWER_NS, Ledger, Tally

settled = st.lists(st.sampled_from([None, *sorted(set(Fate) - {Fate.PENDING})]), max_size=30)


@given(settled, st.integers(0, 40))
def test_received_is_the_sum_of_the_fates_even_beyond_the_log(fates: list[Fate | None], capacity: int) -> None:
    """A full log loses rows, never counts."""
    ledger = Ledger(0, capacity_rows=capacity)
    for fate in fates:
        number = ledger.receive(1)
        if fate is not None:
            ledger.settle(number, 2, fate)
    account = ledger.account()
    assert account.received == len(fates) == sum(account.fates.values())
    assert account.fates["pending"] == fates.count(None)
    assert account.rows == min(len(fates), capacity)
    assert account.truncated == (len(fates) > capacity)


@given(settled)
def test_the_log_has_a_row_for_each_request(fates: list[Fate | None]) -> None:
    """What was entered is what is read."""
    ledger = Ledger(0)
    for number, fate in enumerate(fates):
        assert ledger.receive(1000 + number) == number
        if fate is not None:
            ledger.settle(number, 2000 + number, fate)
    log = read_log(ledger.log())
    count = len(fates)
    assert len(log) == count
    assert log.arrival_ns.tolist() == [1000 + number for number in range(count)]
    assert log.fate.tolist() == [Fate.PENDING if fate is None else fate for fate in fates]
    assert log.answered_ns.tolist() == [
        NO_ANSWER_NS if fate is None else 2000 + number for number, fate in enumerate(fates)
    ]


def test_a_tally_counts_without_a_log() -> None:
    """Without a log there are no rows, and nothing is missing that was promised."""
    tally = Tally(epoch_ns=5)
    tally.settle(tally.receive(1), 2, Fate.CHUNKED)
    account = tally.account()
    assert (account.epoch_ns, account.answered_right, account.rows, account.truncated) == (5, 1, 0, False)
    assert len(read_log(tally.log())) == 0


def test_a_reset_forgets_everything() -> None:
    """An epoch starts with an empty account."""
    ledger = Ledger(1)
    ledger.settle(ledger.receive(2), 3, Fate.WRONG)
    ledger.connections_opened = ledger.malformed = 4
    ledger.reset(9)
    assert ledger.account() == Ledger(9).account()
    assert ledger.log() == b""


def test_an_account_survives_json() -> None:
    """The counts travel whole."""
    account = Ledger(7).account()
    assert read_account(msgspec.json.encode(account)) == account
