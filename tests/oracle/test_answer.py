"""Every answer is HTTP that a client can read, and says what its fate says."""

from __future__ import annotations

import io
import json
import socket
from http.client import HTTPResponse
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.oracle.answer import answer_to, answers
from bakeoff.oracle.behaviour import RIGHT_FATES, Behaviour, Fate


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


ANSWERED = sorted(RIGHT_FATES | {Fate.WRONG, Fate.STATUS})


@given(st.sampled_from(ANSWERED), st.booleans(), st.integers(0, 3000))
def test_an_answer_says_what_its_fate_says(fate: Fate, keep_alive: bool, body_bytes: int) -> None:
    """Status and body are right but for the one thing that is to be wrong, and the body has its size."""
    behaviour = Behaviour(body_bytes=body_bytes)
    response, body = parsed(answer_to(fate, behaviour, keep_alive=keep_alive))
    assert response.status == (500 if fate is Fate.STATUS else 200)
    assert json.loads(body) == {"ok": fate is not Fate.WRONG}
    assert len(body) == max(body_bytes, len(body.rstrip()))
    assert response.will_close == (fate is Fate.LAST or not keep_alive)
    assert bool(response.chunked) == (fate is Fate.CHUNKED)


@pytest.mark.parametrize("fate", sorted(set(Fate) - set(ANSWERED)))
def test_the_other_fates_have_no_bytes(fate: Fate) -> None:
    """Nothing is sent where there is no answer."""
    assert answers(Behaviour(), keep_alive=True)[fate] == b""
