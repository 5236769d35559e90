"""One client's connection: what was half read, what is half written, and whether anything may follow."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from typing import NamedTuple

from bakeoff.calibration.oracle.poller import READABLE, WRITABLE, Poller
from bakeoff.calibration.oracle.request import Reader

NO_NUMBER = -1
"""Stands for the number of a request that is not in the account."""


class Parcel(NamedTuple):
    """What the kernel has not taken yet of an answer."""

    rest: memoryview
    number: int
    """The request's number, or ``NO_NUMBER``."""
    outcome: int
    """What becomes of the request as soon as the rest is taken."""
    ends: bool
    """Whether the connection ends after it."""


class Connection:
    """A non-blocking socket and its state."""

    __slots__ = (
        "_poller",
        "counted",
        "due_ns",
        "exhausted",
        "fd",
        "open",
        "outbox",
        "reader",
        "recv",
        "send",
        "socket",
    )

    def __init__(self, peer: socket.socket, poller: Poller) -> None:
        self.socket = peer
        self.fd = peer.fileno()
        self.recv = peer.recv
        self.send = peer.send
        self._poller = poller
        self.reader = Reader()
        self.outbox: deque[Parcel] = deque()
        self.due_ns = 0
        """When the last of its requests is due: CLOCK_MONOTONIC. No later request is answered sooner."""
        self.exhausted = False
        """Whether no request that is still to come will be answered."""
        self.open = True
        self.counted = True
        """Whether it stands in the account among the connections opened."""
        poller.register(self.fd, READABLE)

    def put(self, parcel: Parcel) -> None:
        """Keep what the kernel does not take yet, and watch for when it does."""
        if not self.outbox:
            self._poller.modify(self.fd, READABLE | WRITABLE)
        self.outbox.append(parcel)

    def take(self) -> Parcel:
        """The oldest parcel, which is kept no longer."""
        parcel = self.outbox.popleft()
        if not self.outbox:
            self._poller.modify(self.fd, READABLE)
        return parcel

    def finish(self) -> None:
        """Say that nothing more will come.

        The socket stays until the client's end has come too: closing it now could answer bytes still unread with a
        reset, which destroys answers on their way.
        """
        self.exhausted = True
        with contextlib.suppress(OSError):  # The client may have been faster; its end is read next.
            self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let go of the socket."""
        self.open = False
        self._poller.unregister(self.fd)
        self.socket.close()
