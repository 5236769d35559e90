"""The head of an HTTP/1.1 answer: its status, its fields, and how its body ends (RFC 9112, 6.3)."""

from __future__ import annotations

import re

import msgspec

from bakeoff.load.response import RequestError

MAX_HEAD_BYTES = 65_536
"""The largest head of an answer, with those of the interim answers (1xx) before it."""
MAX_BODY_BYTES = 64 * 1024 * 1024
"""The largest body of an answer. A larger one is a failure: it would not fit into the generator's memory many times."""

NOT_WHOLE = -1
"""The `Head.whole_bytes` of an answer whose end is not told by its length alone."""

_CACHED_HEADS = 512
_CACHED_HEAD_BYTES = 2048

_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = rb"[\t -~\x80-\xff]*"
_GRAMMAR = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: " + _VALUE + rb")?(?:\r\n" + _NAME + rb":" + _VALUE + rb")*+")
_ORDINARY_FRAMING = re.compile(
    rb"\r\n(?:content-length:[ \t]*(\d{1,20})[ \t]*(?=\r|\Z)|(content-length|transfer-encoding):"
    rb"|(connection):(?![ \t]*keep-alive[ \t]*(?:\r|\Z)))",
    re.IGNORECASE,
)
"""The fields that say how a body ends and whether the connection stays open, but for ``connection: keep-alive``."""
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|connection):[ \t]*([^\r]*)", re.IGNORECASE)
_FOLD = re.compile(rb"\r\n[ \t]+")
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_LENGTH_DIGITS = 20
"""The most digits of a content length; Python refuses to convert some thousands of them."""


class Head(msgspec.Struct, frozen=True, gc=False):
    """What a client must know of an answer's head."""

    status: int
    fields: bytes
    """The status line and the header fields, each but the last ended by CRLF; folded lines are unfolded."""
    length: int | None
    """The content length; ``None`` when there is none."""
    chunked: bool
    keeps_alive: bool
    """Whether the connection stays open after the answer."""
    whole_bytes: int
    """The length of the body if that is how it ends, and the connection stays open; else `NOT_WHOLE`."""


class Heads(dict[bytes, Head]):
    """The heads that were read lately: a server sends the same few again and again, and parsing takes microseconds.

    ``heads[raw]`` parses a head that is not among them, and raises `RequestError` if it is no head of HTTP/1.1.
    """

    def __missing__(self, raw: bytes) -> Head:
        """Parse a head, and remember it unless it is large."""
        head = parse_head(raw)
        if len(raw) <= _CACHED_HEAD_BYTES:
            if len(self) >= _CACHED_HEADS:
                self.clear()
            self[raw] = head
        return head


def parse_head(raw: bytes) -> Head:
    """Parse the head of an answer: all before the empty line. Raises `RequestError`."""
    match = _GRAMMAR.fullmatch(raw) or _GRAMMAR.fullmatch(raw := _unfolded(raw))
    if match is None:
        raise RequestError("protocol", f"not an HTTP/1.1 answer: {raw[:80]!r}")
    minor_version, digits = match.groups()
    status = int(digits)
    if status == 101:
        raise RequestError("protocol", "the server switched to another protocol, which it was not asked to")
    ordinary = _ORDINARY_FRAMING.findall(raw)
    if len(ordinary) == 1 and ordinary[0][0] and minor_version == b"1" and not is_bodiless(status):
        length = int(ordinary[0][0])
        return Head(status, raw, length, False, True, length)
    return _parse_framing(raw, minor_version, status)


def is_bodiless(status: int) -> bool:
    """Whether an answer of this status never has a body."""
    return status < 200 or status in (204, 304)


def _parse_framing(raw: bytes, minor_version: bytes, status: int) -> Head:
    framing: dict[bytes, list[bytes]] = {b"content-length": [], b"transfer-encoding": [], b"connection": []}
    for name, value in _FRAMING.findall(raw):
        framing[name.lower()].append(value.strip().lower())
    length = _length(framing[b"content-length"])
    encodings = framing[b"transfer-encoding"]
    if encodings and (length is not None or encodings != [b"chunked"]):
        raise RequestError("protocol", f"the body's end cannot be told: Transfer-Encoding {b', '.join(encodings)!r}")
    options = {option.strip() for value in framing[b"connection"] for option in value.split(b",")}
    keeps_alive = b"close" not in options and (minor_version == b"1" or b"keep-alive" in options)
    whole_bytes = NOT_WHOLE if length is None or is_bodiless(status) or not keeps_alive else length
    return Head(status, raw, length, bool(encodings), keeps_alive, whole_bytes)


def check_start(received: bytes | bytearray, since: int) -> None:
    """Raise `RequestError` when bytes cannot be the start of a head; those before ``since`` were checked before."""
    expected = b"HTTP/1."[: len(received)]
    if not received.startswith(expected) or _BARE_LINE_FEED.search(received, since):
        raise RequestError("protocol", f"not an HTTP/1.1 answer: {bytes(received[:80])!r}")


def _length(values: list[bytes]) -> int | None:
    if not values:
        return None
    if len(values) > 1 or not values[0].isdigit() or len(values[0]) > _LENGTH_DIGITS:
        raise RequestError("protocol", f"not a Content-Length: {b', '.join(values)[:80]!r}")
    return int(values[0])


def _unfolded(raw: bytes) -> bytes:
    """A head whose folded field lines are joined (RFC 9112, 5.2); the status line cannot be folded."""
    status_line, line_end, fields = raw.partition(b"\r\n")
    return status_line + line_end + _FOLD.sub(b" ", fields)
