"""A stack that runs in a container."""

from __future__ import annotations

import time
from pathlib import Path

from bakeoff.model import Stack
from bakeoff.stacks.bounded_http import connected
from bakeoff.stacks.cause import ending
from bakeoff.stacks.cgroup import Cgroup, cgroup_of
from bakeoff.stacks.compose.engine import ContainerState, Engine, EngineError
from bakeoff.stacks.compose.services import PORT
from bakeoff.stacks.protocol import ProcessMemory, StartFailure, Unknown, Usage
from bakeoff.stacks.ready import wait_until_ready

DIRECT_WITHIN_S = 0.5
STOP_WITHIN_S = 1.0
POLL_S = 0.02
ASK_ENGINE_EVERY_S = 1.0
"""While a container starts; each answer of the engine costs tens of milliseconds of CPU time."""
LOG_LINES = 40
CAUSE_LINES = 400
"""Of a log, in which the cause of an end is looked for."""
OUT_OF_MEMORY = "ran out of the memory it may use"


class ContainerStack:
    """A stack that runs in a container; see `RunningStack`."""

    def __init__(self, stack: Stack, engine: Engine, container: str, log: Path, started_s: float) -> None:
        """``container`` is its full id; ``log`` the file to keep its log in; ``started_s`` a monotonic time."""
        self.stack = stack
        self.pid = None
        self._engine = engine
        self._container = container
        self._log = log
        self._started_s = started_s
        state = engine.state(container)
        self._is_published = state.published_port is not None
        self.url = f"http://127.0.0.1:{state.published_port}"
        self._addresses = state.addresses
        self._cgroup = cgroup_of(state.pid, container)
        self._engine_asked_s = time.monotonic()
        self._stop_asked_s: float | None = None

    def wait_ready(self) -> float:
        """Poll until it answers; seconds since its start. Raises `StartFailure`."""
        if not self._is_published:  # It may have ended before the engine was first asked for its port.
            raise StartFailure(self.exit_message() or "its container publishes no port")
        try:
            wait_until_ready(
                self.url, self.stack, self._exit_message_while_starting, self._log_while_starting, self._started_s
            )
        except StartFailure as error:
            raise StartFailure(self.exit_message() or self._why_not_ready(str(error))) from None
        ready_s = time.monotonic() - self._started_s
        self.url = self._direct_url() or self.url
        return ready_s

    def confine(self) -> None:
        """Nothing to do: its service is limited to its CPUs from the start."""

    def extensions(self) -> tuple[str, ...]:
        """Cannot be seen from outside the container."""
        return ()

    def usage(self) -> Usage | Unknown:
        """What its container has used so far."""
        return self._cgroup.usage() if isinstance(self._cgroup, Cgroup) else self._cgroup

    def memory(self) -> dict[int, ProcessMemory]:
        """Not read: its processes belong to another user."""
        return {}

    def exit_message(self) -> str | None:
        """How its container ended; ``None`` while it runs.

        The engine is asked even if the control group has processes: it may still list those of an ended container.
        """
        self._engine_asked_s = time.monotonic()
        state = self._final_state()
        if state is None:
            return "its container was removed"
        if state.running:
            return None
        how = OUT_OF_MEMORY if state.out_of_memory else f"ended with status {state.exit_code}"
        return ending(how, self._read_log("--tail", str(CAUSE_LINES)), self.stack)

    def log_tail(self) -> str:
        """The last lines of its log."""
        return self._read_log("--tail", str(LOG_LINES))

    def ask_to_stop(self) -> None:
        """Send SIGINT, once: gunicorn and uvicorn shut down quickly on it."""
        state = self._state()
        if self._stop_asked_s is not None or state is None or not state.running:
            return
        self._stop_asked_s = time.monotonic()
        try:
            self._engine.run("docker", "kill", "--signal", "SIGINT", self._container)
        except EngineError:
            if self._is_running():
                raise

    def stop(self) -> None:
        """End it, keep its log, and remove its container; the time since `ask_to_stop` counts as its grace."""
        self.ask_to_stop()
        deadline_s = (self._stop_asked_s or 0.0) + STOP_WITHIN_S
        while self._is_running() and time.monotonic() < deadline_s:
            time.sleep(POLL_S)
        self._log.write_text(self._read_log(), "utf-8")
        if self._state() is not None:
            self._engine.run("docker", "rm", "--force", "--volumes", self._container)

    def _exit_message_while_starting(self) -> str | None:
        """`exit_message`; the engine is asked at once when the control group is empty, else once in a while."""
        is_due = time.monotonic() - self._engine_asked_s >= ASK_ENGINE_EVERY_S
        return self.exit_message() if is_due or self._is_empty() else None

    def _log_while_starting(self) -> str:
        """`log_tail` without the port that every container listens on, which is not the one of its URL."""
        return self.log_tail().replace(f":{PORT}", "")

    def _why_not_ready(self, problem: str) -> str:
        """A server that starts each killed worker afresh keeps its container running."""
        state = self._state()
        return f"a process of it {OUT_OF_MEMORY}; {problem}" if state and state.out_of_memory else problem

    def _direct_url(self) -> str | None:
        """The container's own address, if it can be reached: the published port adds the time of a proxy."""
        for address in self._addresses:
            url = f"http://{address}:{PORT}"
            try:
                connected(url, DIRECT_WITHIN_S).close()
                return url
            except OSError:
                continue  # The engine is in a virtual machine, or rootless.
        return None

    def _state(self) -> ContainerState | None:
        """``None`` once the container has been removed."""
        try:
            return self._engine.state(self._container)
        except EngineError as error:
            if "no such container" in str(error).lower():
                return None
            raise

    def _is_running(self) -> bool:
        if isinstance(self._cgroup, Cgroup):
            return self._cgroup.has_processes()
        state = self._state()
        return state is not None and state.running

    def _final_state(self) -> ContainerState | None:
        """Its state; the control group is empty a moment before the engine reports the end."""
        deadline_s = time.monotonic() + STOP_WITHIN_S
        state = self._state()
        while state and state.running and self._is_empty() and time.monotonic() < deadline_s:
            time.sleep(POLL_S)
            state = self._state()
        return state

    def _is_empty(self) -> bool:
        """Whether its control group can be seen and has no processes left."""
        return isinstance(self._cgroup, Cgroup) and not self._cgroup.has_processes()

    def _read_log(self, *options: str) -> str:
        if self._state() is None:
            return ""
        return self._engine.run("docker", "logs", *options, self._container, with_stderr=True)
