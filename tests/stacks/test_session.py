"""What is read of the processes of a session."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bakeoff.model import Stack
from bakeoff.stacks import ProcessMemory, StartFailure, Unknown, Usage, session
from bakeoff.stacks.local import LocalStack
from bakeoff.stacks.session import (
    confine_session,
    loaded_extensions,
    memory_of_session,
    packages_in,
    session_pids,
    usage_of_session,
)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

BURN_IN_A_THREAD = """
import threading, time
def burn():
    while time.thread_time() < 0.2: pass
thread = threading.Thread(target=burn)
thread.start()
thread.join()
print(flush=True)
input()
"""

MEMORY_MAP = """\
7f1 r-xp 00000000 08:01 11 /venv/lib/python3.11/site-packages/uvloop/loop.cpython-311-x86_64-linux-gnu.so
7f2 r--p 00000000 08:01 12 /venv/lib/python3.11/site-packages/httptools/parser/parser.cpython-311-x86_64-linux-gnu.so
7f3 r-xp 00000000 08:01 13 /usr/lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so
7f4 r-xp 00000000 08:01 14 /venv/lib/python3.11/site-packages/_cffi_backend.cpython-311-x86_64-linux-gnu.so (deleted)
7f5 rw-p 00000000 00:00 0 [heap]
"""


@contextmanager
def session_leader(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that leads a session and runs some Python that prints a line and then waits for input."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.communicate("\n")


@contextmanager
def running(code: str, *arguments: str) -> Iterator[int]:
    """The pid of a `session_leader`."""
    with session_leader(code, *arguments) as process:
        yield process.pid


@pytest.fixture
def ended_pid() -> int:
    """The leader of a session that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as process:
        process.wait()
    return process.pid


@on_linux
def test_the_cpu_time_of_ended_threads_counts() -> None:
    """A server with a thread for each connection has used more than its living threads show."""
    deadline_s = time.monotonic() + 10
    with running(BURN_IN_A_THREAD) as pid:
        usage = usage_of_session(pid)
        while isinstance(usage, Usage) and usage.threads > 1 and time.monotonic() < deadline_s:
            time.sleep(0.01)  # A thread that was joined is listed for a moment longer.
            usage = usage_of_session(pid)
    assert isinstance(usage, Usage)
    assert usage.cpu_s >= 0.2
    assert (usage.processes, usage.threads) == (1, 1)


@on_linux
def test_a_session_has_the_children_of_its_leader() -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(flush=True); input()'])"
    with running(child) as pid:
        pids = session_pids(pid)
        assert len(pids) == 2
        assert pid in pids
        usage = usage_of_session(pid)
    assert isinstance(usage, Usage)
    assert usage.processes == 2


def test_a_session_that_has_ended_has_no_processes(ended_pid: int) -> None:
    assert usage_of_session(ended_pid) == Usage(cpu_s=0.0, rss_bytes=0, processes=0, threads=0)


def test_extensions_of_installed_packages_are_told_from_the_standard_library() -> None:
    """The interpreter's own extensions say nothing about a server."""
    assert packages_in(MEMORY_MAP) == {"uvloop", "httptools", "_cffi_backend"}


@on_linux
@pytest.mark.parametrize(("module", "extensions"), [("httptools", ("httptools",)), ("json", ())])
def test_a_process_shows_the_extensions_that_it_has_loaded(module: str, extensions: tuple[str, ...]) -> None:
    with running("import sys; __import__(sys.argv[1]); print(flush=True); input()", module) as pid:
        assert loaded_extensions([pid]) == extensions


def test_a_process_that_has_ended_has_loaded_nothing(ended_pid: int) -> None:
    """It may end after it was listed."""
    assert loaded_extensions([ended_pid]) == ()


# --- pinning ----------------------------------------------------------------------------------------------------------

