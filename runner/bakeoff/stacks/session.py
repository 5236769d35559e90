"""The processes of a stack, which share a session: what they have used, their CPUs, and what they have loaded."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from bakeoff.stacks.protocol import ProcessMemory, StartFailure, Unknown, Usage

_PROC = Path("/proc")
_CPUCLOCK_SCHED = 2
"""The kernel's clock of CPU time as the scheduler counts it: in nanoseconds, not in ticks."""

_EXTENSION = re.compile(r"/(?:site|dist)-packages/([A-Za-z0-9_]+)[/.][^\n]*?\.so\b")
"""A shared object of an installed package, in a line of ``/proc/PID/maps``."""


_GONE = (FileNotFoundError, ProcessLookupError)
"""Raised when a process that was listed has ended since."""
_PINNING_PASSES = 20


def session_pids(leader_pid: int) -> list[int]:
    """The living processes of a session, without zombies. Where there is no ``/proc``, the leader's descendants."""
    if not _PROC.exists():
        return _descendants(leader_pid)
    pids = []
    for entry in os.listdir(_PROC):
        if entry.isdigit():
            state, session = _state_and_session(int(entry))
            if session == leader_pid and state != "Z":
                pids.append(int(entry))
    return pids


def usage_of_session(leader_pid: int) -> Usage | Unknown:
    """What all living processes of the session have used, their ended threads included."""
    pids = session_pids(leader_pid)
    if sys.platform != "linux":
        return _usage_by_psutil(pids)
    cpu_s_by_pid: dict[int, float] = {}
    rss_bytes = threads = 0
    for pid in pids:
        try:
            pid_cpu_s, pid_rss_bytes, pid_threads = _cpu_s(pid), _rss_bytes(pid), len(_tasks(pid))
        except _GONE:
            continue
        except PermissionError as error:
            return Unknown(f"process {pid} of it cannot be read ({error.strerror})")
        cpu_s_by_pid[pid] = pid_cpu_s
        rss_bytes += pid_rss_bytes
        threads += pid_threads
    return Usage(
        cpu_s=sum(cpu_s_by_pid.values()),
        rss_bytes=rss_bytes,
        processes=len(cpu_s_by_pid),
        threads=threads,
        cpu_s_by_pid=cpu_s_by_pid,
    )


def memory_of_session(leader_pid: int) -> dict[int, ProcessMemory]:
    """What each living process of the session holds, by pid; without those that cannot be read.

    The kernel walks a process's page tables for this, so it is not for moments that are measured.
    """
    held: dict[int, ProcessMemory] = {}
    for pid in session_pids(leader_pid):
        try:
            rollup = (_PROC / str(pid) / "smaps_rollup").read_text("ascii")
        except (*_GONE, PermissionError):
            continue
        held[pid] = memory_in(rollup)
    return held


def memory_in(rollup: str) -> ProcessMemory:
    """The memory that the text of a ``smaps_rollup`` tells, which is in KiB."""
    kib = {name: int(size) for name, size in re.findall(r"^(\w+): +(\d+) kB$", rollup, re.MULTILINE)}
    private_kib = sum(size for name, size in kib.items() if name.startswith("Private_"))
    return ProcessMemory(pss_bytes=kib.get("Pss", 0) * 1024, private_bytes=private_kib * 1024)


def confine_session(leader_pid: int, cpus: Iterable[int]) -> None:
    """Pin every thread of the session to some CPUs.

    What a pinned thread starts inherits its CPUs, but one that is not pinned yet may start others meanwhile. So all are
    listed again until a whole pass has found every thread pinned and none that ended while it was looked at. A thread
    that pinned itself to some of these CPUs is left alone.

    Raises:
        StartFailure: a thread cannot be pinned, or new ones that are not pinned turn up in every pass.
    """
    allowed = set(cpus)
    unpinned = 0
    for _ in range(_PINNING_PASSES):
        unpinned, vanished = _pin_once(leader_pid, allowed)
        if not unpinned and not vanished:
            return
    if unpinned:  # Where threads only end all the time, the last pass has still found all others pinned.
        raise StartFailure(
            f"it starts processes or threads faster than they can be pinned to CPU {_listed(allowed)}: after "
            f"{_PINNING_PASSES} attempts {unpinned} were not"
        )


def _pin_once(leader_pid: int, allowed: set[int]) -> tuple[int, int]:
    """Pin what is not pinned; how many threads that were, and how many processes or threads ended meanwhile."""
    unpinned = vanished = 0
    for pid in session_pids(leader_pid):
        try:
            tasks = _tasks(pid)
        except _GONE:
            vanished += 1
            continue
        except PermissionError as error:
            raise _cannot_pin(pid, allowed, error) from None
        for task in tasks:
            try:
                if not os.sched_getaffinity(task) <= allowed:
                    unpinned += 1
                    os.sched_setaffinity(task, allowed)
            except ProcessLookupError:
                vanished += 1
            except OSError as error:
                raise _cannot_pin(pid, allowed, error) from None
    return unpinned, vanished


def _cannot_pin(pid: int, allowed: set[int], error: OSError) -> StartFailure:
    return StartFailure(f"process {pid} of it cannot be pinned to CPU {_listed(allowed)}: {error.strerror}")


def _listed(cpus: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(cpus)))


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
        return (_PROC / str(pid) / "maps").read_text("utf-8", "replace")
    except (*_GONE, PermissionError):
        return ""


def _state_and_session(pid: int) -> tuple[str, int]:
    """Fields 3 and 6 of ``/proc/PID/stat`` (proc(5)); the command name before them may contain anything.

    No state and no session once it has ended, and no state where ``hidepid`` hides another user's process.
    """
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b") ")[2].split()
        return fields[0].decode(), int(fields[3])
    except _GONE:
        return "", -1
    except PermissionError:
        return "", _session(pid)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


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
    return int((_PROC / str(pid) / "statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _tasks(pid: int) -> list[int]:
    """The ids of a process's threads."""
    return [int(task) for task in os.listdir(_PROC / str(pid) / "task")]


def _descendants(leader_pid: int) -> list[int]:
    """A process and all that descend from it; none once it has ended."""
    try:
        return [leader_pid, *(child.pid for child in psutil.Process(leader_pid).children(recursive=True))]
    except psutil.Error:
        return []


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
