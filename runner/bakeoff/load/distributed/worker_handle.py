"""The command line's handle on a worker of this machine: its load-generating child, and its way to the master."""

from __future__ import annotations

import platform
import secrets
import socket
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import msgspec

from bakeoff.load.distributed.master_handle import JOIN_WITHIN_S, Say
from bakeoff.load.distributed.protocol import Enrolment, Note, Over
from bakeoff.load.messages import line
from bakeoff.load.process import pinning, start_module

ENDS_WITHIN_S = 2.0
_word = msgspec.json.Decoder(Note | Over)


class Enlisted:
    """A worker."""

    def __init__(self, enrolment: Enrolment, cpus: Sequence[int], logs: Path) -> None:
        """Start it, its load on ``cpus`` (anywhere if empty), without waiting until it has joined."""
        log = logs / f"{enrolment.name}.log"
        childs_end, uplinks_end = socket.socketpair()
        self._control, theirs = socket.socketpair()
        with childs_end, uplinks_end, theirs:
            self._child = start_module("bakeoff.load.child", [childs_end], pinning(cpus), log)
            self._uplink = start_module("bakeoff.load.distributed.worker", [uplinks_end, theirs], (), log)
        self._control.sendall(line(enrolment))

    @property
    def pid(self) -> int:
        """The process id of its load generator."""
        return self._child.pid

    def outcome(self, say: Say) -> Over:
        """Wait until it has ended; ``say`` tells the user what happens meanwhile."""
        with self._control.makefile("rb") as words:
            for received in words:
                word = _word.decode(received)
                if isinstance(word, Over):
                    return word
                say(word.text)
        return Over(ending="failed", reason=f"the worker ended with status {self._uplink.wait()}")

    def close(self) -> None:
        """End it: it tells its master, and its load ends at once."""
        self._control.shutdown(socket.SHUT_WR)
        try:
            self._uplink.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._uplink.kill()
            self._uplink.wait()
        self._child.kill()  # It may be in the middle of a slice, where it takes no orders.
        self._child.wait()
        self._control.close()


class Enlistment:
    """Workers of this machine that join the same master. A context manager: leaving it ends them all."""

    def __init__(
        self,
        master: tuple[str, int],
        token: bytes,
        directory: Path,
        cpus: Sequence[int],
        logs: Path,
        workers: int = 1,
        join_within_s: float = JOIN_WITHIN_S,
    ) -> None:
        """Start so many, spread over ``cpus``, without waiting until they have joined."""
        host, port = master
        self._workers: list[Enlisted] = []
        self._threads = ThreadPoolExecutor(workers)
        for index in range(workers):
            enrolment = Enrolment(
                host=host,
                port=port,
                token=token,
                name=f"{platform.node()}-{secrets.token_hex(4)}",
                directory=str(directory.resolve()),
                join_within_s=join_within_s,
            )
            self._workers.append(Enlisted(enrolment, cpus[index : index + 1], logs))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close()
        self._threads.shutdown()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the load generators."""
        return tuple(worker.pid for worker in self._workers)

    def outcomes(self, say: Say) -> list[Over]:
        """Wait until all have ended; ``say`` tells the user what happens meanwhile."""
        return list(self._threads.map(lambda worker: worker.outcome(say), self._workers))