GROW = """
import os, sys, threading
def thread():
    threading.Thread(target=threading.Event().wait, daemon=True).start()
def process():
    if os.fork() == 0:
        threading.Event().wait()
print(flush=True)
while line := sys.stdin.readline().strip():
    {"thread": thread, "process": process}[line]()
    print(flush=True)
os.killpg(0, 9)
"""
"""Starts a thread or a process for each line that it reads, and ends with all of them at an empty one."""


@pytest.fixture
def growing() -> Iterator[subprocess.Popen[str]]:
    """A process that starts others at once when it is asked to."""
    with session_leader(GROW) as process:
        yield process


def grow(process: subprocess.Popen[str], what: str) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{what}\n")
    process.stdin.flush()
    process.stdout.readline()


def before_each_pin(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], times: int) -> None:
    """Have something happen after a thread is found unpinned and before it is pinned."""
    pin, left = os.sched_setaffinity, [act] * times

    def later(pid: int, cpus: set[int]) -> None:
        if left:
            left.pop()()
        pin(pid, cpus)

    monkeypatch.setattr("os.sched_setaffinity", later)


def affinities(leader: int) -> list[set[int]]:
    tasks = (int(task.name) for pid in session_pids(leader) for task in Path(f"/proc/{pid}/task").iterdir())
    return [os.sched_getaffinity(task) for task in tasks]


needs_two_cpus = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs and /proc"
)


