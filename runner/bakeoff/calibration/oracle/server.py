"""The oracle's event loop: one thread over non-blocking sockets, with httptools for the requests."""

from __future__ import annotations

import contextlib
import gc
import math
import select
import socket
import sys
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from time import monotonic_ns

import msgspec
from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from bakeoff.calibration.oracle.behaviour import COUNT_ONLY, Behaviour, Outcome, delays_ns, due_ns, outcome_of
from bakeoff.calibration.oracle.log import NO_ANSWER_NS, RequestLog

HOST = "127.0.0.1"
BACKLOG = 4096
READ_BYTES = 65_536
ACCEPTS_AT_ONCE = 64
ANSWERS_AT_ONCE = 16
"""Answers sent in one go, about 0.1 ms: requests that arrive meanwhile get their time stamp after it."""
WAKE_UP_NS = 1_300_000
"""How much sooner than an answer is due a sleep ends: select() rounds up to milliseconds, and waking up takes time."""
AWAKE_NS = 100_000_000
"""How long after a request the loop polls without sleeping.

An idle CPU takes time to wake up: on a virtual machine a request is then read 0.15 ms (median) after it was sent, a
delay that the log cannot show.
"""

RIGHT_BODY = b'{"ok": true}'
WRONG_BODY = b'{"ok": false}'
ENDS_CONNECTION = frozenset({Outcome.CLOSED_AFTER, Outcome.CLOSED, Outcome.UNANSWERED})
"""Outcomes after which no more requests on the same connection are answered."""


def _answer(status: str, *headers: str, body: bytes) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/json", *headers, "", ""]).encode() + body


_LENGTH = f"Content-Length: {len(RIGHT_BODY)}"
ANSWERS: dict[int, bytes] = {
    Outcome.RIGHT: _answer("200 OK", _LENGTH, body=RIGHT_BODY),
    Outcome.CHUNKED: _answer(
        "200 OK",
        "Transfer-Encoding: chunked",
        body=b"6\r\n" + RIGHT_BODY[:6] + b"\r\n6\r\n" + RIGHT_BODY[6:] + b"\r\n0\r\n\r\n",
    ),
    Outcome.CLOSED_AFTER: _answer("200 OK", _LENGTH, "Connection: close", body=RIGHT_BODY),
    Outcome.WRONG_BODY: _answer("200 OK", f"Content-Length: {len(WRONG_BODY)}", body=WRONG_BODY),
    Outcome.WRONG_STATUS: _answer("500 Internal Server Error", _LENGTH, body=RIGHT_BODY),
    Outcome.CLOSED: b"",
}
"""What is sent when a request of each outcome is due: nothing before its connection is closed."""
RIGHT_ANSWER = ANSWERS[Outcome.RIGHT]
_RIGHT, _CLOSED_AFTER, _LOST = map(int, (Outcome.RIGHT, Outcome.CLOSED_AFTER, Outcome.LOST))


class Started(msgspec.Struct, frozen=True):
    """The first line that the process prints as soon as it listens."""

    port: int
    started_ns: int
    """CLOCK_MONOTONIC: the time from which stalls are counted."""


class Connection:
    """A client's connection. Its parser calls ``on_message_complete`` for each whole request."""

    def __init__(self, peer: socket.socket, receive: Callable[[Connection], None]) -> None:
        self.on_message_complete = partial(receive, self)
        self.parser = HttpRequestParser(self)
        self.socket = peer
        self.due_ns = 0
        """When the last of its answers is due (CLOCK_MONOTONIC). Later ones are not sent sooner."""
        self.ended = False
        """Whether requests from now on get no answer."""

    def shut_down(self) -> None:
        """Send no more.

        The socket stays open until the client closes too: closing it with bytes unread would send a reset, which
        destroys answers on their way.
        """
        self.ended = True
        with contextlib.suppress(OSError):  # The client may have closed first; that is read next.
            self.socket.shutdown(socket.SHUT_WR)


class Poll:
    """The methods of ``select.epoll`` that the server needs, for other systems: slower with many connections."""

    def __init__(self) -> None:
        poll = select.poll()
        self.register, self.unregister, self._poll = poll.register, poll.unregister, poll.poll

    def poll(self, timeout_s: float | None) -> list[tuple[int, int]]:
        """Wait for readable file descriptors."""
        return self._poll(None if timeout_s is None else math.ceil(timeout_s * 1e3))


def sleep_s(left_ns: int) -> float:
    """How long to sleep, in seconds, when the next answer is due in ``left_ns``."""
    return max(0, left_ns - WAKE_UP_NS) / 1e9


