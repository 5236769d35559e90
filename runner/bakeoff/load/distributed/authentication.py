"""A worker's side of the handshake: prove the token, have the master prove it, and meet the master's terms."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TypeVar

import gevent
import msgspec

from bakeoff.load.distributed.compatibility import difference
from bakeoff.load.distributed.protocol import (
    Challenge,
    Ending,
    Enrolment,
    Envelope,
    Fit,
    Hello,
    Leave,
    Letter,
    Over,
    Proof,
    Terms,
    Welcome,
)
from bakeoff.load.distributed.rpc import Connection
from bakeoff.load.distributed.session import NONCE_BYTES, Encounter, NotAuthentic, Session
from bakeoff.load.distributed.sources import digests_of, versions
from bakeoff.load.messages import line
from bakeoff.model import UserError

ANSWERED_WITHIN_S = 5.0
"""How long a master may take to accept a proof; a wrong one it never answers."""

Awaited = TypeVar("Awaited", bound=Envelope)


class Ended(Exception):
    """The worker's time is over."""

    def __init__(self, ending: Ending, reason: str) -> None:
        super().__init__(reason)
        self.over = Over(ending=ending, reason=reason)


def join(master: Connection, enrolment: Enrolment) -> tuple[Session, Terms]:
    """Become one of the master's workers. Raises `Ended` when that cannot be."""
    session = _shake_hands(master, enrolment)
    terms = _terms_of(_await(master, Letter, ANSWERED_WITHIN_S, "the master does not say its terms"), session)
    problem = _problem(terms, Path(enrolment.directory))
    master.send(Letter.of(session.seal(line(Leave(reason=problem) if problem else Fit()))))
    if problem:
        raise Ended("refused", problem)
    return session, terms


def _shake_hands(master: Connection, enrolment: Enrolment) -> Session:
    token, nonce = enrolment.token, secrets.token_bytes(NONCE_BYTES)
    master.send(Hello(nonce=nonce))
    challenge = _await(master, Challenge, enrolment.join_within_s, "no master answers")
    encounter = Encounter(enrolment.name, nonce, challenge.nonce)
    master.send(Proof(mac=encounter.proof(token, "worker")))
    welcome = _await(master, Welcome, ANSWERED_WITHIN_S, "the master does not accept the token; is it the same there?")
    if not encounter.proves(token, "master", welcome.mac):
        raise Ended("refused", f"{master.place}: who answers there does not have the token")
    return encounter.session(token, "worker")


def _await(master: Connection, kind: type[Awaited], within_s: float, otherwise: str) -> Awaited:
    envelope: Awaited | None = gevent.with_timeout(within_s, _next, master, kind, timeout_value=None)
    if envelope is None:
        raise Ended("refused", f"{master.place}: {otherwise} (waited {within_s:g} s)")
    return envelope


def _next(master: Connection, kind: type[Awaited]) -> Awaited:
    while not isinstance(envelope := master.receive(), kind):
        continue
    return envelope


def _terms_of(letter: Letter, session: Session) -> Terms:
    try:
        return msgspec.json.decode(session.open(letter.sealed), type=Terms)
    except NotAuthentic:
        raise Ended("failed", "the master's first message is not authentic") from None


def _problem(terms: Terms, directory: Path) -> str | None:
    try:
        return difference(terms, versions(), digests_of(terms.sources, directory))
    except UserError as error:
        return str(error)
