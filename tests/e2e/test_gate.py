"""Whole gates by their command line, on servers of a few lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.e2e

SERVER = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = 0
    def do_GET(self):
        Handler.seen += 1
        body = json.dumps({"path": self.path}).encode()
        self.send_response(500 if EVERY and Handler.seen % EVERY == 0 else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

EXPERIMENT = """
[scenarios.front]
requests = [{ get = "/", weight = 2 }, { get = "/search?q=cake", name = "/search" }]

[stacks.plain]
command = ["{python}", "server.py", "{port}"]

[gate]
users = 4
closed_s = 0.3
open_s = 0.3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An experiment, and three copies of a server: two that are equal, one that fails every tenth request."""
    (tmp_path / "bakeoff.toml").write_text(EXPERIMENT, "utf-8")
    for name, every in (("base", 0), ("same", 0), ("failing", 10)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "server.py").write_text(f"EVERY = {every}\n{SERVER}", "utf-8")
    return tmp_path


def gate(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``bakeoff gate`` in a folder."""
    command = [sys.executable, "-m", "bakeoff", "gate", "--base", "base", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False
    )


def outcome(folder: Path) -> dict[str, Any]:
    """The gate of the only run's summary."""
    (path,) = folder.glob("results/*-gate/summary.json")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))["gate"]
    return found


def test_a_head_that_fails_requests_is_a_regression(folder: Path) -> None:
    """Found as soon as two blocks show it; exit code 1."""
    done = gate(folder, "--head", "failing")
    assert done.returncode == 1, done.stderr
    found = outcome(folder)
    assert (found["verdict"], found["exit_code"]) == ("regression", 1)
    assert found["errors"]["head"]["errors"] > found["errors"]["base"]["errors"] == 0
    assert "requests failed" in done.stdout


def test_equal_heads_have_an_effect_of_about_nothing(folder: Path) -> None:
    """In so short a time it may not be sure yet: a pass, or inconclusive, never a regression. Everything is stored."""
    done = gate(folder, "--head", "same", "--budget-s", "20")
    found = outcome(folder)
    assert done.returncode == found["exit_code"]
    assert found["verdict"] in ("pass", "inconclusive")
    assert found["errors"]["base"]["requests"] > 100
    (junit,) = folder.glob("results/*-gate/junit.xml")
    assert ElementTree.parse(junit).getroot().tag == "testsuites"
    report = junit.with_name("report.md")
    before = report.read_bytes()
    report.unlink()
    rendered = subprocess.run([sys.executable, "-m", "bakeoff", "report", str(report.parent)], capture_output=True)
    assert rendered.returncode == 0
    assert report.read_bytes() == before
    blocks = list(folder.glob("results/*-gate/blocks/*/record.json"))
    assert len(blocks) >= found["blocks"] > 0  # Spoiled ones are stored too, and not decided on.


def test_a_head_that_does_not_start_is_invalid(folder: Path) -> None:
    """Exit code 3, and why."""
    (folder / "same" / "server.py").write_text("raise SystemExit('no flour')", "utf-8")
    done = gate(folder, "--head", "same")
    assert done.returncode == 3
    assert outcome(folder)["verdict"] == "invalid"
    assert "head did not start" in done.stdout
    assert "no flour" in done.stdout


def test_on_github_it_leaves_an_annotation_and_a_job_summary(folder: Path) -> None:
    """Without being asked."""
    page = folder / "summary.md"
    (folder / "same" / "server.py").write_text("raise SystemExit('no flour')", "utf-8")
    done = gate(folder, "--head", "same", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(page))
    assert "::warning title=Bakeoff gate::invalid: head did not start" in done.stdout
    assert "Bakeoff gate: invalid" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--stack", "nope"], "unknown stack 'nope'"), (["--head", "nowhere"], "neither a directory nor a git ref")],
)
def test_mistakes_are_one_line_and_exit_code_2(folder: Path, arguments: list[str], said: str) -> None:
    """With the remedy, without a traceback."""
    done = gate(folder, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
