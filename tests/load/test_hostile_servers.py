"""Against any server: every request gets one outcome, in time, and only a complete and valid answer is right."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Iterator

import gevent
import h11
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.load import reading, traffic
from bakeoff.load.client import Client
from bakeoff.load.head import MAX_HEAD_BYTES
from bakeoff.load.recorder import SliceLog, SliceSink
from bakeoff.load.traffic import Traffic
from tests.load.hostile import Ending, HostileServer, Script, hostile
from tests.load.scripted import OK

TIMEOUT_S = 0.05
BOUND_S = 5.0
"""No request may take longer, on however slow a machine."""
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def watch_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines are looked at every millisecond, so that a test need not wait for them."""
    monkeypatch.setattr(traffic, "WATCH_S", 0.001)


@pytest.fixture
def server() -> Iterator[HostileServer]:
    """A server that has no script yet."""
    with hostile() as server:
        yield server


@pytest.fixture
def sink() -> SliceSink:
    """Where the requests are accounted."""
    return SliceSink()


@pytest.fixture
def client(server: HostileServer, sink: SliceSink) -> Iterator[Client]:
    """A client of the server, in a hurry."""
    shared = Traffic(sink)
    client = Client(server.url, shared, timeout_s=TIMEOUT_S)
    yield client
    client.leave()
    shared.close()


def log_of(sink: SliceSink, endpoint: str = "/") -> SliceLog:
    """The counts of an endpoint, which must add up."""
    log = sink.logs[endpoint]
    assert log.offered == log.counts(endpoint, 0).outcomes.offered
    return log


STATUS_LINES = st.sampled_from(
    [
        *(
            b"HTTP/1.1 " + end
            for end in (b"200 OK", b"200", b"204 No", b"304 Same", b"100 Go", b"103 Hint", b"101 Switch")
        ),
        *(
            b"HTTP/1.1 " + end
            for end in (b"2x0 OK", b"+20 OK", b"20 OK", b"2000 OK", b"099 x", b" 200 OK", b"200 O\x00K")
        ),
        *(b"HTTP/1.0 200 OK", b"HTTP/0.9 200 OK", b"HTTP/2 200 OK", b"http/1.1 200 OK", b"hi", b"", b"\xff\x00"),
    ]
)
FIELDS = st.sampled_from(
    [
        *(b"Content-Length: " + value for value in (b"0", b"2", b" 5 ", b"-2", b"+2", b"2, 2", b"2 2", b"x", b"0x2")),
        *(b"Content-Length: " + value for value in (b"9" * 5000, b"0" * 5000 + b"2", b"99999999999")),
        *(b"Content-Length : 2", b"Content-Length", b" folded", b"\tContent-Length: 2", b": x", b"X\xe9: y"),
        *(b"Transfer-Encoding: " + value for value in (b"chunked", b"gzip", b"chunked, gzip", b"xchunked")),
        *(b"Connection: " + value for value in (b"close", b"keep-alive", b"X, Close", b"upgrade")),
        *(b"X: " + value for value in (b"", b"\x00", b"\r", b"y" * 70_000, b"y\nContent-Length: 2")),
    ]
)
BODIES = st.lists(
    st.sampled_from(
        [
            *(b"hi", b"h", b"\r\n", b"\x00", OK, OK[:20]),
            *(b"2\r\nhi\r\n", b"02;x=y\r\nhi\r\n", b"-2\r\nhi\r\n", b"2\nhi\n", b"2 \r\nhi\r\n", b"2\r\nhi", b"g\r\n"),
            *(b"f" * 16 + b"\r\n", b"f" * 17 + b"\r\n", b"2;" + b"x" * 70_000),
            *(b"0\r\n\r\n", b"0\r\n", b"0\r\nX-Trailer: y\r\n\r\n", b"0\r\nContent-Length: 9\r\n\r\n"),
        ]
    ),
    max_size=4,
).map(b"".join)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """A head that is likely to be right, or almost."""
    return b"\r\n".join([draw(STATUS_LINES), *draw(st.lists(FIELDS, max_size=3)), b"", b""])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """What a server might send: heads and a body, with a bit of it lost, doubled or replaced."""
    sent = b"".join(draw(st.lists(heads(), min_size=1, max_size=2))) + draw(BODIES)
    if draw(st.booleans()):
        start, length = draw(st.integers(0, len(sent))), draw(st.integers(0, 3))
        sent = sent[:start] + draw(st.sampled_from([b"", b"\r\n", b"\n", b"\x00", b" ", b"1"])) + sent[start + length :]
    return sent


