"""Every request gets one outcome, and every answer is read completely, in however many pieces it arrives."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import gevent
import pytest

from bakeoff.load.client import Client
from bakeoff.load.recorder import SliceLog, SliceSink
from bakeoff.load.response import Response
from bakeoff.load.traffic import Traffic
from tests.load.scripted import CLOSE, OK, scripted

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"


@pytest.fixture
def sink() -> SliceSink:
    """Where the requests are accounted."""
    return SliceSink()


@pytest.fixture
def traffic(sink: SliceSink) -> Iterator[Traffic]:
    """The traffic of one test."""
    traffic = Traffic(sink)
    yield traffic
    traffic.close()


def log_of(sink: SliceSink, endpoint: str = "/") -> SliceLog:
    """The counts of an endpoint, which must add up."""
    log = sink.logs[endpoint]
    assert log.offered == log.counts(endpoint, 0).outcomes.offered
    return log


@pytest.mark.parametrize(
    "pieces",
    [
        (OK,),
        (OK[:5], OK[5:]),
        (OK[:-1], OK[-1:]),
        (b"HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\n", b"hi"),
        (CHUNKED + b"2\r\nhi\r\n0\r\n\r\n",),
        (CHUNKED, b"1\r\nh\r\n", b"1\r\ni\r\n0\r\n", b"\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", OK),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK,),
    ],
)
def test_an_answer_is_read_completely_in_however_many_pieces_it_arrives(
    pieces: tuple[bytes, ...], sink: SliceSink, traffic: Traffic
) -> None:
    """The connection is used again afterwards."""
    with scripted(pieces, (OK,)) as server:
        client = Client(server.url, traffic)
        assert [client.get("/").text, client.get("/").text] == ["hi", "hi"]
        client.leave()
        assert server.connections == 1
    assert log_of(sink).right == 2
    assert log_of(sink).connections == 1


def test_a_connection_that_the_server_will_close_is_not_used_again(sink: SliceSink, traffic: Traffic) -> None:
    """After ``Connection: close`` the next request opens another."""
    with scripted((CLOSING,), (OK,)) as server:
        client = Client(server.url, traffic)
        assert [client.get("/").text, client.get("/").text] == ["hi", "hi"]
        client.leave()
        assert server.connections == 2
    assert log_of(sink).right == 2


def test_a_body_without_a_length_ends_with_the_connection(traffic: Traffic) -> None:
    """HTTP/1.0 servers answer like this."""
    with scripted((b"HTTP/1.0 200 OK\r\n\r\nhi",), CLOSE) as server:
        client = Client(server.url, traffic)
        assert _closing_get(client).text == "hi"
        client.leave()


def _closing_get(client: Client) -> Response:
    """GET from a server that closes after its answer."""
    greenlet = gevent.spawn(client.get, "/")
    gevent.sleep(0.05)
    assert client.wire is not None
    client.wire._socket.shutdown(socket.SHUT_WR)  # type: ignore[attr-defined]
    response: Response = greenlet.get(timeout=5)
    return response


def test_a_closed_connection_is_a_failure_and_not_an_exception(sink: SliceSink, traffic: Traffic) -> None:
    """The task goes on; the request counts as failed."""
    with scripted(CLOSE, (OK,)) as server:
        client = Client(server.url, traffic)
        response = client.get("/")
        assert (response.status_code, response.error is not None) == (0, True)
        assert client.get("/").text == "hi"
        client.leave()
    assert log_of(sink).failed == {"closed": 1}


def test_an_answer_cut_short_is_a_failure(sink: SliceSink, traffic: Traffic) -> None:
    """A body shorter than its content length is not an answer."""
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nX: close\r\n\r\nhi"
    with scripted((cut,)) as server:
        client = Client(server.url, traffic)
        assert client.get("/").error is not None
        client.leave()
    assert log_of(sink).failed == {"closed": 1}


def test_an_answer_that_is_not_http_is_a_failure(sink: SliceSink, traffic: Traffic) -> None:
    """A server of another protocol."""
    with scripted((b"SSH-2.0-OpenSSH_9.2\r\n\r\n",)) as server:
        client = Client(server.url, traffic)
        assert client.get("/").error is not None
        client.leave()
    assert log_of(sink).failed == {"protocol": 1}


def test_a_refused_connection_is_a_failure(sink: SliceSink, traffic: Traffic) -> None:
    """No server listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}", traffic)
    client.get("/")
    assert log_of(sink).failed == {"refused": 1}


