"""A shop to compare in containers: its files, what a run of it leaves, and what is left of a project."""

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
"""Logs a line for each request, which tells when a slice is under way. An answer leaves in one piece."""

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
"""One stack has a service, the other is in this file only."""


def left(engine: Engine) -> set[str]:
    """Everything that the engine keeps, but images."""
    kinds = {"ps": ("ps", "--all"), "network": ("network", "ls"), "volume": ("volume", "ls")}
    return {f"{kind} {one}" for kind, verb in kinds.items() for one in engine.run("docker", *verb, "--quiet").split()}


Bakeoff = Callable[..., "subprocess.Popen[str]"]


def serving(engine: Engine, running: subprocess.Popen[str], service: str, requests: int = 30) -> str:
    """Wait until a slice of a service is under way; its container."""
    deadline_s = time.monotonic() + 90
    while time.monotonic() < deadline_s:
        assert running.poll() is None, running.communicate()
        filters = ("--filter", f"label=com.docker.compose.service={service}")
        for container in engine.run("docker", "ps", "--quiet", *filters).split():
            if engine.run("docker", "logs", container, with_stderr=True).count("\n") >= requests:
                return container
        time.sleep(0.05)
    raise AssertionError(f"{service} was never asked")


def summary_of(folder: Path) -> Any:
    """The only run's summary."""
    (path,) = folder.glob("results/*/summary.json")
    return json.loads(path.read_text("utf-8"))


def records_of(folder: Path) -> dict[str, Any]:
    """The only block's records, by stack."""
    (path,) = folder.glob("results/*/blocks/0000/record.json")
    return {record["stack"]: record for record in json.loads(path.read_text("utf-8"))["records"]}