def in_pieces(draw: st.DrawFn, sent: bytes) -> tuple[bytes, ...]:
    """The bytes, split at up to three places."""
    cuts = sorted(draw(st.lists(st.integers(0, len(sent)), max_size=3)))
    return tuple(sent[start:end] for start, end in itertools.pairwise([0, *cuts, len(sent)]) if start < end)


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """A script of arbitrary bytes, split and ended anywhere."""
    sent = draw(streams())
    sent = sent[: draw(st.integers(0, len(sent)))] if draw(st.booleans()) else sent
    return Script(in_pieces(draw, sent), draw(st.sampled_from(["hold", "close", "close", "reset"])))


def answer_by_h11(method: str, sent: bytes, ending: Ending) -> tuple[int, bytes] | None:
    """The status and body of the answer in some bytes, according to h11; ``None`` if there is none."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=2**20)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    status, body = 0, b""
    try:
        connection.receive_data(sent)
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            match event:
                case h11.Response():
                    status = event.status_code
                case h11.Data():
                    body += event.data
                case h11.NEED_DATA if ending == "close":
                    connection.receive_data(b"")
                    ending = "hold"
                case h11.InformationalResponse():
                    pass
                case _:
                    return None
    except h11.RemoteProtocolError:
        return None
    return status, body


def test_h11_finds_the_answers_that_it_should() -> None:
    """The model is not one that finds none."""
    assert answer_by_h11("GET", OK, "hold") == (200, b"hi")
    assert answer_by_h11("GET", b"HTTP/1.1 200 OK\r\n\r\nhi", "close") == (200, b"hi")
    assert answer_by_h11("GET", OK[:-1], "close") is None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=st.sampled_from(["GET", "GET", "HEAD"]), script=scripts())
def test_only_a_complete_and_valid_answer_is_an_answer(
    method: str, script: Script, server: HostileServer, client: Client, sink: SliceSink
) -> None:
    """Whatever a server sends, and the next request gets its own answer."""
    server.plan(Script((OK,)), script, Script((OK,)))
    assert client.get("/", timeout=2.0).text == "hi"
    server.played.clear()
    offered = log_of(sink).offered
    began_s = time.monotonic()
    response = client.request(method, "/", check=lambda response: True, timeout=0.02 if script.ending == "hold" else 2)
    assert time.monotonic() - began_s < BOUND_S
    if response.error is None:
        assert answer_by_h11(method, b"".join(script.pieces), script.ending) == (response.status_code, response.content)
    else:
        assert response.status_code == 0
    assert server.played.wait(BOUND_S)
    assert client.get("/", timeout=2.0).text == "hi"
    assert log_of(sink).offered == offered + 2


@st.composite
def valid_answers(draw: st.DrawFn) -> tuple[str, bytes, Ending, tuple[int, bytes], bool]:
    """A method, a valid answer to it, its ending, its status and body, and whether its connection stays open."""
    status = draw(st.sampled_from([200, 201, 204, 304, 404, 599]))
    method = draw(st.sampled_from(["GET", "POST", "HEAD"]))
    body = draw(st.binary(max_size=20)) if method != "HEAD" and status not in (204, 304) else b""
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    fields = draw(
        st.lists(st.sampled_from([b"X-A: b", b"Date:", b"x-folded: a\r\n b", b"Connection: Keep-Alive"]), max_size=3)
    )
    sent = body
    if framing == "length":
        fields.append(b"Content-Length: %d" % len(body))
    elif framing == "chunked":
        fields.append(b"Transfer-Encoding: Chunked")
        cut = draw(st.integers(0, len(body)))
        chunks = [b"%x;e=f\r\n%s\r\n" % (len(part), part) for part in (body[:cut], body[cut:]) if part]
        sent = b"".join([*chunks, b"0\r\n", *draw(st.sampled_from([[], [b"X-T: u\r\n"]])), b"\r\n"])
    if method == "HEAD" or status in (204, 304):
        sent = b""
    closes = draw(st.booleans()) or (framing == "close" and method != "HEAD" and status not in (204, 304))
    if closes and framing != "close":
        fields.append(b"Connection: close")
    interim = draw(
        st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" * 2])
    )
    head = b"\r\n".join([b"HTTP/1.1 %d Reason" % status, *draw(st.permutations(fields)), b"", b""])
    return method, interim + head + sent, "close" if closes else "hold", (status, body), not closes


@st.composite
def valid_scripts(draw: st.DrawFn) -> tuple[str, Script, tuple[int, bytes], bool]:
    """The same as a script in pieces."""
    method, sent, ending, answer, keeps_alive = draw(valid_answers())
    return method, Script(in_pieces(draw, sent), ending), answer, keeps_alive


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=valid_scripts())
def test_every_complete_and_valid_answer_is_one(
    case: tuple[str, Script, tuple[int, bytes], bool], server: HostileServer, client: Client
) -> None:
    """However it is framed, in however many pieces; and the connection is used again if it may be."""
    method, script, answer, keeps_alive = case
    server.plan(Script((OK,)), script, Script((OK,)))
    client.get("/", timeout=2.0)
    server.played.clear()
    connections = len(server.connections)
    response = client.request(method, "/", timeout=2.0)
    server.played.wait(BOUND_S)
    assert (response.error, response.status_code, response.content) == (None, *answer)
    assert answer_by_h11(method, b"".join(script.pieces), script.ending) == answer
    assert client.get("/", timeout=2.0).text == "hi"
    assert (len(server.connections) == connections) == keeps_alive


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (Script((b"HTTP/1.1 200 OK\r\nX-A: b\r\n",), "close"), "closed"),
        (Script((b"HTTP/1.1 200 OK\r\nX-A: b",), "close"), "closed"),
        (Script((b"HTTP/1.1 ",), "close"), "closed"),
        (Script((b"HTTP/1.1 100 Continue\r\n\r\n",), "close"), "closed"),
        (Script((b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n",), "close"), "closed"),
        (Script((CHUNKED + b"2\r\nhi\r\n",), "close"), "closed"),
        (Script((b"HTTP/1.1 200 OK\r\n\r\nhi",), "reset"), "reset"),
        (Script((b"HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\nhi",)), "protocol"),
        (Script((b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nhi",)), "protocol"),
        (Script((b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",)), "protocol"),
        (Script((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",)), "protocol"),
        (Script((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhi",)), "protocol"),
        (Script((b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",)), "protocol"),
        (Script((b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",)), "protocol"),
        (Script((CHUNKED + b"fffffffffffffffff\r\n",)), "protocol"),
        (Script((CHUNKED + b"-1\r\n",)), "protocol"),
        (Script((b"<html>HTTP/0.9</html>",), "close"), "protocol"),
        (Script((b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (MAX_HEAD_BYTES // 6) + b"\r\n",)), "protocol"),
        (Script(itertools.repeat(b"X" * 40_000)), "protocol"),
        (Script(itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"X: y\r\n" * 1000))), "protocol"),
        (Script(itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)), "protocol"),
        (Script(itertools.chain([CHUNKED + b"2;"], itertools.repeat(b"x" * 1000))), "timeout"),
        (Script(itertools.chain([CHUNKED + b"0\r\nX: "], itertools.repeat(b"x" * 1000))), "timeout"),
        (Script(b"%c" % byte for byte in itertools.cycle(b"HTTP/1.1 100 Continue\r\n\r\n")), "timeout"),
        (Script(()), "timeout"),
    ],
)
def test_what_is_no_answer_is_a_failure_of_its_kind(
    script: Script, kind: str, server: HostileServer, client: Client, sink: SliceSink
) -> None:
    """And never an exception in the task."""
    server.plan(script)
    response = client.get("/", timeout=0.2 if kind == "timeout" else 5.0)
    log = log_of(sink)
    assert response.error is not None
    assert {**log.failed, **({"timeout": log.timed_out} if log.timed_out else {})} == {kind: 1}


@pytest.mark.parametrize(
    ("start", "repeated"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", b"x" * 9000),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 9000),
        (CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"),
    ],
)
def test_a_body_over_the_limit_is_a_failure(
    start: bytes,
    repeated: bytes,
    server: HostileServer,
    client: Client,
    sink: SliceSink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However its end would be told; no more than the limit is kept."""
    monkeypatch.setattr(reading, "MAX_BODY_BYTES", 50_000)
    server.plan(Script(itertools.chain([start], itertools.repeat(repeated))))
    response = client.get("/", timeout=5.0)
    assert "body is larger than" in str(response.error)
    assert log_of(sink).failed == {"protocol": 1}
    assert client.wire is None


