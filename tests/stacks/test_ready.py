"""The readiness probe ends in time, and in bounds of memory, whatever the server sends."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.stacks import bounded_http
from bakeoff.stacks.ready import get_status

BOUND_S = 5.0
"""No probe may take longer, on however slow a machine."""
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@contextlib.contextmanager
def sending(pieces: Iterable[bytes], pause_s: float = 0.0) -> Iterator[str]:
    """The URL of a server that sends these at the first request, with pauses, and closes the connection."""
    ended = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                for piece in pieces:
                    connection.sendall(piece)
                    if ended.wait(pause_s):
                        return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    "pieces",
    [
        itertools.chain([HEAD + b"X: "], itertools.repeat(b"y")),
        itertools.chain([HEAD + b"Content-Length: 999999\r\n\r\n"], itertools.repeat(b"y")),
        itertools.chain([HEAD + b"\r\n"], itertools.repeat(b"y")),
        itertools.chain([CHUNKED], itertools.repeat(b"1\r\ny\r\n")),
        itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["fields", "length", "close", "chunks", "interim"],
)
def test_a_server_that_sends_a_little_now_and_then_is_not_waited_for(pieces: Iterable[bytes]) -> None:
    """The limit is one of the whole probe, not of each byte."""
    began_s = time.monotonic()
    with sending(pieces, pause_s=0.02) as url, pytest.raises(TimeoutError):
        get_status(url, "/", within_s=0.2)
    assert time.monotonic() - began_s < BOUND_S


@pytest.mark.parametrize("start", [HEAD + b"\r\n", CHUNKED + b"fffffff\r\n"])
def test_a_body_without_end_is_not_kept(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe gives up at the limit."""
    monkeypatch.setattr(bounded_http, "MAX_BODY_BYTES", 1_000_000)
    body = itertools.chain([start], itertools.repeat(b"x" * 65536))
    with sending(body) as url, pytest.raises(http.client.HTTPException, match="larger than"):
        get_status(url, "/", within_s=BOUND_S)


def test_a_length_that_is_a_lie_takes_no_memory() -> None:
    """A terabyte is announced, two bytes come."""
    with sending([HEAD + b"Content-Length: 1000000000000\r\n\r\nhi"]) as url, pytest.raises(http.client.IncompleteRead):
        get_status(url, "/", within_s=BOUND_S)


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(
        st.sampled_from(
            [HEAD, CHUNKED, b"HTTP/1.1 ", b"2x0", b"\r\n", b"Content-Length: ", b"9" * 5000, b"-1", b"X", b":"]
        )
        | st.binary(max_size=5),
        max_size=8,
    )
)
def test_the_probe_gives_a_status_or_a_failure(pieces: list[bytes]) -> None:
    """Whatever bytes come, and never another exception."""
    with sending(pieces) as url:
        try:
            status = get_status(url, "/", within_s=BOUND_S)
        except (OSError, http.client.HTTPException):
            return
    assert status >= 100
