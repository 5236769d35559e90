"""The time of an answer is when it arrives, not when the greenlets before its own have run."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import gevent
import pytest

from bakeoff.load.traffic import DELIVERED_AT_A_TURN, Inbox


class Listener:
    """A connection whose greenlet records what it receives, and then calls a function."""

    def __init__(self, inbox: Inbox, received: list[bytes | OSError]) -> None:
        self.received_ns = 0
        self._inbox = inbox
        self._received = received
        self.greenlet = gevent.spawn(self._listen)

    def _listen(self) -> None:
        self._received.append(gevent.get_hub().switch())


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets."""
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def test_a_connection_that_becomes_readable_is_read_before_the_rest_is_delivered(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """An answer that arrives while the greenlets of many others run is read before the last of them run."""
    inbox = Inbox()
    received: list[bytes | OSError] = []
    listeners = [Listener(inbox, received) for _ in range(3 * DELIVERED_AT_A_TURN)]
    gevent.sleep(0)  # Each listens now.
    watcher = gevent.get_hub().loop.io(pair[0].fileno(), 1)
    received_when_read: list[int] = []

    def read() -> None:
        watcher.stop()
        received_when_read.append(len(received))

    watcher.start(read)

    def speak() -> None:
        pair[1].send(b"x")

    inbox.after_each = speak
    for listener in listeners:
        inbox.put(listener, b"answer")
    gevent.joinall([listener.greenlet for listener in listeners], timeout=5)
    watcher.close()
    assert received == [b"answer"] * len(listeners)
    assert inbox.empty
    assert received_when_read[0] <= 2 * DELIVERED_AT_A_TURN


def test_answers_are_delivered_in_the_order_of_their_arrival() -> None:
    """Also when it takes several turns."""
    inbox = Inbox()
    received: list[bytes | OSError] = []
    listeners = [Listener(inbox, received) for _ in range(2 * DELIVERED_AT_A_TURN + 1)]
    gevent.sleep(0)
    answers: list[bytes | OSError] = [bytes([number]) for number in range(len(listeners))]
    for listener, answer in zip(listeners, answers, strict=True):
        inbox.put(listener, answer)
    gevent.joinall([listener.greenlet for listener in listeners], timeout=5)
    assert received == answers