@needs_two_cpus
@pytest.mark.parametrize("what", ["thread", "process"])
def test_what_starts_while_its_parent_is_being_pinned_is_pinned_too(
    growing: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """It was not in the list, and did not inherit the CPUs of a parent that had not got them yet."""
    cpu = max(os.sched_getaffinity(0))
    before_each_pin(monkeypatch, lambda: grow(growing, what), times=2)
    confine_session(growing.pid, {cpu})
    assert affinities(growing.pid) == [{cpu}] * 3


@needs_two_cpus
def test_a_stack_that_outruns_its_pinning_has_failed(
    growing: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would run on the generator's CPU too. Here each pass finds another thread that is not pinned."""
    monkeypatch.setattr("os.sched_setaffinity", lambda pid, cpus: None)
    with pytest.raises(StartFailure, match=r"starts processes or threads faster than they can be pinned to CPU 0"):
        confine_session(growing.pid, {0})


@on_linux
def test_a_stack_that_may_not_be_pinned_has_failed(
    growing: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when one of its processes has another user."""

    def refused(pid: int) -> set[int]:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.sched_getaffinity", refused)
    with pytest.raises(StartFailure, match=rf"process {growing.pid} of it cannot be pinned to CPU 0: Operation not"):
        confine_session(growing.pid, {0})


@needs_two_cpus
def test_a_process_that_ends_while_it_is_being_pinned_is_no_failure(
    growing: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def end() -> None:
        growing.kill()
        growing.wait()

    before_each_pin(monkeypatch, end, times=1)
    confine_session(growing.pid, {max(os.sched_getaffinity(0))})


# --- a /proc that hides, or that changes between two looks ------------------------------------------------------------


class FakeProc:
    """A ``/proc`` with processes of session 7; some of their files cannot be read."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(session, "_PROC", folder)

    def add(self, pid: int) -> None:
        (self._folder / str(pid) / "task" / str(pid)).mkdir(parents=True)
        (self._folder / str(pid) / "stat").write_text(f"{pid} (a) b) S 1 7 7 0 -1")
        (self._folder / str(pid) / "statm").write_text("9 2 1")
        (self._folder / str(pid) / "maps").write_text(MEMORY_MAP)

    def refuse(self, name: str, error: type[OSError]) -> None:
        """Every file of that name raises an error when it is read."""
        read = Path.read_bytes

        def refused(path: Path) -> bytes:
            if path.name == name and path.is_relative_to(self._folder):
                raise error(errno.EACCES, "Permission denied")
            return read(path)

        self._monkeypatch.setattr(Path, "read_bytes", refused)


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProc:
    """Processes 7 and 8, each of which has used 0.5 s."""
    monkeypatch.setattr(session, "_cpu_s", lambda pid: 0.5)
    fake = FakeProc(tmp_path, monkeypatch)
    fake.add(7)
    fake.add(8)
    return fake


@on_linux
def test_processes_are_read_from_proc(proc: FakeProc) -> None:
    usage = usage_of_session(7)
    assert usage == Usage(cpu_s=1.0, rss_bytes=4 * os.sysconf("SC_PAGE_SIZE"), processes=2, threads=2)


@on_linux
def test_the_hidden_processes_of_others_are_not_taken_for_those_of_a_stack(
    proc: FakeProc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mounted with hidepid, ``/proc`` refuses to show them."""
    proc.refuse("stat", PermissionError)
    monkeypatch.setattr("os.getsid", lambda pid: 9)
    assert session_pids(7) == []


@on_linux
def test_a_hidden_process_of_the_stack_belongs_to_it(proc: FakeProc, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has changed its user: its session is known without ``/proc``."""
    proc.refuse("stat", PermissionError)
    monkeypatch.setattr("os.getsid", lambda pid: 7)
    assert sorted(session_pids(7)) == [7, 8]


@on_linux
def test_usage_that_may_not_be_read_is_unknown(proc: FakeProc) -> None:
    """And not that of the processes that can be read."""
    proc.refuse("statm", PermissionError)
    usage = usage_of_session(7)
    assert isinstance(usage, Unknown)
    assert usage.reason.endswith("of it cannot be read (Permission denied)")


@on_linux
@pytest.mark.parametrize("error", [FileNotFoundError, ProcessLookupError])
@pytest.mark.parametrize("name", ["stat", "statm"])
def test_processes_that_vanish_between_two_looks_have_used_nothing(
    proc: FakeProc, name: str, error: type[OSError]
) -> None:
    proc.refuse(name, error)
    assert usage_of_session(7) == Usage(cpu_s=0.0, rss_bytes=0, processes=0, threads=0)


def test_a_memory_map_that_may_not_be_read_shows_no_extensions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refused)
    assert loaded_extensions([7]) == ()


def test_without_proc_a_process_that_has_ended_has_no_descendants(
    ended_pid: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_PROC", tmp_path / "nowhere")
    assert session_pids(ended_pid) == []


@on_linux
def test_a_stack_that_runs_unseen_has_an_unknown_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one of zero."""
    monkeypatch.setattr(session, "_PROC", tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        stack = LocalStack(Stack(name="a", interface="asgi"), process, "http://127.0.0.1:1", tmp_path / "log", ())
        usage = stack.usage()
        process.communicate(b"\n")
    assert usage == Unknown("its processes cannot be seen in /proc, which may be mounted with hidepid")


ROLLUP = """00400000-7ffd9a7f4000 ---p 00000000 00:00 0                              [rollup]
Rss:               40000 kB
Pss:               25000 kB
Pss_Dirty:         12000 kB
Shared_Clean:      16000 kB
Private_Clean:      4000 kB
Private_Dirty:     10000 kB
Private_Hugetlb:       0 kB
"""


@on_linux
def test_memory_is_read_for_each_process(proc: FakeProc, tmp_path: Path) -> None:
    """Process 8 has none, as where the kernel is older or reading is not allowed."""
    (tmp_path / "7" / "smaps_rollup").write_text(ROLLUP)
    assert memory_of_session(7) == {7: ProcessMemory(pss_bytes=25_000 * 1024, private_bytes=14_000 * 1024)}


@on_linux
def test_cpu_time_is_read_for_each_process(proc: FakeProc) -> None:
    usage = usage_of_session(7)
    assert isinstance(usage, Usage)
    assert usage.cpu_s_by_pid == {7: 0.5, 8: 0.5}
