"""Stacks as processes: how they are started, what they inherit, how they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bakeoff.model import Block, Stack
from bakeoff.stacks import LocalBackend, StartFailure, die_with_parent
from bakeoff.stacks.local import LocalStack
from bakeoff.stacks.session import session_pids

BLOCK = Block(number=0, start_order=(), hash_seed=7, port_seed=os.getpid(), slices=())
SERVE = "import http.server, sys; http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]))"

Start = Callable[..., LocalStack]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts stacks that run some Python; stops them at the end."""
    running: list[LocalStack] = []

    def start_code(code: str, *, cpus: tuple[int, ...] = (), **settings: Any) -> LocalStack:
        command = ("{python}", "-c", textwrap.dedent(code), "{port}")
        stack = Stack(name="shop", interface="wsgi", command=command, directory=str(tmp_path), **settings)
        running.append(LocalBackend(cpus).start(stack, BLOCK, tmp_path))
        return running[-1]

    yield start_code
    for stack in running:
        stack.stop()


def log_after_end(stack: LocalStack) -> str:
    """The log of a stack that ends by itself."""
    os.waitid(os.P_PID, stack.pid, os.WEXITED | os.WNOWAIT)
    return stack.log_tail()


def test_a_stack_is_ready_once_it_answers(start: Start) -> None:
    stack = start(SERVE)
    assert 0 < stack.wait_ready() < 30
    with urllib.request.urlopen(f"{stack.url}/shop.log", timeout=5) as answer:
        assert answer.status == 200
    assert stack.exit_message() is None
    assert '"GET / HTTP/1.1" 200' in stack.log_tail()


def test_a_stack_that_ends_at_once_did_not_start_and_its_last_line_says_why(start: Start) -> None:
    stack = start("print('mixing'); raise SystemExit('no flour')")
    with pytest.raises(StartFailure, match=r"^ended with status 1: no flour$"):
        stack.wait_ready()


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    stack = Stack(name="shop", interface="wsgi", command=("no-such-program", "{port}"), directory=str(tmp_path))
    running = LocalBackend(()).start(stack, BLOCK, tmp_path)
    try:
        with pytest.raises(StartFailure, match="ended with status 1: no-such-program: No such file or directory"):
            running.wait_ready()
    finally:
        running.stop()


def test_a_stack_that_was_killed_says_by_which_signal(start: Start) -> None:
    stack = start("import time; time.sleep(60)")
    os.kill(stack.pid, signal.SIGKILL)
    log_after_end(stack)
    assert stack.exit_message() == "was killed by signal 9"


def test_a_ready_path_that_answers_otherwise_is_named_with_the_remedy(start: Start) -> None:
    stack = start(SERVE, ready="/health")
    with pytest.raises(StartFailure, match=r"^GET /health answered 404: remove ready to take any answer, or set it to"):
        stack.wait_ready()


def test_a_port_that_is_in_use_is_named_with_the_remedy(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(StartFailure, match=f"port {port} is in use; free it, or remove port to use a random one"):
            start(SERVE, port=port)


def test_the_random_port_depends_on_the_block_and_the_stack_only(start: Start) -> None:
    first = start("import time; time.sleep(60)")
    first.stop()
    assert start("import time; time.sleep(60)").url == first.url


def test_a_stack_inherits_the_environment_but_no_setting_of_its_server(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHOP", "open")
    monkeypatch.setenv("LOCUST_USERS", "3")
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    monkeypatch.setenv("BAKEOFF_TOKEN", "of the workers")
    log = log_after_end(start("import os; print(sorted(os.environ.items()))", env={"CAKE": "1"}))
    assert "('SHOP', 'open')" in log
    assert "('CAKE', '1')" in log
    assert "('PYTHONHASHSEED', '7')" in log
    assert "BAKEOFF_TOKEN" not in log
    assert "LOCUST" not in log


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux pins")
def test_a_confined_stack_and_its_children_run_on_its_cpus_only(start: Start) -> None:
    cpu = min(os.sched_getaffinity(0))
    stack = start(
        f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=-1); {SERVE}",
        cpus=(cpu,),
    )
    stack.wait_ready()
    stack.confine()
    assert [os.sched_getaffinity(pid) for pid in session_pids(stack.pid)] == [{cpu}, {cpu}]


def test_a_stack_that_ignores_the_stop_signal_is_killed_with_its_children(start: Start) -> None:
    stack = start(
        f"""
        import signal, subprocess, sys
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        {SERVE}
        """
    )
    stack.wait_ready()
    pids = session_pids(stack.pid)
    assert len(pids) == 2
    stack.stop()
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids)
    assert str(stack.exit_message()).startswith("was killed by signal 9")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no signal tells of the parent's end")
def test_a_stack_ends_when_bakeoff_is_killed() -> None:
    """The child holds the pipe, which is at its end once nobody does."""
    child = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    parent = f"""
import os, subprocess, sys
subprocess.Popen([sys.executable, {die_with_parent.__file__!r}, str(os.getpid()), *{child!r}]).wait()
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.kill()
        assert process.communicate(timeout=30)[0] == ""
