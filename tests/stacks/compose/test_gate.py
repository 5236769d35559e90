"""A gate on containers: each revision runs in an image of its own, which is removed at the end."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bakeoff.stacks.compose.engine import Engine

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("nothing_left_over")]

SETTINGS = """
[gate]
stack = "one"
users = 4
closed_s = 0.3
open_s = 0.6
rate_rps = 200
"""


def gate(shop: Path) -> tuple[int, dict[str, Any]]:
    """The exit code and the result of the shop against a copy of it that fails every tenth request."""
    with (shop / "bakeoff.toml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS)
    head = shop / "head"
    head.mkdir()
    for name in ("Dockerfile", "docker-compose.yml"):
        shutil.copy(shop / name, head)
    server = (shop / "server.py").read_text("utf-8")
    failing = server.replace("self.send_response(200)", "self.send_response(500 if next(COUNT) % 10 == 9 else 200)")
    (head / "server.py").write_text(f"import itertools\nCOUNT = itertools.count()\n{failing}", "utf-8")
    command = [sys.executable, "-m", "bakeoff", "gate", "--backend", "compose", "--base", ".", "--head", "head"]
    process = subprocess.run(command, cwd=shop, capture_output=True, text=True, timeout=180, check=False)
    (path,) = shop.glob("results/*-gate/summary.json")
    return process.returncode, json.loads(path.read_text("utf-8"))["gate"]


def images(engine: Engine) -> set[str]:
    """All images that have a name."""
    return set(engine.run("docker", "images", "--format", "{{.Repository}}").split())


def test_each_revision_runs_in_an_image_of_its_own(engine: Engine, shop: Path) -> None:
    """The head's container fails requests, the base's does not; neither image is kept."""
    before = images(engine)
    exit_code, result = gate(shop)
    assert (exit_code, result["verdict"]) == (1, "regression")
    assert result["errors"]["base"]["errors"] == 0
    assert result["errors"]["head"]["errors"] > 0
    assert images(engine) == before
    logs = {path.name for path in shop.glob("results/*-gate/blocks/0001/*.log")}
    assert logs == {"base.log", "head.log"}
