"""Stacks as processes on this machine, each in a session of its own, all pinned to the same CPUs."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bakeoff import servers
from bakeoff.backends import StartFailure, launch
from bakeoff.backends.extensions import loaded_by
from bakeoff.backends.usage import Usage, confine_session, session_pids, usage_of_session
from bakeoff.model import Block, Stack

HOST = "127.0.0.1"
READY_WITHIN_S = 30.0
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

    def __init__(self, cpus: Sequence[int], python: str = sys.executable) -> None:
        """``cpus`` is what every stack is pinned to (empty: anywhere); ``python`` runs the servers."""
        self._cpus = tuple(cpus)
        self._python = python

    def start(self, stack: Stack, block: Block, logs: Path) -> LocalStack:
        """Start a stack, without waiting until it is ready. Raises `StartFailure` when there is no port for it."""
        port = stack.port or _free_port(random.Random(f"{block.port_seed}/{stack.name}"))
        if stack.port and not _is_free(stack.port):
            raise StartFailure(f"port {stack.port} is taken; free it, or leave out port to have one drawn")
        command = _command(stack, port, self._python)
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
        return LocalStack(stack, process, port, log, self._cpus)


class LocalStack:
    """A stack that runs as one or more processes in one session."""

    def __init__(
        self, stack: Stack, process: subprocess.Popen[bytes], port: int, log: Path, cpus: Sequence[int]
    ) -> None:
        self.stack = stack
        self.url = f"http://{HOST}:{port}"
        self._process = process
        self._port = port
        self._log = log
        self._cpus = cpus
        self._started_s = time.monotonic()
        self._asked_s = 0.0

    def wait_ready(self) -> float:
        """Poll until the stack answers 200 on its ready path; seconds since its start. Raises `StartFailure`."""
        problem = "it never listened"
        while time.monotonic() - self._started_s < READY_WITHIN_S:
            ended = self.exit_message()
            if ended:
                raise StartFailure(ended)
            try:
                status = _status(self._port, self.stack.ready)
            except (OSError, http.client.HTTPException) as error:
                problem = str(error) or type(error).__name__
            else:
                if status == 200:
                    return time.monotonic() - self._started_s
                problem = f"GET {self.stack.ready} answered {status}, not 200; set ready to a path that does"
            time.sleep(POLL_S)
        raise StartFailure(f"not ready within {READY_WITHIN_S:g} s: {problem}")

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


def _command(stack: Stack, port: int, python: str) -> list[str]:
    if stack.command:
        return [part.replace("{host}", HOST).replace("{port}", str(port)) for part in stack.command]
    assert stack.server is not None
    return servers.adapter(stack.server).command(stack, HOST, port, python)


def _environment(stack: Stack, block: Block) -> dict[str, str]:
    foreign = FOREIGN_SETTINGS + (servers.adapter(stack.server).ENVIRONMENT if stack.server else ())
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    # PYTHONHASHSEED takes 0 to 4294967295; unbuffered, so that the log holds the last words of a server that dies.
    return {**inherited, "PYTHONHASHSEED": str(block.hash_seed), "PYTHONUNBUFFERED": "1", **stack.env}


def _free_port(rng: random.Random) -> int:
    for port in rng.sample(PORTS, k=200):
        if _is_free(port):
            return port
    raise StartFailure(f"no free port between {PORTS.start} and {PORTS.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection(HOST, port, timeout=2.0)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()
