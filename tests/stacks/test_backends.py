"""Each stack is started on the backend that it belongs to."""

from __future__ import annotations

import http.server
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bakeoff.model import Block, Stack, UserError
from bakeoff.stacks import Unknown, Usage, open_backend
from tests.builders import stack

BLOCK = Block(number=0, start_order=(), hash_seed=0, port_seed=0, slices=())
OWN = Stack(
    name="own",
    interface="wsgi",
    command=("{python}", "-m", "http.server", "--bind={host}", "{port}"),
    ready="/",
)


@pytest.fixture
def deployed() -> Iterator[Stack]:
    """A stack that runs already."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        yield Stack(name="staging", interface="asgi", url=f"http://127.0.0.1:{server.server_address[1]}", ready="/")


def test_a_stack_with_a_url_is_not_started_and_any_other_is(deployed: Stack, tmp_path: Path) -> None:
    with open_backend("local", [replace(OWN, directory=str(tmp_path)), deployed], ()) as backend:
        remote = backend.start(deployed, BLOCK, tmp_path)
        own = backend.start(replace(OWN, directory=str(tmp_path)), BLOCK, tmp_path)
        try:
            own.wait_ready()
            assert isinstance(own.usage(), Usage)
        finally:
            own.stop()
    assert (remote.url, remote.pid) == (deployed.url, None)
    assert isinstance(remote.usage(), Unknown)


def test_only_deployed_stacks_need_no_container_engine(deployed: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with open_backend("compose", [deployed], (), host="192.0.2.1") as backend:
        assert backend.facts == {}


def test_containers_cannot_be_loaded_from_other_machines() -> None:
    with (
        pytest.raises(UserError, match=r"containers listen on 127\.0\.0\.1 only; for --workers use --backend local"),
        open_backend("compose", [OWN], (), host="192.0.2.1"),
    ):
        pass


def test_the_facts_of_a_run_are_interpreters_that_stacks_name() -> None:
    """The packages of Bakeoff's own interpreter are facts of the machine."""
    served = stack("cakes", server="gunicorn")
    other = replace(served, name="other", python=sys.executable)
    with open_backend("local", [served, other], ()) as backend:
        assert set(backend.facts) == {"interpreter of other"}
        assert backend.facts["interpreter of other"].startswith("Python 3.")
