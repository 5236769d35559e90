"""The short commands, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.experiment import read_experiment

pytestmark = pytest.mark.e2e


def bakeoff(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command at the root of the project."""
    return subprocess.run([sys.executable, "-m", "bakeoff", *arguments], capture_output=True, text=True, timeout=60)


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run a few lines in an interpreter of their own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_help_does_not_wait_for_the_heavy_libraries() -> None:
    """None of them is imported for it."""
    code = (
        "import sys, bakeoff.cli.main\n"
        "try: bakeoff.cli.main.main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(' '.join({'numpy', 'locust', 'rich', 'msgspec', 'pandas'} & set(sys.modules)) or 0)"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_a_bug_is_loud_and_not_a_regression() -> None:
    """A traceback and exit code 3; Python's own would be 1, which means a regression."""
    code = (
        "import sys, bakeoff.cli.main, bakeoff.cli.stacks as stacks\n"
        "def broken(*_): raise RuntimeError('the oven is cold')\n"
        "stacks.run = broken\n"
        "sys.exit(bakeoff.cli.main.main(['stacks']))"
    )
    done = python(code)
    assert done.returncode == 3
    assert "RuntimeError: the oven is cold" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("bakeoff: failed: ")


def test_the_stacks_are_listed() -> None:
    """Those of the bundled experiment, with their apps and servers."""
    done = bakeoff("stacks")
    assert done.returncode == 0
    assert "flask-gunicorn-sync" in done.stdout
    assert "apps.fastapi_app:app on uvicorn" in done.stdout
    assert "known servers: " in done.stdout


def test_the_schema_is_json_and_names_the_parts_of_a_summary() -> None:
    """Other programs can check what they read."""
    schema = json.loads(bakeoff("schema").stdout)
    assert {"results", "comparisons", "generator"} <= set(schema["$defs"]["Summary"]["properties"])


def test_init_writes_a_valid_experiment_once(tmp_path: Path) -> None:
    """With the lines to fill in where there is no app. An existing file is kept, unless it is to be replaced."""
    path = tmp_path / "mine.toml"
    assert bakeoff("init", str(path), "--python", sys.executable).returncode == 0
    assert read_experiment(path).stacks[0].app == "module:attribute"
    again = bakeoff("init", str(path))
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert bakeoff("init", str(path), "--python", sys.executable, "--force").returncode == 0


def test_the_timeline_shows_who_waited_for_whom() -> None:
    """With one worker, WSGI finishes the cake before it starts the frosting; ASGI interleaves the two."""
    done = bakeoff("timeline", "--stack", "flask-gunicorn-sync", "--stack", "fastapi-uvicorn")
    assert done.returncode == 0, done.stderr
    assert "flask-gunicorn-sync" in done.stdout
    assert "fastapi-uvicorn" in done.stdout
