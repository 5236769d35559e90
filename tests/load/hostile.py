"""A server in the test's own event loop that sends what a script says, whatever it was asked."""

from __future__ import annotations

import contextlib
import socket as plain_socket
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import gevent
from gevent import socket
from gevent.event import Event

Ending = Literal["hold", "deaf", "close", "reset"]
"""What becomes of the connection after a script: it is kept, kept but not read any more, closed, or reset."""


@dataclass(frozen=True)
class Script:
    """What is sent at a request: pieces, each in its own packet, and what becomes of the connection then."""

    pieces: Iterable[bytes]
    ending: Ending = "hold"


class HostileServer:
    """Plays one script for each request."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections: list[socket.socket] = []
        """The connections that were made, as gevent's sockets."""
        self.played = Event()
        """Set when the last script has been played to its end, or nobody listened any more."""
        self._scripts: deque[Script] = deque()
        self._greenlets: list[Any] = [gevent.spawn(self._accept)]

    def plan(self, *scripts: Script) -> None:
        """Play these at the next requests."""
        self._scripts.extend(scripts)
        self.played.clear()

    def close(self) -> None:
        """End all connections."""
        gevent.killall(self._greenlets)
        for connection in [self._listener, *self.connections]:
            connection.close()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            connection.setsockopt(plain_socket.IPPROTO_TCP, plain_socket.TCP_NODELAY, 1)
            self.connections.append(connection)
            self._greenlets.append(gevent.spawn(self._serve, connection))

    def _serve(self, connection: socket.socket) -> None:
        is_request = True
        with contextlib.suppress(OSError):
            while received := connection.recv(65536):
                if is_request or b" HTTP/1.1\r\n" in received:  # The rest of a large one is read and ignored.
                    is_request = False
                    script = self._scripts.popleft()
                    try:
                        _play(script, connection)
                    finally:
                        self.played.set()
                    if script.ending != "hold":
                        return


def _play(script: Script, connection: socket.socket) -> None:
    for piece in script.pieces:
        connection.sendall(piece)
        for _ in range(3):
            gevent.sleep(0)  # The client runs meanwhile, and reads this piece alone.
    if script.ending == "reset":
        connection.setsockopt(plain_socket.SOL_SOCKET, plain_socket.SO_LINGER, struct.pack("ii", 1, 0))
    if script.ending in ("close", "reset"):
        connection.close()


@contextlib.contextmanager
def hostile() -> Iterator[HostileServer]:
    """A running server."""
    server = HostileServer()
    try:
        yield server
    finally:
        server.close()
