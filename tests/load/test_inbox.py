"""The time of an answer is when it arrives, not when the greenlets before its own have run."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import gevent
import pytest

from bakeoff.load.traffic import DELIVERED_AT_A_TURN, Inbox


class Listener:
    """A connection whose greenlet records when it runs."""

    def __init__(self, number: int, ran: list[int]) -> None:
        self._number = number
        self._ran = ran
        self.greenlet = gevent.spawn(self._listen)

    def _listen(self) -> None:
        gevent.get_hub().switch()
        self._ran.append(self._number)


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
    ran: list[int] = []
    listeners = [Listener(number, ran) for number in range(3 * DELIVERED_AT_A_TURN)]
    gevent.sleep(0)  # Each listens now.
    watcher = gevent.get_hub().loop.io(pair[0].fileno(), 1)
    ran_when_read: list[int] = []

    def read() -> None:
        watcher.stop()
        ran_when_read.append(len(ran))

    watcher.start(read)

    def speak() -> None:
        pair[1].send(b"x")

    inbox.after_each = speak
    for listener in listeners:
        inbox.put(listener)
    gevent.joinall([listener.greenlet for listener in listeners], timeout=5)
    watcher.close()
    assert len(ran) == len(listeners)
    assert inbox.empty
    assert ran_when_read[0] <= 2 * DELIVERED_AT_A_TURN


def test_answers_are_delivered_in_the_order_of_their_arrival() -> None:
    """Also when it takes several turns."""
    inbox = Inbox()
    ran: list[int] = []
    listeners = [Listener(number, ran) for number in range(2 * DELIVERED_AT_A_TURN + 1)]
    gevent.sleep(0)
    for listener in listeners:
        inbox.put(listener)
    gevent.joinall([listener.greenlet for listener in listeners], timeout=5)
    assert ran == list(range(len(listeners)))
