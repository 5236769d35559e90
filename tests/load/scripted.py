"""A server that answers each request with the next of some prepared byte strings."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CLOSE: tuple[bytes, ...] = ()
"""Close the connection without an answer."""


@dataclass
class Script:
    """Where the server listens, and the requests it received."""

    url: str
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextlib.contextmanager
def scripted(*answers: tuple[bytes, ...]) -> Iterator[Script]:
    """Answer the nth request with the nth tuple of pieces, each in its own packet; close after an empty tuple."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        script = Script(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_serve, args=(listener, list(answers), script))
        thread.start()
        try:
            yield script
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, answers: list[tuple[bytes, ...]], script: Script) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        script.connections += 1
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _answer_all(connection, answers, script)


def _answer_all(connection: socket.socket, answers: list[tuple[bytes, ...]], script: Script) -> None:
    while answers:
        request = connection.recv(65536)
        if not request:
            return
        script.requests.append(request)
        pieces = answers.pop(0)
        for piece in pieces:
            connection.sendall(piece)
            # The acknowledgement of one packet before the next is sent keeps the kernel from joining them.
            _wait_until_read(connection)
        if not pieces or pieces[-1].endswith(b"close\r\n\r\nhi"):
            return


def _wait_until_read(connection: socket.socket) -> None:
    """Wait until the peer's kernel has acknowledged everything (SIOCOUTQ is 0)."""
    import fcntl
    import struct
    import termios

    while struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0\0\0\0"))[0]:
        pass
