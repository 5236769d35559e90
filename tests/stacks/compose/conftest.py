"""A container engine, a folder with an experiment of a user's own, and a check that nothing is left running."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakeoff.model import UserError
from bakeoff.stacks.compose.engine import Engine, find_engine
from tests.stacks.compose.shop import COMPOSE, DOCKERFILE, EXPERIMENT, SERVER, Bakeoff, left

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine of this machine, with the image of the apps built."""
    try:
        engine = find_engine()
    except UserError as error:
        pytest.skip(f"{error}; .ci/containers starts an engine and runs these tests")
    build = engine.compose_command("bakeoff-tests", ROOT / "docker-compose.yml", "build", "fastapi-uvicorn")
    engine.run(*build, within_s=600, with_stderr=True)
    return engine


@pytest.fixture
def shop(engine: Engine, tmp_path: Path) -> Path:
    """A folder with a server, its Dockerfile, a Compose file and an experiment."""
    (tmp_path / "server.py").write_text(SERVER, "utf-8")
    (tmp_path / "Dockerfile").write_text(DOCKERFILE, "utf-8")
    (tmp_path / "docker-compose.yml").write_text(COMPOSE, "utf-8")
    (tmp_path / "bakeoff.toml").write_text(EXPERIMENT, "utf-8")
    return tmp_path


@pytest.fixture
def alone() -> Iterator[None]:
    """One test at a time uses the engine, however many processes run tests: each compares all that the engine keeps."""
    with (Path(tempfile.gettempdir()) / "bakeoff-tests-containers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def nothing_left_over(alone: None, engine: Engine) -> Iterator[None]:
    """No container, network or volume outlives a test."""
    before = left(engine)
    yield
    assert left(engine) - before == set()  # An image that another process builds may have had a container before.


@pytest.fixture
def bakeoff(shop: Path) -> Iterator[Bakeoff]:
    """Starts ``bakeoff run --backend compose`` in the shop; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "bakeoff", "run", "--backend", "compose", "--profile", "smoke", *arguments]
        process = subprocess.Popen(
            command, cwd=shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