def test_no_answer_in_time_is_a_timeout(sink: SliceSink, traffic: Traffic) -> None:
    """The connection is closed, since a late answer could be taken for that of the next request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", traffic, timeout_s=0.05)
        response = client.get("/")
        assert response.error is not None
        assert client.wire is None
        client.leave()
    assert log_of(sink).timed_out == 1


def test_a_check_that_raises_has_rejected_the_answer(sink: SliceSink, traffic: Traffic) -> None:
    """The reason names the exception; the task gets the answer."""
    with scripted((OK,)) as server:
        client = Client(server.url, traffic, check=lambda response: response.json()["ok"])
        assert client.get("/").text == "hi"
        client.leave()
    assert log_of(sink).wrong == 1
    assert str(log_of(sink).reason).startswith("the check raised DecodeError: JSON is malformed")


def test_a_mistake_in_the_arguments_offers_no_request(sink: SliceSink, traffic: Traffic) -> None:
    """It is the task's error."""
    client = Client("http://127.0.0.1:1", traffic)
    with pytest.raises(TypeError):
        client.get("/", json=object())
    assert sink.total("offered") == 0


def test_the_check_decides_what_is_right(sink: SliceSink, traffic: Traffic) -> None:
    """A wrong answer is an error with a reason, not throughput."""
    with scripted((OK,), (OK,), (OK,)) as server:
        client = Client(server.url, traffic, check=lambda response: response.text == "hi" or "not hi")
        client.get("/")
        client.get("/", check=lambda response: "wrong")
        client.get("/", check=lambda response: False)
        client.leave()
    log = log_of(sink)
    assert (log.right, log.wrong, log.reason) == (1, 2, "wrong")


def test_a_status_of_400_or_more_is_wrong_by_default(sink: SliceSink, traffic: Traffic) -> None:
    """A scenario's check can accept it."""
    with scripted((b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",)) as server:
        client = Client(server.url, traffic)
        assert client.get("/").status_code == 404
        client.leave()
    assert (log_of(sink).wrong, log_of(sink).reason) == (1, "status 404")


def test_latency_counts_from_the_intended_time(sink: SliceSink, traffic: Traffic) -> None:
    """A delay before sending is part of the latency."""
    with scripted((OK,)) as server:
        client = Client(server.url, traffic)
        client.schedule(1)
        client.get("/")
        client.leave()
    intended_ns, sent_ns, done_ns = log_of(sink).take()[:, 0]
    assert intended_ns == 1 < sent_ns < done_ns


def test_a_killed_users_request_is_unfinished(sink: SliceSink, traffic: Traffic) -> None:
    """It is not lost from the counts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", traffic)
        greenlet = gevent.spawn(client.get, "/")
        gevent.sleep(0.01)
        greenlet.kill()
        client.leave()
    log = log_of(sink)
    assert log.unfinished == 1
    intended_ns, stopped_ns = log.take_errors()[:, 0]
    assert stopped_ns - intended_ns >= 10_000_000


def test_a_request_that_fails_has_the_time_until_it_failed(sink: SliceSink, traffic: Traffic) -> None:
    """Whether nothing was answered, or something wrong."""
    with scripted(CLOSE, (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",)) as server:
        client = Client(server.url, traffic)
        client.get("/")
        client.get("/")
        client.leave()
    log = log_of(sink)
    assert (log.failed, log.wrong) == ({"closed": 1}, 1)
    intended_ns, done_ns = log.take_errors()
    assert len(intended_ns) == 2
    assert all(done_ns > intended_ns)


def test_a_request_has_the_given_content(traffic: Traffic) -> None:
    """Method, query, headers and body."""
    with scripted((OK,), (OK,), (OK,)) as server:
        client = Client(server.url + "/v1/", traffic)
        client.get("/a?x=1", params={"y": "ü"}, headers={"X-Token": "t"})
        client.post("/b", json={"k": 1})
        client.put("/c", data={"k": "v w"})
        client.leave()
        first, second, third = server.requests
    assert first.startswith(b"GET /v1/a?x=1&y=%C3%BC HTTP/1.1\r\n")
    assert b"\r\nx-token: t\r\n" in first
    assert second.endswith(b'content-length: 7\r\n\r\n{"k":1}')
    assert b"content-type: application/json\r\n" in second
    assert third.endswith(b"\r\n\r\nk=v+w")


def test_endpoints_are_paths_without_their_query_unless_named(sink: SliceSink, traffic: Traffic) -> None:
    """A thousand products are one endpoint."""
    with scripted((OK,), (OK,)) as server:
        client = Client(server.url, traffic)
        client.get("/product?id=7")
        client.get("/product/7", name="/product/ID")
        client.leave()
    assert set(sink.logs) == {"/product", "/product/ID"}


def test_an_answer_has_headers_and_json(traffic: Traffic) -> None:
    """Names in lower case, repeated fields joined."""
    answer = b'HTTP/1.1 201 Created\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 8\r\n\r\n{"a": 1}'
    with scripted((answer,)) as server:
        client = Client(server.url, traffic)
        response = client.get("/")
        client.leave()
    assert (response.status_code, response.headers["x-a"], response.json()) == (201, "1, 2", {"a": 1})
    assert response.elapsed.total_seconds() == pytest.approx(response.elapsed_s, abs=1e-6)


def test_a_base_url_that_is_not_http_is_refused(traffic: Traffic) -> None:
    """With an example of a right one."""
    with pytest.raises(ValueError, match=r"such as http://127\.0\.0\.1:8000"):
        Client("localhost:80", traffic)
