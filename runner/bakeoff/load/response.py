"""An HTTP answer, or the lack of one, as a task gets it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec


class RequestError(Exception):
    """No answer came. ``kind`` is one of ``refused``, ``reset``, ``closed``, ``protocol``, ``timeout``, ``network``."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


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