class Server:
    """Listens on the loopback address. Any method and path is answered, with a body (even HEAD).

    Bytes that are not HTTP/1 end their connection. A client that closes its side is taken to be gone.
    """

    def __init__(self, behaviour: Behaviour, port: int = 0) -> None:
        """Listen; port 0 takes a free one. Raises ``OSError`` or ``OverflowError`` for an unusable port."""
        self.started_ns = monotonic_ns()
        self.log = RequestLog(rows=behaviour.log)
        self._behaviour = behaviour
        self._delays_ns = delays_ns(behaviour)
        self._receive = self._answer_and_count if behaviour == COUNT_ONLY else self._schedule
        self._scheduled: list[tuple[int, int, Connection, Outcome, bool]] = []
        """A heap of: when the answer is due (CLOCK_MONOTONIC), number, connection, outcome, whether to close then."""
        self._awake_until_ns = 0
        self._listener = socket.create_server((HOST, port), backlog=BACKLOG)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._poller = select.epoll() if sys.platform == "linux" else Poll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self.watch(self._listener.fileno(), self._accept)

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever the file descriptor is readable; raises ``OSError`` if it cannot be watched."""
        self._poller.register(fd, select.POLLIN)
        self._callbacks[fd] = callback

    def serve(self) -> None:
        """Serve until ``SystemExit``."""
        gc.freeze()
        gc.disable()
        wait, timeout_s, callbacks = self._poller.poll, None, self._callbacks
        while True:
            for fd, _ in wait(timeout_s):
                callbacks[fd]()
                if self._scheduled:
                    self._send_due()
            timeout_s = self._send_due()

    def _accept(self) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                peer, _ = self._listener.accept()
            except OSError:  # None waits, or it has gone again.
                return
            peer.setblocking(False)
            with contextlib.suppress(OSError):  # macOS refuses when the client has gone.
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(peer, self._receive)
            self.watch(peer.fileno(), partial(self._read, connection))

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        try:
            connection.parser.feed_data(data)
        except HttpParserCallbackError:  # A mistake of this module's.
            raise
        except (HttpParserError, HttpParserUpgrade):
            if not connection.ended:  # Else answers may still be due, and what follows them is ignored.
                self._close(connection)

    def _close(self, connection: Connection) -> None:
        self._poller.unregister(connection.socket)
        del self._callbacks[connection.socket.fileno()]
        connection.socket.close()
        del connection.parser, connection.on_message_complete  # They refer to it, and the garbage collector is off.

    def _answer_and_count(self, connection: Connection) -> None:
        """Answer a request at once and rightly."""
        if not connection.parser.should_keep_alive():
            self.log.counts[_CLOSED_AFTER if self._send(connection, ANSWERS[_CLOSED_AFTER]) else _LOST] += 1
            connection.shut_down()
        elif self._send(connection, RIGHT_ANSWER):
            self.log.counts[_RIGHT] += 1
        else:
            self.log.counts[_LOST] += 1

    def _schedule(self, connection: Connection) -> None:
        """Log a request and note when its answer is due."""
        now_ns = monotonic_ns()
        self._awake_until_ns = now_ns + AWAKE_NS
        number, delay_ns = self.log.add(now_ns), next(self._delays_ns)
        if connection.ended:
            self.log.finish(number, Outcome.LOST)
            return
        outcome, keep_alive = outcome_of(self._behaviour, number), connection.parser.should_keep_alive()
        if outcome is Outcome.RIGHT and not keep_alive:
            outcome = Outcome.CLOSED_AFTER
        connection.ended = outcome in ENDS_CONNECTION or not keep_alive
        if outcome is Outcome.UNANSWERED:
            self.log.finish(number, outcome)
            return
        due = self.started_ns + due_ns(self._behaviour.stall, now_ns - self.started_ns, delay_ns)
        connection.due_ns = max(due, connection.due_ns)
        heappush(self._scheduled, (connection.due_ns, number, connection, outcome, connection.ended))

    def _send_due(self) -> float | None:
        """Send some of the answers that are due; returns how many seconds the next wait may last, at most."""
        for _ in range(ANSWERS_AT_ONCE):
            now_ns = monotonic_ns()
            left_ns = self._scheduled[0][0] - now_ns if self._scheduled else None
            if left_ns is None or left_ns > 0:
                sleep_longest_s = None if left_ns is None else sleep_s(left_ns)
                return 0.0 if now_ns < self._awake_until_ns else sleep_longest_s
            _, number, connection, outcome, ends = heappop(self._scheduled)
            if self._send(connection, ANSWERS[outcome]):
                self.log.finish(number, outcome, now_ns if outcome is not Outcome.CLOSED else NO_ANSWER_NS)
            else:
                self.log.finish(number, Outcome.LOST)
            if ends:
                connection.shut_down()
        return 0.0

    def _send(self, connection: Connection, answer: bytes) -> bool:
        """Hand an answer to the kernel, which takes all of it unless the client has left or never reads."""
        try:
            if connection.socket.send(answer) == len(answer):
                return True
        except OSError:
            pass
        connection.shut_down()
        return False
