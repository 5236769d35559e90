"""Reading one answer from a connection, in however many pieces it comes, within limits of size and time."""

from __future__ import annotations

import httptools

from bakeoff.load.head import MAX_BODY_BYTES, MAX_HEAD_BYTES, Head, Heads, check_start, is_bodiless
from bakeoff.load.response import RequestError, Response
from bakeoff.load.wire import Wire

_CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class AnswerReader:
    """Reads one answer."""

    def __init__(self, wire: Wire, heads: Heads, received: bytes, deadline_ns: int) -> None:
        """``received`` is what came of the answer already; nothing more is waited for after ``deadline_ns``."""
        self._wire = wire
        self._heads = heads
        self._received = bytearray(received)
        self._deadline_ns = deadline_ns
        self.keeps_alive = False
        """Whether the connection may be used again: not when the server will close it, or has sent more than asked."""

    def read(self, method: str) -> Response:
        """The answer to a request of that method. Raises `RequestError` or `OSError`."""
        if not self._received:
            raise _closed()
        head = self._head()
        if method == "HEAD" or is_bodiless(head.status):
            body, surplus = b"", bool(self._received)
        elif head.chunked:
            body, surplus = self._chunked_body()
        elif head.length is None:
            return Response(head.status, head.fields, self._body_until_close())
        else:
            body, surplus = self._body_of(head.length)
        self.keeps_alive = head.keeps_alive and not surplus
        return Response(head.status, head.fields, body)

    def _head(self) -> Head:
        """The head of the final answer, which interim answers (1xx) may precede."""
        size_bytes = 0
        while True:
            raw = self._raw_head(size_bytes)
            size_bytes += len(raw) + 4
            head = self._heads[raw]
            if head.status >= 200:
                return head

    def _raw_head(self, before_bytes: int) -> bytes:
        """All up to an empty line; ``before_bytes`` is the size of the heads before this one."""
        searched = 0
        while True:
            end = self._received.find(b"\r\n\r\n", searched)
            if before_bytes + (len(self._received) if end < 0 else end + 4) > MAX_HEAD_BYTES:
                raise RequestError("protocol", f"the answer's head is larger than {MAX_HEAD_BYTES >> 10} KiB")
            if end >= 0:
                raw = bytes(self._received[:end])
                del self._received[: end + 4]
                return raw
            check_start(self._received, searched)
            searched = max(0, len(self._received) - 3)
            self._received += self._more()

    def _body_of(self, length: int) -> tuple[bytes, bool]:
        """A body of known length, and whether more came than that."""
        if length > MAX_BODY_BYTES:
            raise _too_large()
        while len(self._received) < length:
            self._received += self._more()
        with memoryview(self._received) as received:
            return bytes(received[:length]), len(received) > length

    def _chunked_body(self) -> tuple[bytes, bool]:
        """A chunked body, and whether more came than that."""
        chunks = _Chunks()
        chunks.feed(bytes(self._received))
        while not chunks.complete:
            chunks.feed(self._more())
        return bytes(chunks.body), chunks.surplus

    def _body_until_close(self) -> bytes:
        """No length and not chunked: the body ends where the connection does."""
        while data := self._wait():
            self._received += data
            if len(self._received) > MAX_BODY_BYTES:
                raise _too_large()
        return bytes(self._received)

    def _more(self) -> bytes:
        data = self._wait()
        if not data:
            raise _closed()
        return data

    def _wait(self) -> bytes:
        """What comes next. The check of the time is for a server that sends without a pause."""
        if self._wire.received_ns > self._deadline_ns:
            raise RequestError("timeout", "no complete answer in time")
        return self._wire.receive()


class _Chunks:
    """Decodes a chunked body; its trailers are ignored."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.complete = False
        self.surplus = False
        self._parser = httptools.HttpResponseParser(self)
        self._parser.feed_data(_CHUNKED_HEAD)

    def feed(self, data: bytes) -> None:
        """Decode what came next. Raises `RequestError`."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self.complete:
                raise RequestError("protocol", f"not a chunked body: {error}") from None
            self.surplus = True
        if len(self.body) > MAX_BODY_BYTES:
            raise _too_large()

    def on_body(self, part: bytes) -> None:
        if not self.complete:
            self.body += part

    def on_message_begin(self) -> None:
        self.surplus = self.complete

    def on_message_complete(self) -> None:
        self.complete = True


def _closed() -> RequestError:
    return RequestError("closed", "the server closed the connection before its answer was complete")


def _too_large() -> RequestError:
    return RequestError("protocol", f"the answer's body is larger than {MAX_BODY_BYTES >> 20} MiB")
