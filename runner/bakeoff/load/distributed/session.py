"""Who may talk: a shared token that never travels; messages that nobody else can make, change or repeat. Pure.

Both sides prove the token by an HMAC-SHA256 (RFC 2104) over each other's nonce, and derive from it a key for either
direction. Every message then carries its number and an HMAC over both. Contents are authentic, not secret.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

NONCE_BYTES = 32
Side = Literal["master", "worker"]


class NotAuthentic(Exception):
    """A message that was made without the token, changed, or sent before."""


class Gap(Exception):
    """An authentic message before which others were lost."""


@dataclass(frozen=True)
class Encounter:
    """A worker that wants to join, and a master that wants to know whether it may."""

    worker: str
    worker_nonce: bytes
    master_nonce: bytes

    def proof(self, token: bytes, side: Side) -> bytes:
        """What only a ``side`` that has the token can say here, and nowhere else."""
        return self._mac(token, b"proof", side)

    def proves(self, token: bytes, side: Side, proof: bytes) -> bool:
        """Whether a proof is that of ``side``."""
        return hmac.compare_digest(proof, self.proof(token, side))

    def session(self, token: bytes, side: Side) -> Session:
        """The session that ``side`` has with the other one from here on."""
        other: Side = "worker" if side == "master" else "master"
        return Session(self._mac(token, b"session", side), self._mac(token, b"session", other))

    def _mac(self, token: bytes, purpose: bytes, side: Side) -> bytes:
        return _mac(token, purpose, side.encode(), self.worker.encode(), self.worker_nonce, self.master_nonce)


@dataclass(frozen=True)
class Sealed:
    """A message of a session, as it travels."""

    number: int
    body: bytes
    mac: bytes


class Session:
    """One side's books of the messages to and from the other."""

    def __init__(self, own_key: bytes, others_key: bytes) -> None:
        self._own_key = own_key
        self._others_key = others_key
        self._sent = 0
        self._received = 0

    def seal(self, body: bytes) -> Sealed:
        """The next message to the other side."""
        number = self._sent
        self._sent += 1
        return Sealed(number, body, _numbered(self._own_key, number, body))

    def open(self, sealed: Sealed) -> bytes:
        """What the next message of the other side says. Raises `NotAuthentic`, or `Gap` when some were lost."""
        expected = _numbered(self._others_key, sealed.number, sealed.body)
        if not hmac.compare_digest(sealed.mac, expected) or sealed.number < self._received:
            raise NotAuthentic
        if sealed.number > self._received:
            raise Gap(f"{sealed.number - self._received} messages were lost")
        self._received += 1
        return sealed.body


def _numbered(key: bytes, number: int, body: bytes) -> bytes:
    return _mac(key, str(number).encode(), body)


def _mac(key: bytes, *fields: bytes) -> bytes:
    """Each field is preceded by its length, so that no two lists of fields are the same bytes."""
    content = b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    return hmac.digest(key, content, hashlib.sha256)
