"""What is read of the processes of a session."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bakeoff.stacks.session import loaded_extensions, packages_in, session_pids, usage_of_session

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
def running(code: str, *arguments: str) -> Iterator[int]:
    """A session whose leader runs some Python that prints a line and then waits for input; its pid."""
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
            yield process.pid
        finally:
            process.communicate("\n")


@pytest.fixture
def ended_pid() -> int:
    """The leader of a session that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as process:
        process.wait()
    return process.pid


@on_linux
def test_the_cpu_time_of_ended_threads_counts() -> None:
    """A server with a thread for each connection has used more than its living threads show."""
    with running(BURN_IN_A_THREAD) as pid:
        usage = usage_of_session(pid)
    assert usage.cpu_s >= 0.2
    assert (usage.processes, usage.threads) == (1, 1)


@on_linux
def test_a_session_has_the_children_of_its_leader() -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(flush=True); input()'])"
    with running(child) as pid:
        pids = session_pids(pid)
        assert len(pids) == 2
        assert pid in pids
        assert usage_of_session(pid).processes == 2


def test_a_session_that_has_ended_has_no_processes(ended_pid: int) -> None:
    assert usage_of_session(ended_pid).processes == 0


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
