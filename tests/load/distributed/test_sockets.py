"""Only who has the token can talk to a master; everything else is dropped without an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from bakeoff.load.distributed.sockets import ConnectionFailed, MasterSocket, WorkerSocket, server_keys

HOST = "127.0.0.1"
TOKEN = b"a token of sixteen characters"
Connect = Callable[[bytes], WorkerSocket]


@pytest.fixture
def master() -> Iterator[MasterSocket]:
    """A master's socket."""
    master = MasterSocket(HOST, 0, TOKEN)
    yield master
    master.close()


@pytest.fixture
def connect(master: MasterSocket) -> Iterator[Connect]:
    """Makes a worker's socket with some token."""
    with ExitStack() as opened:

        def connect(token: bytes) -> WorkerSocket:
            worker = WorkerSocket(HOST, master.port, token, "w")
            opened.callback(worker.close)
            return worker

        yield connect


def exchange(master: MasterSocket, worker: WorkerSocket) -> list[bytes]:
    """A greeting to the master, and what comes back."""
    worker.send(b"hello")
    assert master.receive(wait_s=10.0) == ("w", b"hello")
    master.send("w", b"terms")
    return received(worker)


def received(worker: WorkerSocket) -> list[bytes]:
    """The next messages to a worker. Raises `ConnectionFailed`."""
    poller = zmq.Poller()
    worker.register(poller)
    for _ in range(20):
        poller.poll(500)
        if messages := worker.receive():
            return messages
    raise AssertionError("nothing came")


def test_with_the_same_token_messages_travel_both_ways(master: MasterSocket, connect: Connect) -> None:
    """And the worker knows that its token was accepted."""
    worker = connect(TOKEN)
    assert exchange(master, worker) == [b"terms"]
    assert worker.connected


def test_with_another_token_nothing_arrives_and_the_worker_knows_why(master: MasterSocket, connect: Connect) -> None:
    """At once."""
    worker = connect(b"another token of many characters")
    worker.send(b"hello")
    with pytest.raises(ConnectionFailed, match="the master does not accept the token") as error:
        received(worker)
    assert error.value.ending == "refused"
    assert master.receive(wait_s=0.2) is None


def test_messages_without_encryption_are_dropped(master: MasterSocket, connect: Connect) -> None:
    """Also those that are not ZeroMQ at all. A worker with the token can still connect."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as plain, context.socket(zmq.STREAM) as raw:
        plain.setsockopt(zmq.IDENTITY, b"w")
        plain.linger = raw.linger = 0
        monitor = plain.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
        for stranger in (plain, raw):
            stranger.connect(f"tcp://{HOST}:{master.port}")
        plain.send(b"hello")
        raw.send_multipart(
            [raw.getsockopt_string(zmq.IDENTITY, "latin-1").encode("latin-1"), b"GET / HTTP/1.1\r\n\r\n" * 1000]
        )
        assert monitor.poll(10_000)
        assert recv_monitor_message(monitor)
        assert master.receive(wait_s=0.2) is None
        worker = connect(TOKEN)
        assert exchange(master, worker) == [b"terms"]
        plain.disable_monitor()
        monitor.close()


def test_messages_before_a_lost_connection_are_read_first(master: MasterSocket, connect: Connect) -> None:
    """A master dismisses its workers, and closes."""
    worker = connect(TOKEN)
    exchange(master, worker)
    master.send("w", b"dismissal")
    master.close()
    assert received(worker) == [b"dismissal"]
    with pytest.raises(ConnectionFailed, match="the connection to the master was lost") as error:
        received(worker)
    assert error.value.ending == "failed"


def test_keys_depend_on_the_token_alone() -> None:
    """So that all machines derive the same."""
    assert server_keys(TOKEN) == server_keys(TOKEN) != server_keys(b"another token of many characters")
