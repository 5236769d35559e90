"""Whole gates from the command line, on a server of a few lines."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.e2e

SERVER = """
import http.server, json, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    seen = 0
    def do_GET(self):
        Handler.seen += 1
        time.sleep(0.03)  # Long beside what a busy machine adds.
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
open_s = 0.6
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An experiment and three copies of a server: two equal ones, and one that fails every tenth request."""
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


def gate_result(folder: Path) -> dict[str, Any]:
    """``gate`` in the summary of the only run."""
    (path,) = folder.glob("results/*-gate/summary.json")
    result: dict[str, Any] = json.loads(path.read_text("utf-8"))["gate"]
    return result


def test_a_head_that_fails_requests_is_a_regression(folder: Path) -> None:
    """As soon as a few blocks show it; exit code 1."""
    completed = gate(folder, "--head", "failing")
    assert completed.returncode == 1, completed.stdout + completed.stderr
    result = gate_result(folder)
    assert (result["verdict"], result["exit_code"]) == ("regression", 1)
    assert result["errors"]["head"]["errors"] > result["errors"]["base"]["errors"] == 0
    assert "requests failed" in completed.stdout
    assert result["environment_changes"] == []
    assert "Base and head run on equal environments" in completed.stdout


def test_an_equal_head_has_ratios_of_about_one(folder: Path) -> None:
    """With intervals that are neither empty nor meaningless; never a regression. Everything is stored."""
    steady = EXPERIMENT.replace("open_s = 0.6", "open_s = 1.0\nrate_rps = 100")  # Enough answers for a median.
    (folder / "bakeoff.toml").write_text(steady, "utf-8")
    completed = gate(folder, "--head", "same", "--budget-s", "30")
    result = gate_result(folder)
    assert completed.returncode == result["exit_code"]
    assert result["verdict"] in ("pass", "inconclusive"), completed.stdout
    ratios = {metric["metric"]: metric["ratio"] for metric in result["metrics"] if metric["endpoint"] == "*"}
    assert {"cpu_per_request", "latency_p50", "throughput", "memory", "start_up"} <= ratios.keys()
    for metric in ("cpu_per_request", "latency_p50", "throughput"):
        low, point, high = (math.log(ratios[metric][end]) for end in ("low", "point", "high"))
        assert low < point < high
        assert high - low < 0.3, metric
        assert abs(point) < 3 * (high - low) / 2, metric  # Six standard errors or more.
    assert ratios["memory"]["point"] == pytest.approx(1, abs=0.03)
    base, head = (result["errors"][side] for side in ("base", "head"))
    assert base["errors"] == head["errors"] == 0
    assert base["requests"] > 100
    assert head["requests"] == pytest.approx(base["requests"], rel=0.1)
    blocks = list(folder.glob("results/*-gate/blocks/*/record.json"))
    assert len(blocks) >= result["blocks"] >= 6  # Blocks that could not be used are stored too.
    (junit,) = folder.glob("results/*-gate/junit.xml")
    assert ElementTree.parse(junit).getroot().tag == "testsuites"
    report = junit.with_name("report.md")
    before = report.read_bytes()
    report.unlink()
    rendered = subprocess.run([sys.executable, "-m", "bakeoff", "report", str(report.parent)], capture_output=True)
    assert rendered.returncode == 0
    assert report.read_bytes() == before


def test_a_head_that_does_not_start_is_a_regression(folder: Path) -> None:
    """Exit code 1, with the head's own error: the base does start."""
    (folder / "same" / "server.py").write_text("raise SystemExit('no flour')", "utf-8")
    completed = gate(folder, "--head", "same")
    assert completed.returncode == 1
    assert gate_result(folder)["verdict"] == "regression"
    assert "head did not start" in completed.stdout
    assert "no flour" in completed.stdout


def test_on_github_a_gate_leaves_an_annotation_and_a_job_summary(folder: Path) -> None:
    """Without an option for it."""
    page = folder / "summary.md"
    (folder / "same" / "server.py").write_text("raise SystemExit('no flour')", "utf-8")
    completed = gate(folder, "--head", "same", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(page))
    assert "::error title=Bakeoff gate::regression: same against base: head did not start" in completed.stdout
    assert "Bakeoff gate: regression" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stack", "nope"], "unknown stack 'nope'"),
        (["--head", "nowhere"], "neither a directory nor a git ref"),
        (["--base", ""], "--base or --head is empty"),
        (["--head", "base"], "have the same files"),
    ],
)
def test_an_error_of_the_user_is_one_line_and_exit_code_2(folder: Path, arguments: list[str], message: str) -> None:
    """With a remedy and without a traceback."""
    completed = gate(folder, *arguments)
    assert completed.returncode == 2
    assert message in completed.stderr
    assert len(completed.stderr.strip().splitlines()) == 1
