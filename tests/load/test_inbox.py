"""Answers are stamped when they come, not when the greenlets before theirs are done."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import gevent
import pytest

from bakeoff.load.traffic import DELIVERED_AT_A_TURN, Inbox


class Listener:
    """A connection whose greenlet notes what it is given, and does something then."""

    def __init__(self, inbox: Inbox, heard: list[bytes | OSError]) -> None:
        self.received_ns = 0
        self._inbox = inbox
        self._heard = heard
        self.greenlet = gevent.spawn(self._listen)

    def _listen(self) -> None:
        self._heard.append(gevent.get_hub().switch())


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets."""
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def test_a_connection_readable_meanwhile_is_read_before_the_rest_are_handed_over(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """Of many answers at once, one that comes while the first greenlets run is noticed before the last ones run."""
    inbox = Inbox()
    heard: list[bytes | OSError] = []
    listeners = [Listener(inbox, heard) for _ in range(3 * DELIVERED_AT_A_TURN)]
    gevent.sleep(0)  # Each listens now.
    watcher = gevent.get_hub().loop.io(pair[0].fileno(), 1)
    heard_when_read: list[int] = []

    def read() -> None:
        watcher.stop()
        heard_when_read.append(len(heard))

    watcher.start(read)

    def speak() -> None:
        pair[1].send(b"x")

    inbox.after_each = speak
    for listener in listeners:
        inbox.put(listener, b"answer")
    gevent.joinall([listener.greenlet for listener in listeners], timeout=5)
    watcher.close()
    assert heard == [b"answer"] * len(listeners)
    assert inbox.empty
    assert heard_when_read[0] <= 2 * DELIVERED_AT_A_TURN


def test_answers_are_handed_over_in_the_order_in_which_they_came() -> None:
    """Also when it takes several turns."""
    inbox = Inbox()
    heard: list[bytes | OSError] = []
    listeners = [Listener(inbox, heard) for _ in range(2 * DELIVERED_AT_A_TURN + 1)]
    gevent.sleep(0)
    answers: list[bytes | OSError] = [bytes([number]) for number in range(len(listeners))]
    for listener, answer in zip(listeners, answers, strict=True):
        inbox.put(listener, answer)
    gevent.joinall([listener.greenlet for listener in listeners], timeout=5)
    assert heard == answers
