"""Stacks as processes of this machine, each in its own session, all pinned to the same CPUs."""

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
from bakeoff.stacks import die_with_parent, servers
from bakeoff.stacks.cause import ending, restarts
from bakeoff.stacks.protocol import ProcessMemory, StartFailure, Unknown, Usage
from bakeoff.stacks.ready import wait_until_ready
from bakeoff.stacks.session import (
    confine_session,
    loaded_extensions,
    memory_of_session,
    session_pids,
    usage_of_session,
)

HOST = "127.0.0.1"
POLL_S = 0.02
STOP_WITHIN_S = 0.7
"""Grace before a stack is killed. gunicorn's asgi worker checks for the signal once a second; it is not waited for."""
GONE_WITHIN_S = 5.0
LOG_LINES = 40
CAUSE_LINES = 400
"""Of a log, in which the cause of an end is looked for."""
PORTS = range(20_000, 30_000)
"""Below Linux's range of outgoing ports (from 32768), so that no client's port collides."""

DROPPED_VARIABLES = ("PYTHONHASHSEED", "LOCUST_", "BAKEOFF_TOKEN")
"""Prefixes of environment variables that stacks do not inherit, besides those of their servers."""


class LocalBackend:
    """Starts stacks as processes."""

    def __init__(self, cpus: Sequence[int], host: str = HOST, versions: Mapping[str, str] | None = None) -> None:
        """All stacks are pinned to ``cpus`` (none: any) and listen on ``host``, an address of this machine.

        ``versions`` has the version of each stack's server by the stack's name, where it is known.
        """
        self._cpus = tuple(cpus)
        self._host = host
        self._versions = versions or {}

    def start(self, stack: Stack, block: Block, logs: Path) -> LocalStack:
        """Start a stack without waiting until it is ready. Raises `StartFailure` when there is no free port."""
        port = stack.port or _free_port(self._host, random.Random(f"{block.port_seed}/{stack.name}"))
        if stack.port and not _is_free(self._host, stack.port):
            raise StartFailure(f"port {stack.port} is in use; free it, or remove port to use a random one")
        version = self._versions.get(stack.name)
        command = servers.command_line(stack, self._host, port, stack.python or sys.executable, version)
        log = logs / f"{stack.name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid()), *command],
                cwd=stack.directory,
                env=_environment(stack, block),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return LocalStack(stack, process, f"http://{self._host}:{port}", log, self._cpus)


class LocalStack:
    """A stack that runs as one or more processes of one session; see `RunningStack`."""

    def __init__(
        self, stack: Stack, process: subprocess.Popen[bytes], url: str, log: Path, cpus: Sequence[int]
    ) -> None:
        """``process`` leads the session and has just been started."""
        self.stack = stack
        self.url = url
        self.pid = process.pid
        self._process = process
        self._log = log
        self._cpus = cpus
        self._started_s = time.monotonic()
        self._log_bytes = 0
        self._stop_asked_s: float | None = None

    def wait_ready(self) -> float:
        """Poll until it answers; seconds since its start. Raises `StartFailure`."""
        wait_until_ready(self.url, self.stack, self._exit_message_while_starting, self.log_tail, self._started_s)
        return time.monotonic() - self._started_s

    def confine(self) -> None:
        """Pin its processes to its CPUs; until now they ran on any, which makes starting faster.

        Raises `StartFailure` when they cannot all be pinned.
        """
        if self._cpus:
            confine_session(self.pid, self._cpus)

    def extensions(self) -> tuple[str, ...]:
        """The packages whose compiled extensions its processes have loaded."""
        return loaded_extensions(session_pids(self.pid))

    def usage(self) -> Usage | Unknown:
        """What its processes have used so far; unknown where ``/proc`` hides them."""
        usage = usage_of_session(self.pid)
        if isinstance(usage, Usage) and not usage.processes and self._process.poll() is None:
            return Unknown("its processes cannot be seen in /proc, which may be mounted with hidepid")
        return usage

    def memory(self) -> dict[int, ProcessMemory]:
        """What each of its processes holds now; empty where there is no ``/proc`` (macOS)."""
        return memory_of_session(self.pid)

    def exit_message(self) -> str | None:
        """How its first process ended, and why, as its log tells; ``None`` while it runs."""
        status = self._process.poll()
        if status is None:
            return None
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return ending(how, self._log_end(CAUSE_LINES), self.stack)

    def _exit_message_while_starting(self) -> str | None:
        """`exit_message`, also when only its workers end, each started again by the first process."""
        size_bytes = self._log.stat().st_size
        if message := self.exit_message():
            return message
        if size_bytes == self._log_bytes:
            return None
        self._log_bytes = size_bytes
        return restarts(self._log_end(CAUSE_LINES), self.stack)

    def log_tail(self) -> str:
        """The last lines of its log."""
        return self._log_end(LOG_LINES)

    def _log_end(self, lines: int) -> str:
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-lines:])

    def ask_to_stop(self) -> None:
        """Send SIGINT, once: gunicorn and uvicorn shut down quickly on it."""
        if self._stop_asked_s is None and self._process.poll() is None:
            self._stop_asked_s = time.monotonic()
            self._process.send_signal(signal.SIGINT)

    def stop(self) -> None:
        """End every process of its session and wait until they are gone; the time since `ask_to_stop` is its grace."""
        self.ask_to_stop()
        left_s = (self._stop_asked_s or 0.0) + STOP_WITHIN_S - time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=max(0.0, left_s))
        deadline_s = time.monotonic() + GONE_WITHIN_S
        while self._kill_session() and time.monotonic() < deadline_s:
            time.sleep(POLL_S)
        self._process.wait()

    def _kill_session(self) -> bool:
        """Kill what is left of the session; returns whether anything was.

        On Linux the session's id is not reused while a member lives; elsewhere only the leader tells its members.
        """
        can_list = sys.platform == "linux" or self._process.poll() is None
        pids = session_pids(self.pid) if can_list else []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(pids)


def _environment(stack: Stack, block: Block) -> dict[str, str]:
    dropped = DROPPED_VARIABLES + (servers.adapter(stack.server).ENVIRONMENT if stack.server else ())
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    # Unbuffered, so that the log has the last lines of a server that dies.
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
