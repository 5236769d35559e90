"""A load-generating child process, and the harness's end of the socket pair to it."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bakeoff.load.messages import Order, Ready, Report, Stop, line, report_decoder

STARTS_WITHIN_S = 60.0
ENDS_WITHIN_S = 2.0
TELLS_WITHIN_S = 1.0
WHEREABOUTS_SIGNAL = signal.SIGUSR1
"""Has a child write into its log which code it is running."""
RECEIVE_BYTES = 1 << 20
_PR_SET_PDEATHSIG = 1


class ChildEnded(Exception):
    """The child has ended, or did not start."""


class ChildProcess:
    """A process of `bakeoff.load.child`."""

    def __init__(self, cpus: Sequence[int], log: Path) -> None:
        """Start it without waiting, pinned to ``cpus`` (not pinned if empty). What it prints is appended to ``log``.

        It has a session of its own, so that a terminal's Ctrl-C reaches only this process.
        """
        self._log = log
        self._received: list[bytes] = []
        self._socket, childs_end = socket.socketpair()
        pinning = [",".join(map(str, cpus))] if cpus else []
        with childs_end, log.open("ab") as messages:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bakeoff.load.child", str(childs_end.fileno()), *pinning],
                pass_fds=[childs_end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                start_new_session=True,
                # The same environment, so that it finds the same packages, without Locust's own settings.
                env={key: value for key, value in os.environ.items() if not key.startswith("LOCUST_")},
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def fileno(self) -> int:
        """The descriptor to wait for: it is readable when reports have arrived, or the child has ended."""
        return self._socket.fileno()

    def send(self, order: Order) -> None:
        """Send an order. Raises `ChildEnded`."""
        try:
            self._socket.sendall(line(order))
        except OSError as error:
            raise self._ended() from error

    def receive(self) -> list[Report]:
        """The reports that have arrived; waits until some bytes have. Raises `ChildEnded`."""
        try:
            received = self._socket.recv(RECEIVE_BYTES)
        except ConnectionResetError:
            received = b""
        if not received:
            raise self._ended()
        self._received.append(received)
        if b"\n" not in received:
            return []  # Answers are long lines: joined at each of their pieces, they would take seconds.
        *lines, rest = b"".join(self._received).split(b"\n")
        self._received = [rest]
        return [report_decoder.decode(complete) for complete in lines]

    def wait_for_report(self, within_s: float) -> Report:
        """The answer to an order that is answered by one report. Raises `ChildEnded`."""
        deadline_s = time.monotonic() + within_s
        try:
            while (left_s := deadline_s - time.monotonic()) > 0:
                self._socket.settimeout(left_s)
                if reports := self.receive():
                    return reports[0]
        except TimeoutError:
            pass
        finally:
            self._socket.settimeout(None)
        raise ChildEnded(f"the load generator did not answer within {within_s:g} s; its messages are in {self._log}")

    def wait_ready(self) -> None:
        """Wait until it has started. Raises `ChildEnded`."""
        report = self.wait_for_report(STARTS_WITHIN_S)
        if not isinstance(report, Ready):
            raise ChildEnded(f"the load generator reported {report!r} when it started")

    def whereabouts(self) -> str | None:
        """The place in the code that it is running, such as ``File "shop.py", line 7 in buy``; ``None`` if unknown."""
        before = self._log.stat().st_size
        self._process.send_signal(WHEREABOUTS_SIGNAL)
        deadline_s = time.monotonic() + TELLS_WITHIN_S
        while time.monotonic() < deadline_s:
            time.sleep(0.02)
            written = self._log.read_bytes()[before:].decode("utf-8", "replace")
            for place in re.findall(r"^  (File .*)\n", written, re.MULTILINE):
                return str(place)
        return None

    def ask_to_stop(self) -> None:
        """Have it end when it has no slice to drive, without waiting for that."""
        try:
            self._socket.sendall(line(Stop()))
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It has ended already.

    def close(self, within_s: float = ENDS_WITHIN_S) -> None:
        """Wait until it ends, and kill it if it does not."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._socket.close()

    def _ended(self) -> ChildEnded:
        try:
            status = self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            return ChildEnded(f"the load generator closed its connection; its messages are in {self._log}")
        return ChildEnded(f"the load generator ended with status {status}; its messages are in {self._log}")


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, even in the middle of a slice."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # Before that, its end closes the socket.
