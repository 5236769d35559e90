"""Processes that import Locust: each is a module of this package, started with sockets that it inherits."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def start_module(
    module: str, inherited: Sequence[socket.socket], arguments: Sequence[str], log: Path
) -> subprocess.Popen[bytes]:
    """Start ``python -m MODULE DESCRIPTOR... ARGUMENT...``; what it prints is appended to ``log``.

    It has a session of its own, so that a terminal's Ctrl-C reaches only the process that started it.
    """
    descriptors = [one.fileno() for one in inherited]
    with log.open("ab") as messages:
        return subprocess.Popen(
            [sys.executable, "-m", module, *map(str, descriptors), *arguments],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=messages,
            stderr=messages,
            start_new_session=True,
            env=_environment(),
        )


def pinning(cpus: Sequence[int]) -> list[str]:
    """The argument that tells a load-generating child where to run; none for "anywhere"."""
    return [",".join(map(str, cpus))] if cpus else []


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent ends without a word, even in the middle of a slice."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # Before that, its end closes the channel.


def _environment() -> dict[str, str]:
    """This process's environment, so that the child finds the same packages, without Locust's own settings."""
    return {key: value for key, value in os.environ.items() if not key.startswith("LOCUST_")}