def test_what_comes_after_an_answer_is_not_the_next_ones(
    server: HostileServer, client: Client, sink: SliceSink
) -> None:
    """In the same packet, or in one that arrived before the next request was sent."""
    other = OK.replace(b"hi", b"no")
    server.plan(Script((OK + other,)), Script((OK,)), Script((OK,)))
    assert client.get("/").text == "hi"
    assert client.get("/").text == "hi"
    server.connections[-1].send(other)  # The client's event loop does not run.
    assert client.get("/").text == "hi"
    assert (log_of(sink).right, len(server.connections)) == (3, 3)


def test_a_connection_that_was_closed_since_the_last_answer_is_not_used(
    server: HostileServer, client: Client, sink: SliceSink
) -> None:
    """The request goes over a new one, although the event loop did not run in between."""
    server.plan(Script((OK,)), Script((OK,)))
    client.get("/")
    server.connections[-1].shutdown(socket.SHUT_WR)
    assert client.get("/").text == "hi"
    assert (log_of(sink).right, len(server.connections)) == (2, 2)


BODY = b"x" * 30_000_000
"""More than the kernel's buffers take while nobody reads."""
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"


def test_an_answer_that_comes_while_the_body_is_being_sent_is_the_answer(
    server: HostileServer, client: Client, sink: SliceSink
) -> None:
    """Such as 413 from a server that does not read on; the connection is not used again."""
    server.plan(Script((TOO_LARGE,), "deaf"), Script((OK,)))
    assert client.post("/", data=BODY, timeout=5.0).status_code == 413
    assert client.get("/", timeout=5.0).text == "hi"
    assert len(server.connections) == 2
    assert (log_of(sink).wrong, log_of(sink).right) == (1, 1)


