"""The oracle's loop: one thread over non-blocking sockets, no framework, nothing between the kernel and the answer."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
from collections.abc import Callable
from time import monotonic_ns

import msgspec

from bakeoff.calibration.oracle.answer import encoded
from bakeoff.calibration.oracle.answering import Answering, answering_for
from bakeoff.calibration.oracle.behaviour import Behaviour, Outcome
from bakeoff.calibration.oracle.connection import NO_NUMBER, Connection
from bakeoff.calibration.oracle.poller import READABLE, WRITABLE, Poller
from bakeoff.calibration.oracle.request import Malformed, Request

HOST = "127.0.0.1"
BACKLOG = 4096
CHUNK_BYTES = 65_536
KNOWN_REQUESTS = 1024
"""How many different whole requests are remembered, so that they need no parsing when they come again."""
KNOWN_BYTES = 2048
"""The longest request that is remembered."""
BATCH_CLIENTS = 64
"""How many clients are accepted at a stretch."""
JSON = "application/json"


class Listening(msgspec.Struct, frozen=True):
    """The line that a process prints as soon as it listens."""

    port: int
    pid: int


class Start(msgspec.Struct, frozen=True):
    """The answer to ``POST /__start``."""

    epoch_ns: int
    """CLOCK_MONOTONIC at the epoch that begins."""


Control = Callable[[Connection], tuple[str, bytes]]
"""A control request: from the connection it came on to the content type and body of its answer."""


class Server:
    """Listens on the loopback address and behaves as told.

    ``POST /__start`` begins a new epoch and an empty account, forgets the requests that are still pending and closes
    their connections. ``GET /__account`` and ``GET /__log`` tell the account. These three are answered at once, stalls
    or not, and are not counted; on a connection with requests pending they are refused by closing it, as are bytes
    that are no request. Every other method and path is an ordinary request, answered with a body (even HEAD). A client
    that ends its side of a connection is taken to be gone.
    """

    def __init__(self, behaviour: Behaviour, poller: Poller, port: int = 0) -> None:
        """Listen at once; port 0 draws a free one. Raises ``OSError`` if the port is taken."""
        self._listener = socket.create_server((HOST, port), backlog=BACKLOG)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._poller = poller
        self._poller.register(self._listener.fileno(), READABLE)
        self._answering: Answering = answering_for(behaviour, monotonic_ns())
        self._connections: dict[int, Connection] = {}
        self._known: set[bytes] = set()
        self._ending_fd = -1
        self._control: dict[tuple[bytes, bytes], Control] = {
            (b"POST", b"/__start"): self._start,
            (b"GET", b"/__account"): self._account,
            (b"GET", b"/__log"): self._log,
        }

    def stop_at_end_of(self, fd: int) -> None:
        """Stop serving when this file descriptor ends; a file that cannot be waited for has ended already."""
        self._ending_fd = fd
        try:
            self._poller.register(fd, READABLE)
        except OSError:
            raise SystemExit(0) from None

    def serve(self) -> None:
        """Serve until ``SystemExit``."""
        wait, connections, known = self._poller.wait, self._connections, self._known
        receive, release, batch_events = self._answering.receive, self._answering.release, self._answering.batch_events
        gc.collect()
        gc.freeze()
        gc.disable()
        timeout_s = -1.0
        while True:
            for fd, event in wait(timeout_s, batch_events):
                connection = connections.get(fd)
                if connection is None:
                    self._attend(fd)
                    continue
                if event != READABLE:
                    self._attend_connection(connection, event)
                    continue
                try:
                    data = connection.recv(CHUNK_BYTES)
                except BlockingIOError:
                    continue
                except OSError:
                    data = b""
                if data in known and connection.reader.between:
                    receive(connection)
                else:
                    self._read(connection, data)
            timeout_s = release()

    def _attend(self, fd: int) -> None:
        """Something happened to a file descriptor that is no connection, or none any more."""
        if fd == self._listener.fileno():
            self._accept()
        elif fd == self._ending_fd and not os.read(fd, CHUNK_BYTES):
            raise SystemExit(0)

    def _accept(self) -> None:
        """Take in the clients that wait, some at a time."""
        for _ in range(BATCH_CLIENTS):
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            peer.setblocking(False)
            with contextlib.suppress(OSError):  # macOS refuses when the client has gone again.
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[peer.fileno()] = Connection(peer, self._poller)
            self._answering.ledger.connections_opened += 1

    def _attend_connection(self, connection: Connection, event: int) -> None:
        """Serve a connection to which something else than bytes, or more than bytes, has come."""
        if event & WRITABLE:
            self._answering.flush(connection)
        if event & ~WRITABLE:
            try:
                self._read(connection, connection.recv(CHUNK_BYTES))
            except BlockingIOError:
                pass
            except OSError:
                self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        """The connection is over, from either side."""
        del self._connections[connection.fd]
        self._answering.abandon(connection)
        connection.close()

    def _read(self, connection: Connection, data: bytes) -> None:
        """Take in bytes that are not one known request; none at all are the end."""
        if not data:
            self._drop(connection)
            return
        reader, count = connection.reader, 0
        whole = reader.between
        try:
            for request in reader.feed(data):
                count += 1
                whole = self._take(connection, request) and whole
                if not connection.open:
                    return
        except Malformed:
            self._answering.ledger.malformed += 1
            self._drop(connection)
            return
        if whole and count == 1 and reader.between:
            self._remember(data)

    def _remember(self, data: bytes) -> None:
        """Know these bytes when they come again: they are one ordinary request."""
        if len(data) <= KNOWN_BYTES and len(self._known) < KNOWN_REQUESTS:
            self._known.add(data)

    def _take(self, connection: Connection, request: Request) -> bool:
        """Serve a request; returns whether it is an ordinary one that keeps its connection alive."""
        control = self._control.get((request.method, request.path))
        if control is not None:
            self._obey(connection, request, control)
            return False
        self._answering.receive(connection, request.keep_alive)
        return request.keep_alive

    def _obey(self, connection: Connection, request: Request, control: Control) -> None:
        """Answer a control request, unless that would disturb ordinary ones on the same connection."""
        if connection.exhausted or connection.outbox or connection in self._answering.owing():
            self._drop(connection)
            return
        if connection.counted:
            connection.counted = False
            self._answering.ledger.connections_opened -= 1
        kind, body = control(connection)
        payload = encoded("200 OK", body, keep_alive=request.keep_alive, kind=kind)
        self._answering.hand_over(connection, payload, NO_NUMBER, Outcome.RIGHT, not request.keep_alive)

    def _start(self, caller: Connection) -> tuple[str, bytes]:
        """Begin an epoch with the idle connections and nothing else."""
        owing = self._answering.owing()
        for connection in list(self._connections.values()):
            connection.counted = False
            if connection is not caller and (connection.exhausted or connection.outbox or connection in owing):
                self._drop(connection)
        epoch_ns = monotonic_ns()
        self._answering.reset(epoch_ns)
        return JSON, msgspec.json.encode(Start(epoch_ns=epoch_ns))

    def _account(self, caller: Connection) -> tuple[str, bytes]:
        return JSON, msgspec.json.encode(self._answering.ledger.account())

    def _log(self, caller: Connection) -> tuple[str, bytes]:
        return "application/octet-stream", self._answering.ledger.log()
