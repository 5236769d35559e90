"""An HTTP answer, as a task gets it, and its assembly when it comes in pieces."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httptools
import msgspec

from bakeoff.load.traffic import RequestError


class Response:
    """An answer, or the lack of one (``status_code`` 0 and an ``error``)."""

    __slots__ = ("_head", "_headers", "content", "elapsed_s", "error", "status_code", "url")

    def __init__(self, status_code: int, head: bytes, content: bytes, error: RequestError | None = None) -> None:
        self.status_code = status_code
        self.content = content
        self.error = error
        self.elapsed_s = 0.0
        self.url = ""
        self._head = head
        self._headers: dict[str, str] | None = None

    @property
    def ok(self) -> bool:
        """Whether an answer came with a status below 400."""
        return 0 < self.status_code < 400

    @property
    def headers(self) -> dict[str, str]:
        """The header fields, names in lower case; repeated fields are joined with a comma (RFC 9110, 5.3)."""
        if self._headers is None:
            self._headers = _parse_headers(self._head)
        return self._headers

    @property
    def text(self) -> str:
        """The body as UTF-8, undecodable bytes replaced."""
        return self.content.decode("utf-8", "replace")

    @property
    def elapsed(self) -> timedelta:
        """Time from the intended send time to the end of the answer."""
        return timedelta(seconds=self.elapsed_s)

    def json(self) -> Any:
        """The body as JSON. Raises ``msgspec.DecodeError`` when it is not JSON."""
        return msgspec.json.decode(self.content)


def _parse_headers(head: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        key = name.strip().lower()
        fields[key] = f"{fields[key]}, {value.strip()}" if key in fields else value.strip()
    return fields


class ParsedAnswer:
    """Collects one answer from httptools' callbacks."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.complete = False
        self.keeps_alive = False
        self._body: list[bytes] = []
        self._lines: list[bytes] = [b""]

    def on_message_begin(self) -> None:
        """An interim answer (1xx) is followed by another: start over."""
        self.complete = False
        self._body.clear()
        self._lines[1:] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines.append(name + b": " + value)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self.complete = self.parser.get_status_code() >= 200
        # Asked here, because llhttp forgets the flags it needs as soon as this callback returns.
        self.keeps_alive = self.parser.should_keep_alive()

    def response(self) -> Response:
        return Response(self.parser.get_status_code(), b"\r\n".join(self._lines), b"".join(self._body))
