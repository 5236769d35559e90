"""An oracle in a process of its own, as its parent holds it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from bakeoff.calibration.oracle.behaviour import Behaviour
from bakeoff.calibration.oracle.log import Log
from bakeoff.calibration.oracle.server import HOST, Started
from bakeoff.model import BakeoffError

REPLY_TIMEOUT_S = 30.0
"""Limit of each wait for the process: for its start, and for each piece of a reply."""
STOP_TIMEOUT_S = 5.0
PIPE_BYTES = 1 << 20
_SOURCE_ROOT = str(Path(__file__).parents[3])


class OracleError(BakeoffError):
    """The oracle did not start, or does not reply."""


class OracleProcess:
    """A running oracle. Leaving its context stops it; so does the end of the parent process, however it comes."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        """Wait until it listens; ``popen`` has unbuffered pipes for stdin and stdout. Raises ``OracleError``."""
        self._popen = popen
        started = msgspec.json.decode(self._read_line(), type=Started)
        self.started_ns = started.started_ns
        self.port = started.port

    @property
    def url(self) -> str:
        """Without a slash at the end: ``http://127.0.0.1:40001``."""
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The process that serves."""
        return self._popen.pid

    def outcomes(self) -> dict[str, int]:
        """Requests so far by the name of their ``Outcome``, in lower case; zeros too. Raises ``OracleError``."""
        return msgspec.json.decode(self._reply_to("outcomes"), type=dict[str, int])

    def log(self) -> Log:
        """What became of each request so far. Raises ``OracleError``."""
        return Log.decode(self._reply_to("log"))

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

    def _reply_to(self, command: str) -> bytes:
        assert self._popen.stdin
        try:
            self._popen.stdin.write(f"{command}\n".encode())
        except (OSError, ValueError) as error:  # ValueError: the pipe was closed by stop().
            raise OracleError(f"the oracle does not take {command!r}: {error}") from error
        return self._read(int(self._read_line()))

    def _read_line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            line += self._read(1)
        return line

    def _read(self, size: int) -> bytes:
        assert self._popen.stdout
        fd, data = self._popen.stdout.fileno(), bytearray()
        while len(data) < size:
            ready, _, _ = select.select([fd], [], [], REPLY_TIMEOUT_S)
            piece = os.read(fd, min(PIPE_BYTES, size - len(data))) if ready else b""
            if not piece:
                raise OracleError("the oracle " + ("ended; its reason is on stderr" if ready else "does not reply"))
            data += piece
        return bytes(data)


def start_oracle(behaviour: Behaviour, cpus: Collection[int] = ()) -> OracleProcess:
    """Start an oracle, on those CPUs only if any are given (Linux). Raises ``OracleError`` if it does not come up."""
    popen = subprocess.Popen(
        [sys.executable, "-m", "bakeoff.calibration.oracle", "--behaviour", msgspec.json.encode(behaviour).decode()],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": _python_path()},
        start_new_session=True,
    )
    try:
        if cpus and sys.platform == "linux":
            os.sched_setaffinity(popen.pid, cpus)
        return OracleProcess(popen)
    except BaseException as error:
        popen.kill()
        popen.communicate()
        if isinstance(error, OSError):
            raise OracleError(f"the oracle cannot run on CPUs {sorted(cpus)}: {error}") from error
        raise


def _python_path() -> str:
    """Ours, with this very package first, whether or not it is installed."""
    return os.pathsep.join(filter(None, (_SOURCE_ROOT, os.environ.get("PYTHONPATH"))))
