"""The processes of a stack, which share a session: what they have used, their CPUs, and what they have loaded."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from bakeoff.stacks.protocol import Usage

_PROC = Path("/proc")
_CPUCLOCK_SCHED = 2
"""The kernel's clock of CPU time as the scheduler counts it: in nanoseconds, not in ticks."""

_EXTENSION = re.compile(r"/(?:site|dist)-packages/([A-Za-z0-9_]+)[/.][^\n]*?\.so\b")
"""A shared object of an installed package, in a line of ``/proc/PID/maps``."""


def session_pids(leader_pid: int) -> list[int]:
    """The living processes of a session, without zombies. Where there is no ``/proc``, the leader's descendants."""
    if not _PROC.exists():
        leader = psutil.Process(leader_pid)
        return [leader_pid, *(child.pid for child in leader.children(recursive=True))]
    pids = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            state, session = _state_and_session(int(entry))
            if session == leader_pid and state != "Z":
                pids.append(int(entry))
    return pids


def usage_of_session(leader_pid: int) -> Usage:
    """What all living processes of the session have used, their ended threads included."""
    pids = session_pids(leader_pid)
    if sys.platform != "linux":
        return _usage_by_psutil(pids)
    cpu_s = 0.0
    rss_bytes = threads = processes = 0
    for pid in pids:
        try:
            pid_cpu_s, pid_rss_bytes, pid_threads = _cpu_s(pid), _rss_bytes(pid), len(os.listdir(f"/proc/{pid}/task"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended after it was listed.
        cpu_s += pid_cpu_s
        rss_bytes += pid_rss_bytes
        threads += pid_threads
        processes += 1
    return Usage(cpu_s=cpu_s, rss_bytes=rss_bytes, processes=processes, threads=threads)


def confine_session(leader_pid: int, cpus: Iterable[int]) -> None:
    """Pin every thread of the session to some CPUs; threads and processes that they start inherit that."""
    allowed = set(cpus)
    for pid in session_pids(leader_pid):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), allowed)


def loaded_extensions(pids: Iterable[int]) -> tuple[str, ...]:
    """The packages whose compiled extensions any of these processes has loaded, sorted.

    They tell the event loop and the HTTP parser in use. Empty where there is no ``/proc`` (macOS).
    """
    return tuple(sorted({package for pid in pids for package in packages_in(_memory_map(pid))}))


def packages_in(memory_map: str) -> set[str]:
    """The packages whose compiled extensions a memory map names (``/proc/PID/maps``, proc(5))."""
    return set(_EXTENSION.findall(memory_map))


def _memory_map(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/maps").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _state_and_session(pid: int) -> tuple[str, int]:
    """Fields 3 and 6 of ``/proc/PID/stat`` (proc(5)); the command name before them may contain anything."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "", -1
    return fields[0].decode(), int(fields[3])


def _cpu_s(pid: int) -> float:
    """CPU time of all threads of a process, ended ones included, from the kernel's clock of that process.

    The clock's id is computed as ``clock_getcpuclockid(3)`` does. Raises ``ProcessLookupError`` when the process is
    gone.
    """
    try:
        return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
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
