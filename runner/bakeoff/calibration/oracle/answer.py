"""The bytes of the oracle's answers, made once and sent many times."""

from __future__ import annotations

from bakeoff.calibration.oracle.behaviour import Behaviour, Outcome

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


def answer_to(outcome: Outcome, behaviour: Behaviour, *, keep_alive: bool) -> bytes:
    """What is sent to a request of that outcome; nothing at all for a outcome without an answer."""
    right, wrong = (body.ljust(behaviour.body_bytes) for body in (RIGHT_BODY, WRONG_BODY))
    match outcome:
        case Outcome.RIGHT | Outcome.CHUNKED:
            return encoded("200 OK", right, keep_alive=keep_alive, chunked=outcome is Outcome.CHUNKED)
        case Outcome.LAST:
            return encoded("200 OK", right, keep_alive=False)
        case Outcome.WRONG:
            return encoded("200 OK", wrong, keep_alive=keep_alive)
        case Outcome.STATUS:
            return encoded("500 Internal Server Error", right, keep_alive=keep_alive)
        case _:
            return b""


def answers(behaviour: Behaviour, *, keep_alive: bool) -> tuple[bytes, ...]:
    """The answer to each outcome, indexed by its code."""
    return tuple(answer_to(outcome, behaviour, keep_alive=keep_alive) for outcome in Outcome)
