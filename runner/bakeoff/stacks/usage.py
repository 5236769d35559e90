"""What a group of processes has used: CPU time, to the nanosecond on Linux, and memory."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

_PROC = Path("/proc")
_OF_SCHEDULER = 2
"""``CPUCLOCK_SCHED``: time as the scheduler counts it, to the nanosecond, not in ticks."""


@dataclass(frozen=True)
class Usage:
    """Totals since the processes started, and what they hold now."""

    cpu_s: float
    rss_bytes: int
    processes: int
    threads: int


@dataclass(frozen=True)
class Unknown:
    """In place of a `Usage` that nobody can see."""

    reason: str


def usage_of_session(leader_pid: int) -> Usage:
    """The use of every living process in the session that ``leader_pid`` leads."""
    pids = session_pids(leader_pid)
    if sys.platform != "linux":
        return _usage_by_psutil(pids)
    cpu_s = 0.0
    rss_bytes = threads = processes = 0
    for pid in pids:
        try:
            used_s, held_bytes, tasks = _cpu_s(pid), _rss_bytes(pid), len(os.listdir(f"/proc/{pid}/task"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended since it was listed.
        cpu_s += used_s
        rss_bytes += held_bytes
        threads += tasks
        processes += 1
    return Usage(cpu_s=cpu_s, rss_bytes=rss_bytes, processes=processes, threads=threads)


def confine_session(leader_pid: int, cpus: Iterable[int]) -> None:
    """Have every thread of a session run on some CPUs only; what they start later inherits it."""
    allowed = set(cpus)
    for pid in session_pids(leader_pid):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), allowed)


def session_pids(leader_pid: int) -> list[int]:
    """The living processes of a session, without those that have ended and wait to be reaped."""
    if not _PROC.exists():
        leader = psutil.Process(leader_pid)
        return [leader_pid, *(child.pid for child in leader.children(recursive=True))]
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            state, session = _state_and_session(int(entry))
            if session == leader_pid and state != "Z":
                found.append(int(entry))
    return found


def _state_and_session(pid: int) -> tuple[str, int]:
    """Fields 3 and 6 of /proc/PID/stat (proc(5)); the command's name before them may hold anything."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "", -1
    return fields[0].decode(), int(fields[3])


def _cpu_s(pid: int) -> float:
    """What all threads of a process have used, those that have ended too, from the clock that Linux keeps of it.

    Its number is made as ``clock_getcpuclockid(3)`` makes it. Raises ``ProcessLookupError`` when the process is gone.
    """
    try:
        return time.clock_gettime((~pid << 3) | _OF_SCHEDULER)
    except OSError as error:
        raise ProcessLookupError(pid) from error


def _rss_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm", "rb") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _usage_by_psutil(pids: Iterable[int]) -> Usage:
    cpu_s = 0.0
    rss_bytes = threads = processes = 0
    for pid in pids:
        try:
            process = psutil.Process(pid)
            times = process.cpu_times()
            cpu_s += times.user + times.system
            rss_bytes += process.memory_info().rss
            threads += process.num_threads()
            processes += 1
        except psutil.Error:
            continue
    return Usage(cpu_s=cpu_s, rss_bytes=rss_bytes, processes=processes, threads=threads)
