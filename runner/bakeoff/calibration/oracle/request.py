"""Requests out of a stream of bytes, however they are cut: just as much of HTTP/1.1 as a load generator needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

MAX_HEAD_BYTES = 65_536
_END = b"\r\n\r\n"


class Malformed(ValueError):
    """The bytes are no request that the oracle understands; the connection cannot be used any more."""


class Request(NamedTuple):
    """One whole request. Its body was counted and thrown away."""

    method: bytes
    path: bytes
    keep_alive: bool
    body_bytes: int


def request_of(head: bytes) -> Request:
    """The request that a head (without its empty line) announces; raises ``Malformed``."""
    first, _, rest = head.partition(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        raise Malformed("no HTTP/1 request line")
    headers = _headers(rest)
    if b"transfer-encoding" in headers:
        raise Malformed("request bodies must have a Content-Length")
    body_bytes = headers.get(b"content-length", b"0")
    if not body_bytes.isdigit():
        raise Malformed("Content-Length is no number")
    return Request(words[0], words[1], _keep_alive(words[2], headers.get(b"connection", b"")), int(body_bytes))


def _headers(lines: bytes) -> dict[bytes, bytes]:
    """Names (in lower case) and values (in lower case, stripped)."""
    pairs = (line.partition(b":") for line in lines.lower().split(b"\r\n"))
    return {name: value.strip() for name, _, value in pairs}


def _keep_alive(version: bytes, connection: bytes) -> bool:
    options = {option.strip() for option in connection.split(b",")}
    return b"keep-alive" in options if version == b"HTTP/1.0" else b"close" not in options


class Reader:
    """One connection's bytes on their way to becoming requests."""

    __slots__ = ("_body_bytes_left", "_head", "_request", "between")

    def __init__(self) -> None:
        self._head = b""
        self._request: Request | None = None
        self._body_bytes_left = 0
        self.between = True
        """Whether the next byte begins a new request."""

    def feed(self, data: bytes) -> Iterator[Request]:
        """The requests that ``data`` completes, in order; raises ``Malformed`` in place of one that is none."""
        data = self._head + data
        self._head = b""
        while data:
            data = self._past_body(data) if self._request else self._past_head(data)
            if self._request and not self._body_bytes_left:
                request, self._request = self._request, None
                yield request
        self.between = not self._head and self._request is None

    def _past_head(self, data: bytes) -> bytes:
        """What follows the head at the start of ``data``; keeps all of it when the head is not complete."""
        head, end, rest = data.partition(_END)
        if len(head) > MAX_HEAD_BYTES:
            raise Malformed("the request's head is too long")
        if not end:
            self._head = data
            return b""
        self._request = request_of(head)
        self._body_bytes_left = self._request.body_bytes
        return rest

    def _past_body(self, data: bytes) -> bytes:
        """What follows the rest of the body at the start of ``data``."""
        skipped = min(len(data), self._body_bytes_left)
        self._body_bytes_left -= skipped
        return data[skipped:]
