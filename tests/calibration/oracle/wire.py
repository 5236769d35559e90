"""A client of plain sockets that shows answers as they come."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from bakeoff.calibration.oracle import OracleProcess

PATIENCE_S = 15.0
"""Time limit of each wait; tests do not measure against it."""
GET = b"GET /cake HTTP/1.1\r\nHost: oracle\r\n\r\n"


class Seen(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def ok(self) -> Any:
        """The value of ``ok`` in the body."""
        return json.loads(self.body)["ok"]


class Wire:
    """A connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> Seen | None:
        """The next answer; ``None`` when the server has closed the connection instead."""
        line = self._line()
        if not line:
            return None
        headers = dict(self._headers())
        return Seen(int(line.split(" ")[1]), headers, self._body(headers))

    def ask(self, data: bytes = GET) -> Seen | None:
        """Send a request and read its answer."""
        self.send(data)
        return self.answer()

    def is_silent(self) -> bool:
        """Whether nothing comes for 50 ms, not even the end of the connection."""
        self.socket.settimeout(0.05)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE_S)

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def _line(self) -> str:
        try:
            return self._file.readline().decode().rstrip("\r\n")
        except ConnectionResetError:
            return ""

    def _headers(self) -> Iterator[tuple[str, str]]:
        while line := self._line():
            name, _, value = line.partition(": ")
            yield name.lower(), value

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self._file.read(int(headers["content-length"]))
        return b"".join(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._line(), 16):
            yield self._file.read(size)
            self._line()
        self._line()


@contextmanager
def wire(oracle: OracleProcess | int) -> Iterator[Wire]:
    """A connection that is closed at the end."""
    connection = Wire(oracle if isinstance(oracle, int) else oracle.port)
    try:
        yield connection
    finally:
        connection.close()


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds; fails when it does not within ``PATIENCE_S``."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s, "timed out"
        time.sleep(0.005)
