"""The command on stacks that are deployed already, and the compose backend where there is no engine."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

EXPERIMENT = """
[experiment]
name = "shop"
loads = [{{ users = 4 }}]
slice_s = 0.3
timeline = ["/"]

[scenarios.front]
requests = [{{ get = "/" }}]

[stacks.staging]
{staging}
"""


def bakeoff(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as its user would, in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "bakeoff", *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a log."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """No log."""


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[str]:
    """The address of a server that Bakeoff did not start."""
    (tmp_path / "index.html").write_text("cake", "utf-8")
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def write(folder: Path, staging: str) -> None:
    """An experiment with one stack."""
    (folder / "bakeoff.toml").write_text(EXPERIMENT.format(staging=staging), "utf-8")


def only_summary(folder: Path) -> Any:
    """The summary of the only run."""
    (path,) = folder.glob("results/*/summary.json")
    return json.loads(path.read_text("utf-8"))


def test_a_deployed_stack_is_measured_without_its_cpu(tmp_path: Path, deployed: str) -> None:
    """Its answers are counted; CPU time and memory are null, and the record says why."""
    write(tmp_path, f'url = "{deployed}"\ninterface = "asgi"')
    done = bakeoff(tmp_path, "run", "--profile", "smoke")
    assert "Traceback" not in done.stderr
    (path,) = tmp_path.glob("results/*/blocks/0000/record.json")
    (record,) = json.loads(path.read_text("utf-8"))["records"]
    assert record["failure"] is None
    assert record["tallies"][0]["completed"] > 0
    assert record["server"] is None
    assert record["server_unknown"].startswith("it runs elsewhere")
    summary = only_summary(tmp_path)
    assert {(row["cpu_ms_per_request"], row["rss_mib"]) for row in summary["results"]} == {(None, None)}
    assert "deployed already" in summary["timeline"][0]["failure"]


def test_another_host_is_not_loaded_without_consent(tmp_path: Path) -> None:
    """Refused in one line with the option to add, before anything is sent or written."""
    write(tmp_path, 'url = "http://192.0.2.7"')
    done = bakeoff(tmp_path, "run", "--profile", "smoke")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "load on 192.0.2.7" in line
    assert "--yes-load-this-host" in line
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("missing", [{"PATH": "/nonexistent"}, {"DOCKER_HOST": "unix:///nonexistent"}])
def test_without_an_engine_the_compose_backend_names_the_local_one(tmp_path: Path, missing: dict[str, str]) -> None:
    """Whether docker is not installed or its engine does not run."""
    write(tmp_path, 'command = ["./serve", "{port}"]')
    done = bakeoff(tmp_path, "run", "--profile", "smoke", "--backend", "compose", **missing)
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert "no Docker engine answers" in line
    assert "--backend local" in line
    assert "Traceback" not in done.stderr
