"""Every answer is HTTP with the status and body of its outcome, and no sleep makes it late."""

from __future__ import annotations

import io
import json
import math
import socket
from http.client import HTTPResponse
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.calibration.oracle import Outcome
from bakeoff.calibration.oracle.server import ANSWERS, WAKE_UP_NS, sleep_s


class Recording:
    """As much of a socket as ``HTTPResponse`` reads from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


ANSWERED = set(Outcome) - {Outcome.CLOSED, Outcome.UNANSWERED, Outcome.LOST, Outcome.PENDING}


@pytest.mark.parametrize("outcome", sorted(ANSWERED))
def test_an_answer_differs_from_the_right_one_only_as_its_outcome_says(outcome: Outcome) -> None:
    """Status, body, end of the connection and transfer encoding."""
    response = HTTPResponse(cast("socket.socket", Recording(ANSWERS[outcome])))
    response.begin()
    body = response.read()
    assert response.status == (500 if outcome is Outcome.WRONG_STATUS else 200)
    assert json.loads(body) == {"ok": outcome is not Outcome.WRONG_BODY}
    assert response.will_close == (outcome is Outcome.CLOSED_AFTER)
    assert bool(response.chunked) == (outcome is Outcome.CHUNKED)


def test_the_other_outcomes_have_no_answer() -> None:
    """Nothing is sent before a connection is closed."""
    assert {outcome for outcome, answer in ANSWERS.items() if answer} == ANSWERED


@given(st.integers(1, 3_600_000_000_000))
def test_a_sleep_ends_before_the_answer_is_due_and_not_much_sooner(left_ns: int) -> None:
    """Rounded up to milliseconds, as select() does, it still leaves 0.3 ms to wake up."""
    slept_ns = math.ceil(sleep_s(left_ns) * 1e3) * 1_000_000
    assert slept_ns <= max(0, left_ns - 300_000)
    assert left_ns - slept_ns <= WAKE_UP_NS
