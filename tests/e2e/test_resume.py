"""An interrupted run, finished by the command, and listed and compared afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_run import EXPERIMENT, SERVER, assert_measured

pytestmark = pytest.mark.e2e


def bakeoff(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as its user would, in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "bakeoff", *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that was stopped after its first block."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "server.py").write_text(SERVER, "utf-8")
    (folder / "bakeoff.toml").write_text(EXPERIMENT, "utf-8")
    command = [sys.executable, "-m", "bakeoff", "run", "--profile", "quick"]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not any(folder.glob("results/*/blocks/0000/record.json")):
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        running.wait(timeout=30)
    finally:
        running.kill()
        running.wait()
    return folder


def run_of(folder: Path) -> str:
    """The only run, as its user would name it."""
    (path,) = folder.glob("results/*/manifest.json")
    return str(path.parent.relative_to(folder))


def manifest_of(folder: Path) -> Any:
    """Its manifest."""
    return json.loads((folder / run_of(folder) / "manifest.json").read_text("utf-8"))


def test_a_run_that_did_not_finish_is_finished_listed_and_compared(interrupted: Path) -> None:
    """From the interruption to the page, by the commands that the messages name."""
    run = run_of(interrupted)
    unfinished = bakeoff(interrupted, "compare", run, run)
    assert (unfinished.returncode, unfinished.stderr.count("\n")) == (2, 1)
    assert f"finish it with: bakeoff resume {run}" in unfinished.stderr

    bakeoff(interrupted, "index")
    assert "bakeoff resume" in (interrupted / "results" / "index.html").read_text("utf-8")

    first = interrupted / run / "blocks" / "0000" / "record.json"
    before = first.stat().st_mtime_ns
    resumed = bakeoff(interrupted, "resume", run)
    assert_measured(resumed.returncode, resumed.stderr)
    assert "report.html" in resumed.stdout
    assert first.stat().st_mtime_ns == before
    found = manifest_of(interrupted)
    assert found["state"] == "complete"
    assert len(found["resumed_utc"]) == 1
    assert len(list((interrupted / run).glob("blocks/*/record.json"))) == found["experiment"]["blocks"]
    assert "bakeoff resume" not in (interrupted / "results" / "index.html").read_text("utf-8")

    compared = bakeoff(interrupted, "compare", run, run)
    assert compared.returncode == 0, compared.stderr
    assert "From A to B" in compared.stdout
    assert (interrupted / "results" / "compare.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "nowhere"), "compare takes 2 to 6 runs"),
        (("compare", "nowhere", "elsewhere"), "nowhere is not a run folder"),
        (("resume", "nowhere"), "nowhere is not a run folder"),
        (("index", "nowhere"), "nowhere cannot be listed: No such file or directory"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_two(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """No traceback."""
    done = bakeoff(tmp_path, *arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert message in line
