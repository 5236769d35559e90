"""The oracle's process comes up as asked, says so, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from bakeoff.calibration.oracle.behaviour import Behaviour
from bakeoff.calibration.oracle.process import OracleError, start_oracle
from tests.calibration.oracle.wire import PATIENCE_S, wait_until, wire

pytestmark = pytest.mark.e2e

PARENT = """
import os, sys
from bakeoff.oracle.behaviour import Behaviour
from bakeoff.oracle.process import start_oracle
oracle = start_oracle(Behaviour())
print(oracle.port, flush=True)
os.kill(os.getpid(), 9)
"""
ON_POLL = """
from bakeoff.oracle.behaviour import Behaviour
from bakeoff.oracle.poller import poll_poller
from bakeoff.oracle.server import Server
server = Server(Behaviour(wrong_every=2, body_bytes=20_000_000), poll_poller())
print(server.port, flush=True)
server.stop_at_end_of(0)
server.serve()
"""


def listens(port: int) -> bool:
    """Whether anything answers at that port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return False
    return True


def environment() -> dict[str, str]:
    """Ours, in which a new Python imports what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def python(*arguments: str) -> subprocess.Popen[str]:
    """A Python of ours with pipes on all sides."""
    pipe = subprocess.PIPE
    path = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(
        [sys.executable, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment
    )


def test_leaving_the_context_leaves_nothing() -> None:
    """No process, no listener; stopping twice is stopping once."""
    with start_oracle(Behaviour()) as oracle, wire(oracle) as client:
        assert oracle.url == f"http://127.0.0.1:{oracle.port}"
        assert client.ask()
        os.kill(oracle.pid, 0)
    oracle.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(oracle.pid, 0)
    assert not listens(oracle.port)
    with pytest.raises(OracleError, match="__account"):
        oracle.account()


def test_it_does_not_outlive_a_parent_that_is_killed() -> None:
    """The end of stdin is the end of the oracle, with no help from the parent."""
    parent = python("-c", PARENT)
    output, _ = parent.communicate(timeout=PATIENCE_S)
    wait_until(lambda: not listens(int(output)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(number: signal.Signals) -> None:
    """Being told to stop is no error."""
    process = python("-m", "bakeoff.calibration.oracle")
    assert process.stdout
    assert process.stdout.readline().startswith('{"port":')
    process.send_signal(number)
    # Not communicate(): it would close stdin, which ends the oracle too.
    assert process.wait(PATIENCE_S) == 0
    assert process.communicate() == ("", "")


def test_without_a_parent_at_stdin_it_ends_at_once() -> None:
    """An input that has ended already is an end like any other."""
    ended = subprocess.run(
        [sys.executable, "-m", "bakeoff.calibration.oracle"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        env=environment(),
        timeout=PATIENCE_S,
    )
    assert ended.stderr == b""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--behaviour", '{"wrong_evry": 3}'), "wrong_evry"),
        (("--behaviour", "{"), "truncated"),
        (("--cpus", "one"), "--cpus"),
        (("--port", "70000"), "--port"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments: tuple[str, ...], complaint: str) -> None:
    """No traceback for what the user did."""
    process = python("-m", "bakeoff.calibration.oracle", *arguments)
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, output) == (2, "")
    assert complaint in errors
    assert errors.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose its CPUs")
def test_it_stays_on_its_cpus() -> None:
    """It sets its own affinity before it listens."""
    cpus = frozenset({max(os.sched_getaffinity(0))})
    with start_oracle(Behaviour(), cpus) as oracle:
        assert os.sched_getaffinity(oracle.pid) == cpus


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose its CPUs")
def test_an_oracle_that_cannot_start_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    """The reason is on stderr, and the parent gets an error instead of a handle."""
    with pytest.raises(OracleError, match="did not start"):
        start_oracle(Behaviour(), frozenset({100_000}))
    assert "--cpus" in capfd.readouterr().err


def test_it_serves_without_epoll() -> None:
    """The portable poller serves the same, large answers included."""
    process = python("-c", ON_POLL)
    assert process.stdout
    port = int(process.stdout.readline())
    with wire(port) as client, wire(port) as other:
        client.send(b"GET / HTTP/1.1\r\n\r\n" * 2)
        seen = [client.answer(), other.ask(), client.answer()]
        assert sorted(answer.ok for answer in seen if answer) == [False, True, True]
    assert process.communicate(timeout=PATIENCE_S) == ("", "")
    assert process.returncode == 0
