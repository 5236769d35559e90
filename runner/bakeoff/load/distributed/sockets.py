"""ZeroMQ sockets of master and worker, encrypted and authenticated by CurveZMQ with keys made from the shared token.

The server's key pair is derived from the token, so its public key is as secret as the token: the first message of
CurveZMQ's handshake can only be made by a client that knows it, and only be read by the server that has the secret
key. Nothing of a client without the token gets past that message, and libzmq rejects messages that are forged, changed
or repeated (RFC 26/CURVEZMQ).
"""

from __future__ import annotations

import hashlib
from typing import Any

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from bakeoff.load.distributed.protocol import Ending
from bakeoff.model import UserError

LINGER_MS = 500
"""How long a closed socket may still send what it holds."""
HEARTBEAT_MS = 3_000
MASTER_SILENT_S = 15
"""Silence after which a worker takes its master for dead."""
MAX_MESSAGE_BYTES = 64 << 20


def server_keys(token: bytes) -> tuple[bytes, bytes]:
    """The server's public and secret key for a token. Slow on purpose, for who would try many tokens (RFC 7914)."""
    secret = z85.encode(hashlib.scrypt(token, salt=b"bakeoff curve server", n=2**14, r=8, p=1, dklen=32))
    return zmq.curve_public(secret), secret


def _context() -> zmq.Context[zmq.Socket[bytes]]:
    """A context whose sockets have limits."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.linger = LINGER_MS
    context.maxmsgsize = MAX_MESSAGE_BYTES
    return context


class ConnectionFailed(Exception):
    """The connection to the master was refused, or lost."""

    def __init__(self, ending: Ending, reason: str) -> None:
        super().__init__(reason)
        self.ending: Ending = ending


class MasterSocket:
    """The socket that workers connect to."""

    def __init__(self, host: str, port: int, token: bytes) -> None:
        """Listen; on a free port if it is 0. Raises `UserError` when the address cannot be listened on."""
        self._context = _context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.curve_server = True
        self._socket.curve_publickey, self._socket.curve_secretkey = server_keys(token)
        try:
            self._socket.bind(f"tcp://{host}:{port or '*'}")
        except zmq.ZMQError as error:
            self.close()
            raise UserError(f"{host}:{port}: {error}; choose another address: --listen") from None
        self.port = int(self._socket.get_string(zmq.LAST_ENDPOINT).rpartition(":")[2])

    def send(self, worker: str, body: bytes) -> None:
        """Send to a worker; a message to one that is gone is dropped."""
        self._socket.send_multipart([worker.encode(), body])

    def receive(self, wait_s: float) -> tuple[str, bytes] | None:
        """The sender and body of the next message, if one comes within ``wait_s``."""
        if not self._socket.poll(int(wait_s * 1000)):
            return None
        worker, *parts = self._socket.recv_multipart()
        return worker.decode("utf-8", "replace"), b"".join(parts)

    def close(self) -> None:
        """Send what is left, for a moment, and close."""
        self._context.destroy()


class WorkerSocket:
    """A socket that connects to the master, again and again until it succeeds once."""

    def __init__(self, host: str, port: int, token: bytes, name: str) -> None:
        """Begin to connect; the master knows this worker by ``name``."""
        self._context = _context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.curve_serverkey, _ = server_keys(token)
        self._socket.curve_publickey, self._socket.curve_secretkey = zmq.curve_keypair()
        self._socket.setsockopt(zmq.IDENTITY, name.encode())
        self._socket.heartbeat_ivl = HEARTBEAT_MS
        self._socket.heartbeat_timeout = MASTER_SILENT_S * 1000
        self._monitor = self._socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED
        )
        self.connected = False
        """Whether the master has accepted the token."""
        self._failure: ConnectionFailed | None = None
        self._socket.connect(f"tcp://{host}:{port}")

    def register(self, poller: zmq.Poller) -> None:
        """Have a poller wait for messages and for events of the connection."""
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)

    def send(self, body: bytes) -> None:
        """Send to the master."""
        self._socket.send(body)

    def receive(self) -> list[bytes]:
        """The messages that have arrived. Raises `ConnectionFailed`, but not before all messages are read."""
        while self._monitor.poll(0):
            event: Any = recv_monitor_message(self._monitor)
            if event["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.connected = True
            elif self.connected:
                self._failure = ConnectionFailed("failed", "the connection to the master was lost")
            elif event["event"] == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                self._failure = ConnectionFailed(
                    "refused", "the master does not accept the token; is it the same there?"
                )
        messages: list[bytes] = []
        while self._socket.poll(0):
            messages.append(self._socket.recv())
        if self._failure and not messages:
            raise self._failure
        return messages

    def close(self) -> None:
        """Send what is left, for a moment, and close."""
        if not self._socket.closed:
            self._socket.disable_monitor()
            self._context.destroy()
