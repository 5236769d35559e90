"""The parent's handle on an oracle that runs in a process of its own."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from bakeoff.calibration.oracle.account import Account, Log, read_account, read_log
from bakeoff.calibration.oracle.behaviour import Behaviour
from bakeoff.calibration.oracle.server import HOST, Listening, Start
from bakeoff.model import BakeoffError

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
CONTROL_TIMEOUT_S = 60.0
_SOURCE_ROOT = str(Path(__file__).parents[3])


class OracleError(BakeoffError):
    """The oracle did not start, or does not answer its control requests."""


class OracleProcess:
    """A running oracle. Leaving its context stops it; so does the end of this process, however it comes."""

    def __init__(self, popen: subprocess.Popen[bytes], port: int) -> None:
        """``popen`` has pipes for stdin and stdout, and listens on ``port``."""
        self._popen = popen
        self.port = port

    @property
    def url(self) -> str:
        """Without a slash at the end: ``http://127.0.0.1:40001``."""
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The process that serves, for those who measure it."""
        return self._popen.pid

    def start_epoch(self) -> int:
        """Empty the account and begin anew now; returns the epoch, CLOCK_MONOTONIC in nanoseconds."""
        return msgspec.json.decode(self._asked("POST", "/__start"), type=Start).epoch_ns

    def account(self) -> Account:
        """The counts since the epoch."""
        return read_account(self._asked("GET", "/__account"))

    def log(self) -> Log:
        """What became of each request since the epoch."""
        return read_log(self._asked("GET", "/__log"))

    def stop(self) -> None:
        """End the process and wait for it; does nothing the second time."""
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe:
                pipe.close()
        try:
            self._popen.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _asked(self, method: str, path: str) -> bytes:
        """The body of a control request's answer; raises ``OracleError`` when there is none."""
        connection = HTTPConnection(HOST, self.port, timeout=CONTROL_TIMEOUT_S)
        try:
            connection.request(method, path, headers={"Connection": "close"})
            return connection.getresponse().read()
        except OSError as error:
            raise OracleError(f"the oracle does not answer {path}: {error}") from error
        finally:
            connection.close()


def start_oracle(behaviour: Behaviour, cpus: frozenset[int] | None = None) -> OracleProcess:
    """Start an oracle, on those CPUs only if any are given; raises ``OracleError`` if it does not come up."""
    popen = subprocess.Popen(
        _command(behaviour, cpus),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_environment(),
        start_new_session=True,
    )
    try:
        return OracleProcess(popen, _port_of(popen))
    except BaseException:
        popen.kill()
        popen.communicate()
        raise


def _command(behaviour: Behaviour, cpus: frozenset[int] | None) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "bakeoff.calibration.oracle",
        "--behaviour",
        msgspec.json.encode(behaviour).decode(),
    ]
    return [*command, "--cpus", ",".join(map(str, sorted(cpus)))] if cpus else command


def _environment() -> dict[str, str]:
    """Ours, with this very package first on the path, whether or not it is installed."""
    path = os.pathsep.join(filter(None, (_SOURCE_ROOT, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


def _port_of(popen: subprocess.Popen[bytes]) -> int:
    """The port that a starting oracle prints; raises ``OracleError`` if it ends or says nothing."""
    assert popen.stdout
    ready, _, _ = select.select([popen.stdout], [], [], START_TIMEOUT_S)
    line = popen.stdout.readline() if ready else b""
    if not line:
        raise OracleError("the oracle did not start" + (" in time" if not ready else "; its reason is on stderr"))
    return msgspec.json.decode(line, type=Listening).port