def test_an_answer_before_a_reset_is_the_answer(server: HostileServer, client: Client) -> None:
    """A server that closes with unread data resets the connection, and sending fails before the answer is read."""
    server.plan(Script((TOO_LARGE,), "close"))
    assert client.post("/", data=BODY, timeout=5.0).status_code == 413


def test_sending_can_time_out(client: Client, server: HostileServer, sink: SliceSink) -> None:
    """A server that accepts and never reads."""
    server.plan(Script((), "deaf"))
    began_s = time.monotonic()
    assert client.post("/", data=BODY).error is not None
    assert time.monotonic() - began_s < BOUND_S
    assert log_of(sink).timed_out == 1


def test_a_large_body_is_sent_while_its_answer_is_received(server: HostileServer, client: Client) -> None:
    """Neither side waits for the other to read first."""

    def pieces() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(BODY) + 2)
        yield BODY  # Nothing of the request's body has been read.
        left_bytes = len(BODY) - 65536
        while left_bytes > 0:
            left_bytes -= len(server.connections[-1].recv(65536))
        yield b"hi"

    server.plan(Script(pieces()))
    assert len(client.post("/", data=BODY, timeout=20.0).content) == len(BODY) + 2


def test_the_answer_of_an_abandoned_request_is_not_the_next_ones(server: HostileServer, client: Client) -> None:
    """A user may be stopped while it waits, and send a last request in ``on_stop``."""
    server.plan(Script(()), Script((OK,)))
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.01):
        client.get("/", timeout=5.0)
    assert client.get("/", timeout=5.0).text == "hi"
    assert len(server.connections) == 2
