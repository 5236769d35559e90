"""Messages of a session are heard once, in order, as they were sent, from one who has the token; others are not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.load.distributed.handshake import STRANGERS_KEPT, Reception
from bakeoff.load.distributed.protocol import Hello, Proof
from bakeoff.load.distributed.session import Encounter, Gap, NotAuthentic, Session

TOKEN = b"a token of sixteen characters"
ENCOUNTER = Encounter("worker-1", b"n" * 32, b"m" * 32)


def sessions() -> tuple[Session, Session]:
    """Both sides of one: the master's, the worker's."""
    return ENCOUNTER.session(TOKEN, "master"), ENCOUNTER.session(TOKEN, "worker")


@given(bodies=st.lists(st.binary()))
def test_what_one_side_seals_the_other_reads(bodies: list[bytes]) -> None:
    """In either direction."""
    master, worker = sessions()
    assert [worker.open(master.seal(body)) for body in bodies] == bodies
    assert [master.open(worker.seal(body)) for body in bodies] == bodies


@given(body=st.binary(min_size=1), at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_changed_message_is_not_authentic(body: bytes, at: int, bit: int) -> None:
    """Not one bit may differ."""
    master, worker = sessions()
    sealed = master.seal(body)
    changed = bytearray(body)
    changed[at % len(body)] ^= 1 << bit
    with pytest.raises(NotAuthentic):
        worker.open(replace(sealed, body=bytes(changed)))
    assert worker.open(sealed) == body


def test_a_message_that_is_repeated_is_not_authentic() -> None:
    """Once is enough."""
    master, worker = sessions()
    sealed = master.seal(b"drive")
    worker.open(sealed)
    with pytest.raises(NotAuthentic):
        worker.open(sealed)


def test_a_message_under_another_number_is_not_authentic() -> None:
    """The number is part of what is sealed."""
    master, worker = sessions()
    with pytest.raises(NotAuthentic):
        worker.open(replace(master.seal(b"drive"), number=1))


def test_a_message_is_not_authentic_when_it_is_sent_back() -> None:
    """Each direction has a key of its own."""
    master, _ = sessions()
    with pytest.raises(NotAuthentic):
        master.open(master.seal(b"drive"))


def test_lost_messages_are_noticed() -> None:
    """Whatever came after them."""
    master, worker = sessions()
    master.seal(b"first")
    with pytest.raises(Gap, match="1 messages were lost"):
        worker.open(master.seal(b"second"))


@pytest.mark.parametrize(
    "other",
    [
        replace(ENCOUNTER, worker="worker-2"),
        replace(ENCOUNTER, worker_nonce=b"o" * 32),
        replace(ENCOUNTER, master_nonce=b"o" * 32),
    ],
)
def test_a_proof_and_a_session_belong_to_one_encounter(other: Encounter) -> None:
    """Recorded ones are of no use later, or to another worker."""
    assert ENCOUNTER.proves(TOKEN, "worker", ENCOUNTER.proof(TOKEN, "worker"))
    assert not other.proves(TOKEN, "worker", ENCOUNTER.proof(TOKEN, "worker"))
    with pytest.raises(NotAuthentic):
        other.session(TOKEN, "worker").open(ENCOUNTER.session(TOKEN, "master").seal(b"drive"))


def test_a_proof_is_of_one_side() -> None:
    """A false master cannot send a worker's proof back to it."""
    assert not ENCOUNTER.proves(TOKEN, "master", ENCOUNTER.proof(TOKEN, "worker"))


def reception(nonces: int = 2) -> Reception:
    """One whose nonces are not secret."""
    numbers = iter(range(nonces))
    return Reception(TOKEN, lambda: bytes([next(numbers)]) * 32)


def test_who_has_the_token_gets_a_session() -> None:
    """And sees that the master has it, too."""
    desk = reception()
    encounter = Encounter("w", b"n", desk.meet("w", Hello(nonce=b"n")).nonce)
    admitted = desk.admit("w", Proof(mac=encounter.proof(TOKEN, "worker")))
    assert admitted
    welcome, session = admitted
    assert encounter.proves(TOKEN, "master", welcome.mac)
    assert session.open(encounter.session(TOKEN, "worker").seal(b"fit")) == b"fit"


def test_who_has_another_token_gets_no_answer_and_no_second_try() -> None:
    """Not even with the right one, to the same challenge."""
    desk = reception()
    encounter = Encounter("w", b"n", desk.meet("w", Hello(nonce=b"n")).nonce)
    assert desk.admit("w", Proof(mac=encounter.proof(b"another token", "worker"))) is None
    assert desk.admit("w", Proof(mac=encounter.proof(TOKEN, "worker"))) is None


def test_a_proof_without_a_challenge_gets_no_answer() -> None:
    """Whatever it is."""
    assert reception().admit("w", Proof(mac=b"")) is None


def test_strangers_do_not_fill_memory() -> None:
    """The oldest handshake is forgotten for the newest."""
    desk = Reception(TOKEN, lambda: b"m")
    proof = Proof(mac=Encounter("first", b"n", b"m").proof(TOKEN, "worker"))
    desk.meet("first", Hello(nonce=b"n"))
    for number in range(STRANGERS_KEPT):
        desk.meet(str(number), Hello(nonce=b"n"))
    assert desk.admit("first", proof) is None
