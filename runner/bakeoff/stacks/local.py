"""Stacks as processes on this machine, each in a session of its own, all pinned to the same CPUs."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bakeoff.model import Block, Stack
from bakeoff.stacks import StartFailure, launch, servers
from bakeoff.stacks.extensions import loaded_by
from bakeoff.stacks.ready import wait_until_ready
from bakeoff.stacks.usage import Usage, confine_session, session_pids, usage_of_session

HOST = "127.0.0.1"
POLL_S = 0.02
STOP_WITHIN_S = 0.7
"""How long a stack has to end by itself. gunicorn's asgi worker looks up once a second; it is not waited for."""
GONE_WITHIN_S = 5.0
LOG_LINES = 20
PORTS = range(20_000, 30_000)
"""Below the range that Linux draws outgoing ports from (32768 on), so that no client's port is in the way."""

FOREIGN_SETTINGS = ("PYTHONHASHSEED", "LOCUST_")
"""Environment variables, besides those of the servers, that would change a stack behind the experiment's back."""


class LocalBackend:
    """Starts stacks as processes."""

    def __init__(self, cpus: Sequence[int], python: str = sys.executable, host: str = HOST) -> None:
        """``cpus`` is what every stack is pinned to (empty: anywhere); ``python`` runs the servers.

        They listen on ``host``, an address of this machine.
        """
        self._cpus = tuple(cpus)
        self._python = python
        self._host = host

    def start(self, stack: Stack, block: Block, logs: Path) -> LocalStack:
        """Start a stack, without waiting until it is ready. Raises `StartFailure` when there is no port for it."""
        port = stack.port or _free_port(self._host, random.Random(f"{block.port_seed}/{stack.name}"))
        if stack.port and not _is_free(self._host, stack.port):
            raise StartFailure(f"port {stack.port} is taken; free it, or leave out port to have one drawn")
        command = _command(stack, self._host, port, stack.python or self._python)
        log = logs / f"{stack.name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *command],
                cwd=stack.directory,
                env=_environment(stack, block),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return LocalStack(stack, process, (self._host, port), log, self._cpus)


class LocalStack:
    """A stack that runs as one or more processes in one session."""

    def __init__(
        self, stack: Stack, process: subprocess.Popen[bytes], address: tuple[str, int], log: Path, cpus: Sequence[int]
    ) -> None:
        self.stack = stack
        self.url = "http://{}:{}".format(*address)
        self.pid = process.pid
        self._process = process
        self._log = log
        self._cpus = cpus
        self._started_s = time.monotonic()
        self._asked_s = 0.0

    def wait_ready(self) -> float:
        """Poll until the stack answers 200 on its ready path; seconds since its start. Raises `StartFailure`."""
        wait_until_ready(self.url, self.stack.ready, self.exit_message)
        return time.monotonic() - self._started_s

    def confine(self) -> None:
        """Keep it to its CPUs from now on; it may start up on any, which is faster."""
        if self._cpus:
            confine_session(self._process.pid, self._cpus)

    def extensions(self) -> tuple[str, ...]:
        """The packages with compiled parts that its processes have loaded."""
        return loaded_by(session_pids(self._process.pid))

    def usage(self) -> Usage:
        """What its processes have used so far."""
        return usage_of_session(self._process.pid)

    def exit_message(self) -> str | None:
        """How it ended, if it did."""
        status = self._process.poll()
        if status is None:
            return None
        last = self.log_tail().strip().splitlines()[-1:]
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return f"{how}: {last[0].strip()}" if last else how

    def log_tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:])

    def ask_to_stop(self) -> None:
        """Ask it once to end soon. gunicorn and uvicorn take SIGINT for a quick shutdown."""
        if self._asked_s == 0.0 and self._process.poll() is None:
            self._asked_s = time.monotonic()
            self._process.send_signal(signal.SIGINT)

    def stop(self) -> None:
        """End it and every process of its session, and wait until they are gone. Asked before, it has had its time."""
        self.ask_to_stop()
        left_s = self._asked_s + STOP_WITHIN_S - time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=max(0.0, left_s))
        deadline_s = time.monotonic() + GONE_WITHIN_S
        while self._kill_session() and time.monotonic() < deadline_s:
            time.sleep(POLL_S)
        self._process.wait()

    def _kill_session(self) -> bool:
        """Kill what is left of the session; whether there was anything. Its id stays taken while a member lives."""
        left = session_pids(self._process.pid) if sys.platform == "linux" or self._process.poll() is None else []
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return bool(left)


def _command(stack: Stack, host: str, port: int, python: str) -> list[str]:
    if stack.command:
        filled = {"{host}": host, "{port}": str(port), "{python}": python}
        return [_filled(part, filled) for part in stack.command]
    assert stack.server is not None
    return servers.adapter(stack.server).command(stack, host, port, python)


def _filled(text: str, values: Mapping[str, str]) -> str:
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text


def _environment(stack: Stack, block: Block) -> dict[str, str]:
    foreign = FOREIGN_SETTINGS + (servers.adapter(stack.server).ENVIRONMENT if stack.server else ())
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    # PYTHONHASHSEED takes 0 to 4294967295; unbuffered, so that the log holds the last words of a server that dies.
    return {**inherited, "PYTHONHASHSEED": str(block.hash_seed), "PYTHONUNBUFFERED": "1", **stack.env}


def _free_port(host: str, rng: random.Random) -> int:
    for port in rng.sample(PORTS, k=200):
        if _is_free(host, port):
            return port
    raise StartFailure(f"no free port between {PORTS.start} and {PORTS.stop}")


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
