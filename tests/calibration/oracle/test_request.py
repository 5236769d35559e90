"""Requests come out of the bytes the same, however the bytes are cut."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.calibration.oracle.request import MAX_HEAD_BYTES, Malformed, Reader, Request

PARTS = [
    b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /b HTTP/1.1\r\ncontent-length: 8\r\nHost: x\r\n\r\nGET / \r\n",
    b"PUT /c HTTP/1.1\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n",
    b"GET /d HTTP/1.0\r\n\r\n",
    b"GET /e HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
]
STREAM = b"".join(PARTS)
WHOLE = set(accumulate(PARTS))
"""What ends with a request's last byte."""
REQUESTS = [
    Request(b"GET", b"/a", True, 0),
    Request(b"POST", b"/b", True, 8),
    Request(b"PUT", b"/c", False, 0),
    Request(b"GET", b"/d", False, 0),
    Request(b"GET", b"/e", True, 0),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_it_does_not_matter_how_the_bytes_are_cut(cuts: list[int]) -> None:
    """Pipelined in one piece, byte by byte, or anything in between."""
    edges = [0, *sorted(cuts), len(STREAM)]
    reader = Reader()
    pieces = [STREAM[start:end] for start, end in pairwise(edges)]
    assert [request for piece in pieces for request in reader.feed(piece)] == REQUESTS
    assert reader.between


@pytest.mark.parametrize("cut", range(1, len(STREAM) + 1))
def test_a_reader_knows_whether_it_is_between_requests(cut: int) -> None:
    """It is so after each request's last byte, and nowhere in a head or a body."""
    reader = Reader()
    list(reader.feed(STREAM[:cut]))
    assert reader.between == (STREAM[:cut] in WHOLE)


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /" + b"x" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
        b"x" * (MAX_HEAD_BYTES + 1),
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    """Guessing where the next request begins would make the account wrong."""
    with pytest.raises(Malformed):
        list(Reader().feed(data))


def test_requests_before_the_malformed_one_are_still_served() -> None:
    """Only what cannot be understood is refused."""
    served = Reader().feed(PARTS[0] + b"nonsense\r\n\r\n")
    assert next(served) == REQUESTS[0]
    with pytest.raises(Malformed):
        next(served)
