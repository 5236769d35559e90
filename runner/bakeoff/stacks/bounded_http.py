"""HTTP connections of the harness that end in time and within bounds of memory, whatever the server sends.

Those of the standard library limit the time of each ``recv``: a server that sends a byte now and then holds them for
ever.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any, cast
from urllib.parse import urlsplit

MAX_BODY_BYTES = 64 * 1024 * 1024
"""The largest body of an answer."""

_PIECE_BYTES = 65_536


def connected(url: str, within_s: float) -> http.client.HTTPConnection:
    """A connection to the host of ``url``, on which everything from here on must happen within ``within_s`` in all.

    Raises `OSError`.
    """
    deadline_s = time.monotonic() + within_s
    address = urlsplit(url)
    connection_type = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = connection_type(address.hostname or "", address.port, timeout=within_s)
    connection.connect()
    connection.sock = cast("Any", _BoundedSocket(connection.sock, deadline_s))
    return connection


def read_body(response: http.client.HTTPResponse) -> bytes:
    """The body of an answer. Raises `OSError`, or `http.client.HTTPException` when it is cut short or too large."""
    body = bytearray()
    while piece := response.read(_PIECE_BYTES):  # Read at once, a length that is a lie would be allocated.
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise http.client.HTTPException(f"the answer's body is larger than {MAX_BODY_BYTES >> 20} MiB")
    if response.length:
        raise http.client.IncompleteRead(bytes(body), response.length)
    return bytes(body)


class _BoundedSocket:
    """The part of a socket that `http.client` uses, with a deadline."""

    def __init__(self, connected_socket: socket.socket, deadline_s: float) -> None:
        self._socket = connected_socket
        self._deadline_s = deadline_s

    def sendall(self, data: bytes) -> None:
        self.limit()
        self._socket.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(_Received(self, self._socket.makefile("rb", buffering=0)))

    def close(self) -> None:
        self._socket.close()

    def limit(self) -> None:
        """Let the next operation take until the deadline. Raises `TimeoutError` after it."""
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left_s)


class _Received(io.RawIOBase):
    """What a socket receives, as a file; the socket stays open as long as this does."""

    def __init__(self, bounded: _BoundedSocket, received: io.RawIOBase) -> None:
        self._bounded = bounded
        self._received = received

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._bounded.limit()
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()
