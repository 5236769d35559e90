"""Requests over TLS: the server's certificate is checked, and the connection is kept open."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from bakeoff.load.client import Client
from bakeoff.load.recorder import SliceSink
from bakeoff.load.traffic import Traffic
from tests.load.hostile import Script, hostile
from tests.load.scripted import OK

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A key and a self-signed certificate for 127.0.0.1."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    subject = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *subject], check=True, capture_output=True)
    return key, certificate


@pytest.fixture
def url(certificate: tuple[Path, Path]) -> Iterator[str]:
    """A server that answers two requests on one TLS connection."""

    def answer(connection: ssl.SSLSocket) -> None:
        for _ in range(2):
            connection.recv(65536)
            connection.sendall(OK)

    with _serving(certificate, answer) as url:
        yield url


@contextlib.contextmanager
def _serving(certificate: tuple[Path, Path], answer: Callable[[ssl.SSLSocket], None]) -> Iterator[str]:
    """The URL of a server that treats its first TLS connection so."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])

    def serve() -> None:
        with contextlib.suppress(OSError):
            plain, _ = listener.accept()
            with plain, context.wrap_socket(plain, server_side=True) as connection:
                answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_trusted_server_gets_two_requests_on_one_connection(
    url: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE names the trusted certificate, as for other programs."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    sink = SliceSink()
    traffic = Traffic(sink)
    client = Client(url, traffic)
    assert [client.get("/").text, client.get("/").text] == ["hi", "hi"]
    client.leave()
    traffic.close()
    assert (sink.logs["/"].right, sink.logs["/"].connections) == (2, 1)


def test_a_server_that_is_not_trusted_gets_no_request(url: str) -> None:
    """The request fails, with the reason."""
    sink = SliceSink()
    traffic = Traffic(sink)
    client = Client(url, traffic)
    response = client.get("/")
    client.leave()
    traffic.close()
    assert "CERTIFICATE_VERIFY_FAILED" in str(response.error)
    assert sink.logs["/"].failed == {"network": 1}


@pytest.mark.parametrize("answer", [(), (b"\x16\x03\x03\x40\x00", *[b"\x00"] * 10_000)])
def test_a_handshake_that_never_ends_is_a_timeout(answer: tuple[bytes, ...]) -> None:
    """Whether the server says nothing, or a byte at a time."""
    sink = SliceSink()
    traffic = Traffic(sink)
    began_s = time.monotonic()
    with hostile() as server:
        server.plan(Script(answer, "deaf"))
        client = Client(server.url.replace("http", "https"), traffic, timeout_s=0.1)
        assert client.get("/").error is not None
        client.leave()
    traffic.close()
    assert sink.logs["/"].timed_out == 1
    assert time.monotonic() - began_s < 5


@pytest.mark.parametrize(("ends_tls", "failed"), [(True, {}), (False, {"closed": 1})])
def test_a_body_that_ends_with_the_connection_needs_the_end_of_tls(
    ends_tls: bool, failed: dict[str, int], certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it, anyone on the way could have cut the body short."""

    def answer(connection: ssl.SSLSocket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhi")
        if ends_tls:
            connection.unwrap()

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    with _serving(certificate, answer) as url:
        sink = SliceSink()
        traffic = Traffic(sink)
        client = Client(url, traffic)
        client.get("/")
        client.leave()
        traffic.close()
    assert sink.logs["/"].failed == failed


def test_what_comes_after_an_answer_is_not_the_next_ones(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is a TLS record of its own."""

    def answer(connection: ssl.SSLSocket) -> None:
        connection.recv(65536)
        connection.sendall(OK)
        connection.sendall(OK.replace(b"hi", b"no"))
        connection.recv(65536)

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    with _serving(certificate, answer) as url:
        traffic = Traffic(SliceSink())
        client = Client(url, traffic, timeout_s=2.0)
        assert client.get("/").text == "hi"
        gevent.sleep(0.05)
        assert client.wire is not None
        assert not client.wire.usable
        client.leave()
        traffic.close()


def test_a_large_request_gets_through(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the kernel's buffers take at once."""
    body = b"x" * 8_000_000

    def answer(connection: ssl.SSLSocket) -> None:
        received = 0
        while received < len(body):
            received += len(connection.recv(65536))
        connection.sendall(OK)

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    with _serving(certificate, answer) as url:
        traffic = Traffic(SliceSink())
        client = Client(url, traffic)
        assert client.post("/", data=body).text == "hi"
        client.leave()
        traffic.close()
