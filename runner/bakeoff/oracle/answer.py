"""The bytes of the oracle's answers, made once and sent many times."""

from __future__ import annotations

from bakeoff.oracle.behaviour import Behaviour, Fate

RIGHT_BODY = b'{"ok": true}'
WRONG_BODY = b'{"ok": false}'


def encoded(
    status: str, body: bytes, *, keep_alive: bool = True, chunked: bool = False, kind: str = "application/json"
) -> bytes:
    """A whole HTTP/1.1 answer. ``status`` is code and reason: ``200 OK``."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}"]
    lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}")
    if not keep_alive:
        lines.append("Connection: close")
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return head + (in_chunks(body) if chunked else body)


def in_chunks(body: bytes) -> bytes:
    """A body of at least two bytes as two chunks, so that a client has something to put together."""
    half = len(body) // 2
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:], b""))


def answer_to(fate: Fate, behaviour: Behaviour, *, keep_alive: bool) -> bytes:
    """What is sent to a request of that fate; nothing at all for a fate without an answer."""
    right, wrong = (body.ljust(behaviour.body_bytes) for body in (RIGHT_BODY, WRONG_BODY))
    match fate:
        case Fate.RIGHT | Fate.CHUNKED:
            return encoded("200 OK", right, keep_alive=keep_alive, chunked=fate is Fate.CHUNKED)
        case Fate.LAST:
            return encoded("200 OK", right, keep_alive=False)
        case Fate.WRONG:
            return encoded("200 OK", wrong, keep_alive=keep_alive)
        case Fate.STATUS:
            return encoded("500 Internal Server Error", right, keep_alive=keep_alive)
        case _:
            return b""


def answers(behaviour: Behaviour, *, keep_alive: bool) -> tuple[bytes, ...]:
    """The answer to each fate, indexed by its code."""
    return tuple(answer_to(fate, behaviour, keep_alive=keep_alive) for fate in Fate)
