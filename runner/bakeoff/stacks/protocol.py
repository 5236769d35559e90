"""What every backend provides: it starts stacks, says where they listen and what they use, and stops them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bakeoff.model import Block, Stack


class StartFailure(Exception):
    """A stack did not start, was not ready in time, or could not be pinned to its CPUs.

    This is a result: it is recorded, and the run goes on.
    """


@dataclass(frozen=True)
class Usage:
    """What the processes of a stack have used since they started, and what they hold now."""

    cpu_s: float
    rss_bytes: int
    processes: int
    threads: int
    cpu_s_by_pid: Mapping[int, float] = field(default_factory=dict, compare=False)
    """The CPU time of each process; empty where processes cannot be told apart."""


@dataclass(frozen=True)
class ProcessMemory:
    """What one process holds now (``/proc/PID/smaps_rollup``, proc_pid_smaps(5))."""

    pss_bytes: int
    """A page that several processes map counts as a part for each of them."""
    private_bytes: int
    """Pages that no other process maps."""


@dataclass(frozen=True)
class Unknown:
    """In place of a value that cannot be read from here, and why."""

    reason: str
    """A clause about the stack, such as ``it runs elsewhere``."""


class RunningStack(Protocol):
    """A stack that was started."""

    stack: Stack
    url: str
    """Where it listens; final once `wait_ready` has returned."""

    @property
    def pid(self) -> int | None:
        """The ancestor of all its processes; ``None`` unless they are processes of this machine."""

    def wait_ready(self) -> float:
        """Wait until it answers, on its ready path with success; seconds since its start. Raises `StartFailure`."""

    def confine(self) -> None:
        """Pin its processes to the CPUs of the servers, if that has not happened at its start.

        Raises `StartFailure` when they cannot all be pinned.
        """

    def extensions(self) -> tuple[str, ...]:
        """Packages whose compiled extensions its processes have loaded, sorted; empty if that cannot be seen."""

    def usage(self) -> Usage | Unknown:
        """What its processes have used so far."""

    def memory(self) -> Mapping[int, ProcessMemory]:
        """What each of its processes holds now, by pid; empty where that cannot be seen. Takes milliseconds."""

    def exit_message(self) -> str | None:
        """How it ended; ``None`` while it runs."""

    def log_tail(self) -> str:
        """The last lines of its log."""

    def ask_to_stop(self) -> None:
        """Send it a stop signal, once, and return at once."""

    def stop(self) -> None:
        """End it and wait until it is gone; the time since `ask_to_stop` counts as its grace."""


class Backend(Protocol):
    """A place where stacks run."""

    def start(self, stack: Stack, block: Block, logs: Path) -> RunningStack:
        """Start a stack without waiting until it is ready, its log under ``logs``. Raises `StartFailure`."""
