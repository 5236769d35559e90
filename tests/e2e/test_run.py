"""Whole runs of the command, with real servers, a real Locust process and real sockets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]

SERVER = """
import http.server, json, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = json.dumps({"path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

EXPERIMENT = f'''
[experiment]
name = "tiny"
loads = [{{ users = 4 }}, {{ rate = 50 }}]
slice_s = 0.4
warmup_s = 0.1
alpha = 0.2  # Four blocks are enough for it.

[scenarios.front]
requests = [{{ get = "/", weight = 2 }}, {{ get = "/search?q=cake", name = "/search" }}]

[stacks.one]
command = ["{sys.executable}", "server.py", "{{port}}"]

[stacks.two]
command = ["{sys.executable}", "server.py", "{{port}}"]
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a user's own, with a server and an experiment in it."""
    (tmp_path / "server.py").write_text(SERVER, "utf-8")
    (tmp_path / "bakeoff.toml").write_text(EXPERIMENT, "utf-8")
    return tmp_path


@pytest.fixture(autouse=True)
def nothing_left_over(tmp_path: Path) -> Iterator[None]:
    """No process of the test outlives it. One that was just being started ends by itself, a moment after its run."""
    yield
    deadline_s = time.monotonic() + 5
    while (commands := _commands_in(tmp_path)) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert commands == []


def _commands_in(folder: Path) -> list[list[str]]:
    return [command for process in psutil.process_iter() if (command := _command_in(process, folder))]


def _command_in(process: psutil.Process, folder: Path) -> list[str]:
    """The command of a process that runs in a folder. One in the midst of its end has none any more."""
    try:
        return process.cmdline() if _belongs(process, folder) else []
    except psutil.Error:
        return []


def _belongs(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.pid != os.getpid() and Path(process.cwd()).is_relative_to(folder)
    except (psutil.Error, OSError):
        return False


def bakeoff(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as its user would, in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "bakeoff", *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )


def assert_measured(returncode: int, errors: str) -> None:
    """A run went through. On a busy machine the checks may have left no row, which is a result of its own."""
    assert returncode == 0 or (returncode == 3 and "no result: the checks left no row" in errors), errors


def summary_of(folder: Path) -> Any:
    """The only run's summary."""
    (path,) = folder.glob("results/*/summary.json")
    return json.loads(path.read_text("utf-8"))


def test_two_programs_are_compared_without_any_python(folder: Path) -> None:
    """A command, a path, and everything else by default; and its report is rendered again from stored files alone."""
    done = bakeoff(folder, "run", "--profile", "quick", "--seed", "1")
    assert_measured(done.returncode, done.stderr)
    summary = summary_of(folder)
    not_sent = [row for row in summary["results"] if row["endpoint"] == "(not sent)"]  # Where the machine is busy.
    rows = {(row["stack"], row["endpoint"], row["load"]["kind"]) for row in summary["results"] if row not in not_sent}
    assert rows == {(s, e, k) for s in ("one", "two") for e in ("*", "/", "/search") for k in ("users", "rate")}
    of_requests = [row for row in summary["results"] if row not in not_sent and row["endpoint"] != "*"]
    assert all(row["errors"] == 0 for row in (of_requests if not_sent else summary["results"]))
    compared = {comparison["candidate"] for comparison in summary["comparisons"]}
    assert compared == {"two"} or not all(row["valid"] for row in summary["results"])
    assert summary["answer"]["text"] in done.stdout
    assert summary["answer"]["candidate"] in ("two", None)
    explained = {finding["stack"] for finding in summary["findings"] if finding["kind"] == "bottleneck"}
    assert explained == {row["stack"] for row in summary["results"] if row["valid"]}
    assert "report.html" in done.stdout
    assert "Traceback" not in done.stderr
    (report,) = folder.glob("results/*/report.html")
    rendered = report.read_bytes()
    report.unlink()
    again = bakeoff(folder, "report", str(report.parent))
    assert again.returncode == 0, again.stderr
    assert report.read_bytes() == rendered


def test_an_app_that_fails_to_start_is_a_failed_record_with_its_log(folder: Path) -> None:
    """The other stack is measured, and the reason stands in the summary."""
    config = (folder / "bakeoff.toml").read_text("utf-8")
    broken = '[stacks.broken]\ninterface = "wsgi"\napp = "missing:app"\nserver = "gunicorn"\n'
    (folder / "bakeoff.toml").write_text(config + broken, "utf-8")
    done = bakeoff(folder, "run", "--profile", "smoke")
    assert_measured(done.returncode, done.stderr)
    withheld = {row["stack"]: row["withheld"] for row in summary_of(folder)["results"] if not row["valid"]}
    assert "broken" in withheld
    (failure,) = {one["log"] for one in summary_of(folder)["failures"]}
    assert "No module named 'missing'" in failure


def test_a_taken_port_is_said_in_one_line(folder: Path) -> None:
    """With the remedy."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = (folder / "bakeoff.toml").read_text("utf-8")
        port = listener.getsockname()[1]
        (folder / "bakeoff.toml").write_text(config + f"port = {port}\n", "utf-8")
        bakeoff(folder, "run", "--profile", "smoke")
    (message,) = {one["message"] for one in summary_of(folder)["failures"]}
    assert message == f"port {port} is in use; free it, or remove port to use a random one"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "none.toml"), "none.toml does not exist"),
        (("run", "--stack", "onee"), "unknown stack 'onee'; did you mean 'one'?"),
        (("run", "--blocks", "2"), "set blocks = 4"),
        (("report", "nowhere"), "nowhere is not a run folder"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_two(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    """No traceback."""
    done = bakeoff(folder, *arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert message in line


def test_a_scenario_that_does_not_import_is_the_users_mistake(folder: Path) -> None:
    """One line with the file and the error."""
    (folder / "users.py").write_text("import nonexistent", "utf-8")
    config = (folder / "bakeoff.toml").read_text("utf-8")
    (folder / "bakeoff.toml").write_text(config + '[scenarios.mine]\nlocustfile = "users.py"\n', "utf-8")
    done = bakeoff(folder, "run", "--profile", "smoke")
    assert done.returncode == 2
    assert "users.py does not import: ModuleNotFoundError: No module named 'nonexistent'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_stops_everything_and_keeps_what_it_has(folder: Path, sent: signal.Signals) -> None:
    """Ctrl-C and a CI's cancellation; the fixture looks for processes left over."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # The background jobs of a shell ignore it.
    running = subprocess.Popen(
        [sys.executable, "-m", "bakeoff", "run", "--profile", "quick"], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    try:
        _wait_for(folder, "results/*/blocks/0000/record.json", running)
        running.send_signal(sent)
        _, errors = running.communicate(timeout=20)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 3
    assert "interrupted; every server was stopped" in errors
    (path,) = folder.glob("results/*/manifest.json")
    assert json.loads(path.read_text("utf-8"))["state"] == "failed"


def test_a_killed_run_takes_its_servers_with_it(folder: Path) -> None:
    """Even SIGKILL, which leaves no time to clean up."""
    running = subprocess.Popen(
        [sys.executable, "-m", "bakeoff", "run", "--profile", "quick"], cwd=folder, stderr=subprocess.DEVNULL
    )
    _wait_for(folder, "results/*/blocks/0000/record.json", running)
    running.kill()
    running.wait()
    deadline_s = time.monotonic() + 20
    while any(_belongs(process, folder) for process in psutil.process_iter()) and time.monotonic() < deadline_s:
        time.sleep(0.02)


def _wait_for(folder: Path, pattern: str, running: subprocess.Popen[Any]) -> None:
    """Poll until a file exists; a run that ends before that has failed."""
    while not any(folder.glob(pattern)):
        assert running.poll() is None
        time.sleep(0.02)
