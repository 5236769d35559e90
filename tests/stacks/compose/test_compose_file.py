"""docker-compose.yml and the image, seen from inside their containers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bakeoff.stacks.compose.engine import Engine, EngineError
from tests.stacks.compose.conftest import ROOT

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("nothing_left_over")]

FILE = ROOT / "docker-compose.yml"
PROJECT = "bakeoff-tests"
INSPECT = """
import json, os, pathlib
text = lambda *paths: next((p.read_text().strip() for p in map(pathlib.Path, paths) if p.exists()), None)
status = dict(line.split(":\\t", 1) for line in text("/proc/self/status").splitlines() if ":\\t" in line)
group = "/sys/fs/cgroup"
def writable(path):
    try: pathlib.Path(path, "x").write_text("")
    except OSError: return False
    return True
print(json.dumps({
    "cpus": status["Cpus_allowed_list"],
    "memory": text(f"{group}/memory/memory.limit_in_bytes", f"{group}/memory.max"),
    "pids": text(f"{group}/pids/pids.max", f"{group}/pids.max"),
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    "no_new_privileges": status["NoNewPrivs"],
    "user": os.getuid(),
    "writable": [path for path in ("/", "/srv", "/opt/venv", "/tmp") if writable(path)],
    "tools": [name for name in ("gcc", "cc", "make", "pip3.13") if os.system(f"command -v {name} >/dev/null") == 0],
    "packages": sorted(path.name for path in pathlib.Path("/opt/venv/bin").glob("pip*")),
}))
"""

Compose = Callable[..., str]


@pytest.fixture
def compose(engine: Engine) -> Iterator[Compose]:
    """Runs Compose on docker-compose.yml as a project that is taken down at the end."""

    def run(*arguments: str) -> str:
        command = engine.compose_command(PROJECT, FILE, *arguments)
        return engine.run(*command, within_s=600, with_stderr=True)

    yield run
    run("--profile", "all", "--profile", "load", "down", "--volumes", "--timeout", "1")


@pytest.mark.parametrize("command", [("docker", "compose"), ("docker-compose",)], ids=" ".join)
def test_the_file_is_valid_for_both_versions_of_compose(engine: Engine, command: tuple[str, ...]) -> None:
    try:
        engine.run(*command, "version")
    except (EngineError, FileNotFoundError):
        pytest.skip(f"{' '.join(command)} is not installed")
    engine.run(*command, "--file", str(FILE), "config", "--quiet")


def test_every_stack_has_the_same_limits_and_no_capabilities_and_is_healthy(engine: Engine, compose: Compose) -> None:
    names = ["flask-gunicorn-sync", "flask-gunicorn-gthread", "fastapi-uvicorn", "fastapi-gunicorn-asgi"]
    compose("--profile", "all", "up", "--detach")
    containers = [container for name in names for container in engine.containers(PROJECT, name)]
    assert len(containers) == len(names)
    inside = [json.loads(engine.run("docker", "exec", container, "python", "-c", INSPECT)) for container in containers]
    assert inside == [
        {
            "cpus": "0",
            "memory": str(512 * 2**20),
            "pids": "256",
            "capabilities": 0,
            "no_new_privileges": "1",
            "user": 10001,
            "writable": ["/tmp"],
            "tools": [],
            "packages": [],
        }
    ] * len(names)
    for container in containers:
        assert _health(engine, container) == "healthy"


def _health(engine: Engine, container: str) -> str:
    """The result of its first health check."""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        status = engine.run("docker", "inspect", "--format", "{{.State.Health.Status}}", container).strip()
        if status != "starting":
            return status
        time.sleep(0.1)
    return "starting"


def test_up_without_profiles_starts_two_stacks(engine: Engine, compose: Compose) -> None:
    compose("up", "--detach")
    label = f"label=com.docker.compose.project={PROJECT}"
    service = '{{.Label "com.docker.compose.service"}}'
    running = engine.run("docker", "ps", "--filter", label, "--format", service).split()
    assert sorted(running) == ["fastapi-uvicorn", "flask-gunicorn-sync"]


def test_locust_scales_and_loads_a_stack(compose: Compose) -> None:
    """Two workers connect to the master, and their users are served."""
    compose("--profile", "load", "build", "master")
    compose("--profile", "load", "up", "--detach", "--scale", "worker=2")
    _stats_once(lambda stats: stats["worker_count"] == 2)
    form = b"user_count=8&spawn_rate=8&host=http://fastapi-uvicorn:8000"
    urllib.request.urlopen("http://127.0.0.1:8089/swarm", form, timeout=10).close()
    stats = _stats_once(lambda stats: stats["total_rps"] > 0)
    assert stats["fail_ratio"] == 0


def _stats_once(condition: Callable[[Any], bool]) -> Any:
    """The master's statistics, once a condition holds."""
    deadline_s = time.monotonic() + 60
    stats: Any = None
    while time.monotonic() < deadline_s:
        try:
            with urllib.request.urlopen("http://127.0.0.1:8089/stats/requests", timeout=5) as answer:
                stats = json.load(answer)
        except OSError:
            stats = None
        if stats and condition(stats):
            return stats
        time.sleep(0.1)
    raise AssertionError(f"the master's statistics are {stats}")


@pytest.mark.parametrize("buildkit", ["0", "1"], ids=["classic", "BuildKit"])
def test_both_builders_make_a_small_image(engine: Engine, buildkit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Little but the apps' packages is added to the base image."""
    monkeypatch.setenv("DOCKER_BUILDKIT", buildkit)
    base = _base(engine)
    image = _built(["build", "--quiet", "--file", "apps/Dockerfile", "--build-arg", f"BASE={base}", "."])
    added = _size(engine, image) - _size(engine, base)
    assert added < 80e6, "the packages of the apps alone are about 45 MB"
    history = engine.run("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    assert "pip install" not in history


def _built(arguments: list[str]) -> str:
    """The image built by the first client that can: for BuildKit, newer clients need a plugin, older ones do not."""
    folders = os.get_exec_path()
    clients = [client for folder in folders if (client := shutil.which("docker", path=folder))]
    for client in clients:
        process = subprocess.run([client, *arguments], cwd=ROOT, capture_output=True, text=True)
        if not process.returncode:
            return process.stdout.strip().splitlines()[-1]
        assert "buildx" in process.stderr, process.stderr
    pytest.skip("BuildKit needs the buildx plugin, or a client older than 23")


def _base(engine: Engine) -> str:
    """The base image that the Compose file names."""
    document = engine.resolved(FILE, PROJECT)
    return str(document["services"]["fastapi-uvicorn"]["build"]["args"]["BASE"])


def _size(engine: Engine, image: str) -> int:
    return int(engine.run("docker", "image", "inspect", "--format", "{{.Size}}", image))
