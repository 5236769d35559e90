"""Waiting is cut so that no answer is late by sleeping."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.calibration.oracle.answering import SPIN_NS, WAKE_NS, AtOnce, InTime, answering_for, sleep_s
from bakeoff.calibration.oracle.behaviour import Behaviour
from bakeoff.calibration.oracle.ledger import Ledger


@given(st.integers(1, 3_600_000_000_000))
def test_a_sleep_ends_before_the_answer_is_due(left_ns: int) -> None:
    """Rounded up to milliseconds, as the kernel's interface does, it still leaves time to wake up."""
    assert math.ceil(sleep_s(left_ns) * 1e3) * 1_000_000 <= max(0, left_ns - WAKE_NS)


@given(st.integers(SPIN_NS, 3_600_000_000_000))
def test_a_sleep_is_not_much_shorter_than_it_could_be(left_ns: int) -> None:
    """Less than the spinning stretch is left when it ends."""
    assert left_ns - math.ceil(sleep_s(left_ns) * 1e3) * 1_000_000 < SPIN_NS


def test_the_bare_loop_serves_only_those_who_ask_for_nothing() -> None:
    """A log, or anything else, is worth a heap."""
    assert isinstance(answering_for(Behaviour(log=False), 0), AtOnce)
    assert isinstance(answering_for(Behaviour(), 0), InTime)
    assert isinstance(answering_for(Behaviour(), 0).ledger, Ledger)
    assert not isinstance(answering_for(Behaviour(log=False, wrong_every=2), 0).ledger, Ledger)
