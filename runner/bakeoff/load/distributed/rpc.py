"""Locust's own RPC, on which masters and workers talk: ZeroMQ sockets, and messages of type, data and node id."""

from __future__ import annotations

from typing import Any

import msgspec
from locust.exception import RPCError
from locust.rpc import Message, zmqrpc

from bakeoff.load.distributed.protocol import Envelope

LINGER_MS = 500
"""How long a socket that is closed may still send what it holds."""


class Entrance:
    """The master's socket, which many workers connect to."""

    def __init__(self, host: str, port: int) -> None:
        """Listen; at port 0 on one that is free. Raises Locust's ``RPCError`` when that cannot be."""
        self._server: Any = zmqrpc.Server(host, port)  # type: ignore[no-untyped-call]
        self.port: int = self._server.port

    def receive(self) -> tuple[str, Envelope] | None:
        """Who says what; ``None`` when it is nothing that is said here."""
        try:
            worker, message = self._server.recv_from_client()
            return worker, _envelope_of(message)
        except RPCError:
            raise
        except Exception:  # Anyone can connect and send anything. What ends a greenlet or a wait is no Exception.
            return None

    def send(self, worker: str, envelope: Envelope) -> None:
        """To a worker; what is sent to one that is gone is gone, too."""
        self._server.send_to_client(_message_of(envelope, worker))

    def close(self) -> None:
        """Send what is left, and close."""
        self._server.close(linger=LINGER_MS)


class Connection:
    """A worker's socket, connected to its master as soon and as often as can be."""

    def __init__(self, host: str, port: int, name: str) -> None:
        self._name = name
        self.place = f"{host}:{port}"
        self._client: Any = zmqrpc.Client(host, port, name)  # type: ignore[no-untyped-call]

    def receive(self) -> Envelope | None:
        """What the master says; ``None`` when it is nothing that is said here."""
        try:
            return _envelope_of(self._client.recv())
        except RPCError:
            raise
        except Exception:  # Whoever listens there may not be our master. As above.
            return None

    def send(self, envelope: Envelope) -> None:
        """To the master."""
        self._client.send(_message_of(envelope, self._name))

    def close(self) -> None:
        """Send what is left, and close."""
        self._client.close(linger=LINGER_MS)


def _message_of(envelope: Envelope, worker: str) -> Any:
    fields = msgspec.to_builtins(envelope, builtin_types=(bytes,))
    return Message(fields.pop("type"), fields, worker)  # type: ignore[no-untyped-call]


def _envelope_of(message: Any) -> Envelope:
    fields = {**message.data, "type": message.type}
    envelope: Envelope = msgspec.convert(fields, Envelope, builtin_types=(bytes,))
    return envelope
