"""TCP and TLS connections of clients.

A connection keeps one readiness watcher for its whole life and waits by switching to the hub, so that a request costs
one look for leftovers, one ``send`` and one ``recv``; nothing is registered with the kernel in between.

What of a large request the kernel does not take at once is sent from the hub, while the client already waits for the
answer: a server may answer before it has read everything, and may stop reading then.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import gevent
from gevent import monkey
from gevent import socket as gevent_socket

from bakeoff.load.response import RequestError
from bakeoff.load.traffic import Inbox, now_ns

# Locust patches both for every program that imports it; a connection does its own waiting.
_socket: Any = monkey.get_original("socket", "socket")
_poll: Any = monkey.get_original("select", "poll")

_RECEIVE_BYTES = 65536

Result = TypeVar("Result")


class Wire(Protocol):
    """A connection that can send a request and wait for bytes."""

    @property
    def received_ns(self) -> int:
        """When the last bytes were received."""
        ...

    @property
    def usable(self) -> bool:
        """Whether the next request may be sent: all of the last one was, and nothing came since its answer."""
        ...

    def send(self, data: bytes) -> None:
        """Send, without waiting; what cannot be sent at once is sent later. Raises `OSError`."""
        ...

    def receive(self) -> bytes:
        """Wait for bytes; empty when the peer closed. Raises `OSError`, or what `abort` was called with."""
        ...

    def abort(self, error: Exception) -> None:
        """Raise ``error`` in the greenlet that waits here, if one does and nothing has come for it."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class PlainWire:
    """A TCP connection with one persistent readiness watcher."""

    __slots__ = (
        "_error",
        "_hub",
        "_inbox",
        "_poll",
        "_queued",
        "_received",
        "_socket",
        "_stale",
        "_unsent",
        "_watcher",
        "_writer",
        "greenlet",
        "received_ns",
    )

    def __init__(self, address: tuple[str, int], inbox: Inbox) -> None:
        """Connect; the caller limits the time. Raises `OSError`."""
        self._socket = _socket(fileno=_connected(address).detach())
        self._socket.setblocking(False)
        self._hub = gevent.get_hub()
        self._inbox = inbox
        self.greenlet: Any = None
        self.received_ns = 0
        self._received = b""
        self._queued = False
        self._stale = False
        self._error: Exception | None = None
        self._unsent = memoryview(b"")
        self._writer: Any = None
        self._poll = _poll()
        self._poll.register(self._socket, select.POLLIN)
        self._watcher = self._hub.loop.io(self._socket.fileno(), 1)
        self._watcher.start(self._on_readable)

    @property
    def usable(self) -> bool:
        """Whether the next request may be sent: all of the last one was, and nothing came since its answer.

        What comes while nothing is expected is the end of the connection, or bytes that belong to no request.
        """
        # The system call is needed: of what came since the last turn of the loop, the flags know nothing.
        return not (self._stale or self._queued or self._unsent or self._error or self._poll.poll(0))

    def send(self, data: bytes) -> None:
        """Send, without waiting; what cannot be sent at once is sent later. Raises `OSError`."""
        if self._unsent:
            self._unsent = memoryview(bytes(self._unsent) + data)
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._unsent = memoryview(data)[sent:]
            if self._writer is None:
                self._writer = self._hub.loop.io(self._socket.fileno(), 2)
            self._writer.start(self._on_writable)

    def receive(self) -> bytes:
        """Wait for bytes; empty when the peer closed. Raises `OSError`, or what `abort` was called with."""
        self.greenlet = gevent.getcurrent()
        try:
            self._hub.switch()
        finally:
            self.greenlet = None
        received, self._received = self._received, b""
        self._queued = False
        if not received and self._error is not None:
            raise self._error
        return received

    def abort(self, error: Exception) -> None:
        """Raise ``error`` in the greenlet that waits here, if one does and nothing has come for it."""
        if self.greenlet is not None and not self._queued:
            self._error = error
            self._deliver(b"")

    def close(self) -> None:
        """Close the connection and stop watching it."""
        for watcher in (self._watcher, self._writer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._socket.close()

    def _deliver(self, received: bytes) -> None:
        self._received = received
        self._queued = True
        self._inbox.put(self)

    def _on_readable(self) -> None:
        if self.greenlet is None:
            self._stale = True
            self._watcher.stop()
            return
        if len(self._received) >= _RECEIVE_BYTES:
            return  # Not delivered yet: read on when it is.
        try:
            received = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._error = error
            received = b""
        if not self._queued:
            self.received_ns = now_ns()
            self._deliver(received)
        elif received:
            self.received_ns = now_ns()
            self._received += received

    def _on_writable(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError as error:
            # An answer may have come before the peer closed; if not, receiving ends, and raises this.
            self._error = error
            self._writer.stop()
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._writer.stop()


class TlsWire:
    """TLS over a plain connection: correct, not fast."""

    def __init__(self, address: tuple[str, int], inbox: Inbox, context: ssl.SSLContext) -> None:
        """Connect and authenticate the server; the caller limits the time. Raises `OSError`."""
        self._plain = PlainWire(address, inbox)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=address[0])
            self._exchange(self._tls.do_handshake)
        except BaseException:
            self.close()
            raise

    @property
    def received_ns(self) -> int:
        """When the last bytes were received."""
        return self._plain.received_ns

    @property
    def usable(self) -> bool:
        """Whether the next request may be sent: all of the last one was, and nothing came since its answer."""
        if not self._plain.usable:
            return False
        try:
            self._tls.read(1)
        except ssl.SSLWantReadError:
            return True
        except ssl.SSLError:
            pass
        return False

    def send(self, data: bytes) -> None:
        """Send, without waiting; what cannot be sent at once is sent later. Raises `OSError`."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._exchange(lambda: self._tls.write(rest)) :]  # noqa: B023 (called at once)

    def receive(self) -> bytes:
        """Wait for bytes; empty when the peer closed. Raises `OSError`, or what `abort` was called with."""
        return self._exchange(lambda: self._tls.read(_RECEIVE_BYTES))

    def abort(self, error: Exception) -> None:
        """Raise ``error`` in the greenlet that waits here, if one does and nothing has come for it."""
        self._plain.abort(error)

    def close(self) -> None:
        """Close the connection."""
        self._plain.close()

    def _exchange(self, operation: Callable[[], Result]) -> Result:
        """Carry out a TLS operation, with what must be sent and received for it."""
        while True:
            try:
                return operation()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLEOFError:
                # Without an end of TLS's own, anyone on the way could have cut the answer short.
                raise RequestError("closed", "the server closed the connection without ending TLS") from None
            finally:
                if self._outgoing.pending:
                    self._plain.send(self._outgoing.read())
            if received := self._plain.receive():
                self._incoming.write(received)
            else:
                self._incoming.write_eof()


def _connected(address: tuple[str, int]) -> gevent_socket.socket:
    """A connected TCP socket of gevent's that sends at once."""
    connected = gevent_socket.socket(_family_of(address[0]), socket.SOCK_STREAM)
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.connect(address)
    except BaseException:
        connected.close()
        raise
    return connected


def _family_of(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
