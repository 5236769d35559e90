"""The files of a shop that is measured in containers, and helpers to look at its runs."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bakeoff.stacks.compose.engine import Engine

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"cake")
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
"""Logs a line for each request, which shows when a slice is under way. Each answer is sent in one piece."""

DOCKERFILE = "FROM bakeoff-apps\nCOPY server.py /srv/\n"

COMPOSE = """
services:
  one:
    image: bakeoff-test
    build: .
    mem_limit: 96m
    volumes: ["data:/data"]
    ports: ["127.0.0.1:8001:8000"]
    depends_on: [pantry]
  pantry:
    image: bakeoff-apps
    command: [sleep, infinity]
    stop_signal: SIGKILL
    healthcheck: {disable: true}
volumes:
  data:
"""

EXPERIMENT = """
[experiment]
name = "shop"
loads = [{ stages = [{ rate = 100, for_s = 2 }] }]
warmup_s = 0.1

[scenarios.front]
requests = [{ get = "/" }]

[stacks.one]
command = ["python", "-u", "server.py", "{host}", "{port}"]

[stacks.two]
command = ["python", "-u", "server.py", "{host}", "{port}"]
"""
"""One stack has a service in the Compose file, the other has none."""


def left(engine: Engine) -> set[str]:
    """All containers, networks and volumes of the engine."""
    commands = {"container": ("ps", "--all"), "network": ("network", "ls"), "volume": ("volume", "ls")}
    return {
        f"{kind} {name}"
        for kind, command in commands.items()
        for name in engine.run("docker", *command, "--quiet").split()
    }


Bakeoff = Callable[..., "subprocess.Popen[str]"]


def serving(engine: Engine, running: subprocess.Popen[str], service: str, requests: int = 30) -> str:
    """The container of a service, as soon as a slice of it is under way."""
    deadline_s = time.monotonic() + 90
    while time.monotonic() < deadline_s:
        assert running.poll() is None, running.communicate()
        filters = ("--filter", f"label=com.docker.compose.service={service}")
        for container in engine.run("docker", "ps", "--quiet", *filters).split():
            if engine.run("docker", "logs", container, with_stderr=True).count("\n") >= requests:
                return container
        time.sleep(0.05)
    raise AssertionError(f"{service} got no requests")


def summary_of(folder: Path) -> Any:
    """The summary of the only run."""
    (path,) = folder.glob("results/*/summary.json")
    return json.loads(path.read_text("utf-8"))


def records_of(folder: Path) -> dict[str, Any]:
    """The records of the only block, by stack."""
    (path,) = folder.glob("results/*/blocks/0000/record.json")
    return {record["stack"]: record for record in json.loads(path.read_text("utf-8"))["records"]}
