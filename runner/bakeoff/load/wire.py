"""TCP and TLS connections of clients.

A plain one keeps one readiness watcher for its whole life and waits by switching to the hub, so that a request costs
one ``send`` and one ``recv``; nothing is registered with the kernel in between.
"""

from __future__ import annotations

import socket as plain_socket
from typing import Any, Protocol

import gevent
from gevent import socket as gevent_socket
from gevent.ssl import SSLContext

from bakeoff.load.traffic import Inbox, now_ns

_RECEIVE_BYTES = 65536


class Wire(Protocol):
    """A connection that can send a request and wait for bytes."""

    received_ns: int
    """When the last bytes were received."""

    def send(self, data: bytes) -> None: ...
    def receive(self) -> bytes: ...
    def close(self) -> None: ...
    def abort(self, error: BaseException) -> None: ...
    @property
    def usable(self) -> bool: ...


class PlainWire:
    """A TCP connection with one persistent readiness watcher."""

    __slots__ = ("_hub", "_inbox", "_socket", "_stale", "_watcher", "greenlet", "received_ns")

    def __init__(self, address: tuple[str, int], timeout_s: float, inbox: Inbox) -> None:
        self._socket = plain_socket.socket(fileno=_connected(address, timeout_s).detach())
        self._socket.setblocking(False)
        self._hub = gevent.get_hub()
        self._inbox = inbox
        self.greenlet: Any = None
        self.received_ns = 0
        self._stale = False
        self._watcher = self._hub.loop.io(self._socket.fileno(), 1)
        self._watcher.start(self._on_readable)

    @property
    def usable(self) -> bool:
        """Whether nothing came while nothing was expected: an idle connection becomes readable when it is closed."""
        return not self._stale

    def send(self, data: bytes) -> None:
        """Send all of it."""
        sent = self._socket.send(data)
        while sent < len(data):
            gevent_socket.wait_write(self._socket.fileno())
            sent += self._socket.send(data[sent:])

    def receive(self) -> bytes:
        """Wait for bytes; empty when the peer closed."""
        self.greenlet = gevent.getcurrent()
        try:
            received: bytes | OSError = self._hub.switch()
        finally:
            self.greenlet = None
        if isinstance(received, OSError):
            raise received
        return received

    def abort(self, error: BaseException) -> None:
        """Raise ``error`` in the greenlet that waits here, if one does. Call from the hub or another greenlet."""
        waiting = self.greenlet
        if waiting is not None:
            self.greenlet = None
            self._hub.loop.run_callback(waiting.throw, error)

    def close(self) -> None:
        """Close the connection and stop watching it."""
        self._watcher.stop()
        self._watcher.close()
        self._socket.close()

    def _on_readable(self) -> None:
        if self.greenlet is None:
            self._stale = True
            self._watcher.stop()
            return
        try:
            self._inbox.put(self, self._socket.recv(_RECEIVE_BYTES))
        except BlockingIOError:
            return
        except OSError as error:
            self._inbox.put(self, error)


class TlsWire:
    """A TLS connection through gevent's own socket: correct, not fast."""

    def __init__(self, address: tuple[str, int], timeout_s: float, context: SSLContext) -> None:
        plain = _connected(address, timeout_s)
        try:
            self._socket = context.wrap_socket(plain, server_hostname=address[0])
        except BaseException:
            plain.close()
            raise
        self._greenlet: Any = None
        self.received_ns = 0

    @property
    def usable(self) -> bool:
        """Whether the connection may be used again; a closed one shows when it is."""
        return True

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._socket.sendall(data)

    def receive(self) -> bytes:
        """Wait for bytes; empty when the peer closed."""
        self._greenlet = gevent.getcurrent()
        try:
            received = bytes(self._socket.recv(_RECEIVE_BYTES))
            self.received_ns = now_ns()
            return received
        finally:
            self._greenlet = None

    def abort(self, error: BaseException) -> None:
        """Raise ``error`` in the greenlet that waits here, if one does."""
        waiting = self._greenlet
        if waiting is not None:
            self._greenlet = None
            gevent.get_hub().loop.run_callback(waiting.throw, error)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _connected(address: tuple[str, int], timeout_s: float) -> gevent_socket.socket:
    """A connected TCP socket of gevent's that sends at once."""
    connected = gevent_socket.socket(_family_of(address[0]), plain_socket.SOCK_STREAM)
    try:
        connected.settimeout(timeout_s)
        connected.setsockopt(plain_socket.IPPROTO_TCP, plain_socket.TCP_NODELAY, 1)
        connected.connect(address)
    except BaseException:
        connected.close()
        raise
    return connected


def _family_of(host: str) -> int:
    return plain_socket.AF_INET6 if ":" in host else plain_socket.AF_INET
