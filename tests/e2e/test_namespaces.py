"""Three hosts: stacks and master in one network namespace, a worker in each of two others, over a bridge."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("ip") is None, reason="needs the ip command (Debian: iproute2)"),
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to make network namespaces"
    ),
]

MASTER = "10.77.0.1"
WORKERS = ("10.77.0.2", "10.77.0.3")
TOKEN = "a token of sixteen characters"

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.wfile.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\n\\r\\ncake")
        with open("asked.log", "a") as log:
            print(self.client_address[0], self.path, file=log)
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""

EXPERIMENT = f'''
[experiment]
name = "hosts"
loads = [{{ users = 4, think_s = 0.01 }}, {{ rate = 100 }}]
blocks = 2
passes = 1
slice_s = 2.0
warmup_s = 0.2

[scenarios.shop]
locustfile = "shop.py"

[stacks.one]
command = ["{sys.executable}", "server.py", "{{host}}", "{{port}}"]
'''

SHOP = """
from bakeoff.load import BakeoffUser, task

class Customer(BakeoffUser):
    @task
    def cake(self):
        self.client.get("/cake")
"""


def ip(*arguments: str) -> str:
    """Run the ip command."""
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


@dataclass
class Host:
    """A network namespace and its folder."""

    namespace: str
    folder: Path

    def bakeoff(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command there."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, sys.executable, "-m", "bakeoff", *arguments],
            cwd=self.folder,
            env={**os.environ, "BAKEOFF_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def pids(self) -> list[int]:
        """The processes in the namespace."""
        return [int(pid) for pid in ip("netns", "pids", self.namespace).split()]


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[list[Host]]:
    """One host for the master, and two for workers, which can reach only the master."""
    names = [f"bakeoff-{os.getpid()}-{number}" for number in range(3)]
    made: list[Host] = []
    try:
        for name in names:
            ip("netns", "add", name)
            folder = tmp_path / name[-1]
            folder.mkdir()
            (folder / "shop.py").write_text(SHOP, "utf-8")
            made.append(Host(name, folder))
        _connect(names)
        yield made
    finally:
        for host in made:
            for pid in host.pids:
                os.kill(pid, signal.SIGKILL)
            ip("netns", "delete", host.namespace)


def _connect(names: list[str]) -> None:
    master, *workers = names
    ip("-n", master, "link", "add", "bridge", "type", "bridge")
    for number, (worker, address) in enumerate(zip(workers, WORKERS, strict=True)):
        port = f"port{number}"
        ip("-n", master, "link", "add", port, "type", "veth", "peer", "name", "eth", "netns", worker)
        ip("-n", master, "link", "set", port, "master", "bridge", "up")
        ip("-n", worker, "address", "add", f"{address}/24", "dev", "eth")
        ip("-n", worker, "link", "set", "eth", "up")
    ip("-n", master, "address", "add", f"{MASTER}/24", "dev", "bridge")
    for device in ("bridge", "lo"):
        ip("-n", master, "link", "set", device, "up")


def records_of(folder: Path) -> list[Any]:
    """Every record of the only run, in the order in which they were measured."""
    paths = sorted(folder.glob("results/*/blocks/*/record.json"))
    return [record for path in paths for record in json.loads(path.read_text("utf-8"))["records"]]


def wait_for_load(folder: Path) -> set[str]:
    """Wait until the stack has received more requests than before a slice; the addresses that sent them."""
    log = folder / "asked.log"
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        asking = {line.split()[0] for line in lines if line.endswith("/cake")}
        if len(lines) > 40 and asking.issuperset(WORKERS):
            return asking
        time.sleep(0.02)
    raise AssertionError("no load arrived")


@pytest.fixture
def run(hosts: list[Host]) -> Iterator[list[subprocess.Popen[str]]]:
    """A run on the first host, and a worker on each of the others."""
    master, *others = hosts
    (master.folder / "server.py").write_text(SERVER, "utf-8")
    (master.folder / "bakeoff.toml").write_text(EXPERIMENT, "utf-8")
    started = [master.bakeoff("run", "--workers", "2", "--listen", f"{MASTER}:5557", "--seed", "1")]
    started += [worker.bakeoff("worker", "--master", f"{MASTER}:5557") for worker in others]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def kill(host: Host, worker: subprocess.Popen[str]) -> None:
    """Kill the command."""
    worker.kill()


def cut_off(host: Host, worker: subprocess.Popen[str]) -> None:
    """Cut its network: it runs on, but cannot be reached."""
    ip("-n", host.namespace, "link", "set", "eth", "down")


@pytest.mark.parametrize(("strike", "message"), [(kill, "worker "), (cut_off, "has been silent for 5 s")])
def test_a_worker_that_is_lost_in_a_slice_voids_it_and_no_other(
    hosts: list[Host],
    run: list[subprocess.Popen[str]],
    strike: Callable[[Host, subprocess.Popen[str]], None],
    message: str,
) -> None:
    """The record says why. The other worker drives the rest, and ends with the run; the lost one ends too."""
    wait_for_load(hosts[0].folder)
    strike(hosts[1], run[1])
    output, _ = run[0].communicate(timeout=120)
    first, *others = records_of(hosts[0].folder)
    assert first["failure"]["stage"] == "load"
    assert message in first["failure"]["message"]
    assert first["tallies"] == []
    assert [(record["failure"], record["generator"]["generators"]) for record in others] == [(None, 1)] * 3
    assert "joined (2 of 2)" in output
    assert "Traceback" not in output
    said, _ = run[2].communicate(timeout=20)
    assert run[2].returncode == 0
    assert "the run is over" in said
    run[1].communicate(timeout=60)
    assert [host.pids for host in hosts] == [[], [], []]


@pytest.mark.parametrize("interrupted", [0, 1], ids=["the run", "a worker"])
def test_an_interrupt_on_either_side_leaves_nothing_behind(
    hosts: list[Host], run: list[subprocess.Popen[str]], interrupted: int
) -> None:
    """Ctrl-C in the middle of a slice: that side ends, and the other is told at once."""
    wait_for_load(hosts[0].folder)
    run[interrupted].send_signal(signal.SIGINT)
    said, _ = run[interrupted].communicate(timeout=20)
    assert run[interrupted].returncode == 3
    assert "interrupted" in said
    if interrupted:
        output, _ = run[0].communicate(timeout=120)
        assert "left: it was interrupted" in output
    for other in run[1:]:
        other.communicate(timeout=20)
    assert [host.pids for host in hosts] == [[], [], []]
