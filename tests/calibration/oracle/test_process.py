"""The oracle's process starts, takes commands, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from bakeoff.calibration.oracle import Behaviour, OracleError, start_oracle
from tests.calibration.oracle.wire import GET, PATIENCE_S, wait_until, wire

pytestmark = pytest.mark.e2e

PARENT = """
import os, sys
from bakeoff.calibration.oracle import Behaviour, start_oracle
oracle = start_oracle(Behaviour())
print(oracle.port, flush=True)
os.kill(os.getpid(), 9)
"""
WITHOUT_EPOLL = """
import sys
from bakeoff.calibration.oracle.__main__ import main
sys.platform = "other"
main()
"""


def listens(port: int) -> bool:
    """Whether anything listens at that port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return False
    return True


def python(*arguments: str, stdin: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start a Python that imports what this one does."""
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, *arguments], stdin=stdin, stdout=pipe, stderr=pipe, text=True, env=environment
    )


def test_an_oracle_whose_parent_stopped_listening_ends_in_silence() -> None:
    """As one does that was interrupted while the oracle started."""
    oracle = python("-m", "bakeoff.calibration.oracle", stdin=subprocess.DEVNULL)
    assert oracle.stdout
    assert oracle.stderr
    oracle.stdout.close()
    with oracle.stderr:
        assert oracle.stderr.read() == ""
        assert oracle.wait(PATIENCE_S) == 0


def test_leaving_the_context_leaves_nothing() -> None:
    """No process and no listener; stopping twice does no harm."""
    with start_oracle(Behaviour()) as oracle, wire(oracle) as client:
        assert oracle.url == f"http://127.0.0.1:{oracle.port}"
        assert client.ask()
        os.kill(oracle.pid, 0)
    oracle.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(oracle.pid, 0)
    assert not listens(oracle.port)
    with pytest.raises(OracleError, match="outcomes"):
        oracle.outcomes()


def test_it_does_not_outlive_a_parent_that_is_killed() -> None:
    """It stops when stdin ends."""
    parent = python("-c", PARENT)
    output, _ = parent.communicate(timeout=PATIENCE_S)
    wait_until(lambda: not listens(int(output)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(number: signal.Signals) -> None:
    """With exit code 0 and no output."""
    process = python("-m", "bakeoff.calibration.oracle")
    assert process.stdout
    assert process.stdout.readline().startswith('{"port":')
    process.send_signal(number)
    # Not communicate(): it would close stdin, which ends the oracle too.
    assert process.wait(PATIENCE_S) == 0
    assert process.communicate() == ("", "")


def test_without_a_parent_at_stdin_it_ends_at_once() -> None:
    """There is nobody to stop it later."""
    process = python("-m", "bakeoff.calibration.oracle", stdin=subprocess.DEVNULL)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--behaviour", '{"wrong_evry": 3}'), "wrong_evry"),
        (("--behaviour", "{"), "truncated"),
        (("--port", "70000"), "--port"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments: tuple[str, ...], complaint: str) -> None:
    """No traceback."""
    process = python("-m", "bakeoff.calibration.oracle", *arguments)
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, output) == (2, "")
    assert complaint in errors
    assert errors.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose its CPUs")
def test_it_stays_on_its_cpus() -> None:
    """From the start."""
    cpus = frozenset({max(os.sched_getaffinity(0))})
    with start_oracle(Behaviour(), cpus) as oracle:
        assert os.sched_getaffinity(oracle.pid) == cpus


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose its CPUs")
def test_cpus_that_do_not_exist_are_an_error() -> None:
    """The parent gets an error in place of an oracle."""
    with pytest.raises(OracleError, match="cannot run on CPUs"):
        start_oracle(Behaviour(), {100_000})


def test_an_oracle_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reason is on stderr."""
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(OracleError, match="the oracle ended"):
        start_oracle(Behaviour())


def test_an_unknown_command_is_reported_and_the_oracle_goes_on() -> None:
    """Commands come on stdin."""
    process = python("-m", "bakeoff.calibration.oracle")
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdin.write("stop\n")
    process.stdin.flush()
    assert "unknown command b'stop'" in process.stderr.readline()
    process.stdin.write("log\n")
    process.stdin.flush()
    assert process.stdout.readline() == "0\n"
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


def test_it_serves_on_systems_without_epoll() -> None:
    """And stops when its stdin ends."""
    process = python(
        "-c", WITHOUT_EPOLL, "--behaviour", '{"wrong_every": 2, "delay": {"kind": "fixed", "delay_s": 0.01}}'
    )
    assert process.stdout
    port = json.loads(process.stdout.readline())["port"]
    with wire(port) as client, wire(port) as other:
        client.send(GET * 2)
        answers = [client.answer(), client.answer(), other.ask()]
        assert [answer.ok for answer in answers if answer] == [True, False, True]
    assert process.communicate(timeout=PATIENCE_S) == ("", "")
    assert process.returncode == 0
