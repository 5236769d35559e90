"""The master's side of the handshake: strangers come in, sessions go out; who has no token is not answered. Pure."""

from __future__ import annotations

from collections.abc import Callable

from bakeoff.load.distributed.protocol import Challenge, Hello, Proof, Welcome
from bakeoff.load.distributed.session import Encounter, Session

STRANGERS_KEPT = 4096
"""Handshakes under way that are remembered. The oldest is forgotten for the next, so strangers cannot fill memory."""


class Reception:
    """Handshakes under way."""

    def __init__(self, token: bytes, new_nonce: Callable[[], bytes]) -> None:
        self._token = token
        self._new_nonce = new_nonce
        self._met: dict[str, Encounter] = {}

    def meet(self, worker: str, hello: Hello) -> Challenge:
        """Ask a stranger for a proof."""
        if len(self._met) >= STRANGERS_KEPT:
            del self._met[next(iter(self._met))]
        encounter = Encounter(worker, hello.nonce, self._new_nonce())
        self._met[worker] = encounter
        return Challenge(nonce=encounter.master_nonce)

    def admit(self, worker: str, proof: Proof) -> tuple[Welcome, Session] | None:
        """Begin a session with one who has the token; ``None`` for all others. A challenge can be tried once."""
        encounter = self._met.pop(worker, None)
        if encounter is None or not encounter.proves(self._token, "worker", proof.mac):
            return None
        return Welcome(mac=encounter.proof(self._token, "master")), encounter.session(self._token, "master")
