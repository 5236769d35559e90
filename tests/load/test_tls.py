"""Requests over TLS: the server's certificate is checked, and the connection is kept open."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakeoff.load.client import Client
from bakeoff.load.recorder import SliceSink
from bakeoff.load.traffic import Traffic
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
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, context))
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    with contextlib.suppress(OSError):
        plain, _ = listener.accept()
        with plain, context.wrap_socket(plain, server_side=True) as connection:
            for _ in range(2):
                connection.recv(65536)
                connection.sendall(OK)


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
