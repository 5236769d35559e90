"""Every answer is HTTP that a client can read, and says what its outcome says."""

from __future__ import annotations

import io
import json
import socket
from http.client import HTTPResponse
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.calibration.oracle.answer import answer_to, answers
from bakeoff.calibration.oracle.behaviour import RIGHT_OUTCOMES, Behaviour, Outcome


class Recording:
    """As much of a socket as ``HTTPResponse`` reads from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def parsed(data: bytes) -> tuple[HTTPResponse, bytes]:
    response = HTTPResponse(cast("socket.socket", Recording(data)))
    response.begin()
    return response, response.read()


ANSWERED = sorted(RIGHT_OUTCOMES | {Outcome.WRONG, Outcome.STATUS})


@given(st.sampled_from(ANSWERED), st.booleans(), st.integers(0, 3000))
def test_an_answer_says_what_its_outcome_says(outcome: Outcome, keep_alive: bool, body_bytes: int) -> None:
    """Status and body are right but for the one thing that is to be wrong, and the body has its size."""
    behaviour = Behaviour(body_bytes=body_bytes)
    response, body = parsed(answer_to(outcome, behaviour, keep_alive=keep_alive))
    assert response.status == (500 if outcome is Outcome.STATUS else 200)
    assert json.loads(body) == {"ok": outcome is not Outcome.WRONG}
    assert len(body) == max(body_bytes, len(body.rstrip()))
    assert response.will_close == (outcome is Outcome.LAST or not keep_alive)
    assert bool(response.chunked) == (outcome is Outcome.CHUNKED)


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - set(ANSWERED)))
def test_the_other_outcomes_have_no_bytes(outcome: Outcome) -> None:
    """Nothing is sent where there is no answer."""
    assert answers(Behaviour(), keep_alive=True)[outcome] == b""
