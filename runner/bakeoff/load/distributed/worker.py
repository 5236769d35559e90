"""A worker: a load-generating child process on this machine, and the connection to the master whose orders it takes."""

from __future__ import annotations

import platform
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import msgspec
import zmq

from bakeoff.load.child_process import ChildEnded, ChildProcess
from bakeoff.load.distributed.options import JOIN_WITHIN_S
from bakeoff.load.distributed.protocol import (
    Compatible,
    Dismissal,
    Ending,
    FromMaster,
    Hello,
    Leave,
    Ping,
    Pong,
    Terms,
    from_master_decoder,
)
from bakeoff.load.distributed.sockets import ConnectionFailed, WorkerSocket
from bakeoff.load.distributed.sources import list_sources, versions
from bakeoff.load.messages import (
    Ask,
    Drive,
    Driven,
    GeneratorProblem,
    OpenWindow,
    Order,
    Ready,
    Report,
    Second,
    Sources,
    Tick,
    UseScenario,
    line,
)
from bakeoff.model import Machine

ANSWERED_WITHIN_S = 120.0
"""How long the master may take to send its terms, or the child to load a scenario."""
POLL_MS = 1000
MAX_HELD_BYTES = 1 << 20
"""Collected reports are sent before the next ping when they are more than this."""
T = TypeVar("T")


@dataclass(frozen=True)
class WorkerOptions:
    """The options of a worker."""

    host: str
    port: int
    token: bytes
    directory: Path
    """A copy of the experiment's folder."""
    machine: Machine
    """What it runs on."""
    join_within_s: float = JOIN_WITHIN_S


@dataclass(frozen=True)
class Ended:
    """How a worker ended."""

    ending: Ending
    reason: str


class _End(Exception):
    """Ends a worker."""

    def __init__(self, ending: Ending, reason: str, *, tell_master: bool = True) -> None:
        super().__init__(reason)
        self.ended = Ended(ending, reason)
        self.tell_master = tell_master


class Worker:
    """One load-generating child, and its connection to the master."""

    def __init__(self, options: WorkerOptions, cpus: Sequence[int], logs: Path, stop: socket.socket) -> None:
        """Start the child, pinned to ``cpus`` (not pinned if empty), and begin to connect.

        The worker is to end when ``stop`` becomes readable.
        """
        self._name = f"{platform.node()}-{secrets.token_hex(4)}"
        self._options = options
        self._place = f"{options.host}:{options.port}"
        self._stop = stop
        self._child = ChildProcess(cpus, logs / f"{self._name}.log")
        self._master = WorkerSocket(options.host, options.port, options.token, self._name)
        self._poller = zmq.Poller()
        self._poller.register(stop, zmq.POLLIN)
        self._poller.register(self._child, zmq.POLLIN)
        self._master.register(self._poller)
        self._held: list[bytes] = []
        self._tick: Tick | None = None

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    def run(self, say: Callable[[str], None]) -> Ended:
        """Join the master, and carry out its orders until either of them ends."""
        try:
            terms = self._join()
            say(f"joined the master at {self._place} as {self._name}")
            while True:
                for message in self._poll():
                    self._handle(message, terms)
        except _End as end:
            if end.tell_master:
                self._send(Leave(reason=end.ended.reason))
            return end.ended
        except BaseException as error:
            self._send(Leave(reason=f"failed: {error!r}"))
            raise
        finally:
            self._master.close()

    def close(self) -> None:
        """End the child at once: in the middle of a slice it takes no orders."""
        self._master.close()
        self._child.ask_to_stop()
        self._child.close(within_s=0.0)

    def _poll(self) -> list[FromMaster | Report]:
        """The next messages of master and child. Raises `_End` when one of the two ends, or the worker is to."""
        ready = dict(self._poller.poll(POLL_MS))
        if self._stop.fileno() in ready:
            raise _End("done", "it was interrupted")
        messages: list[FromMaster | Report] = []
        try:
            for body in self._master.receive():
                messages += [from_master_decoder.decode(text) for text in body.splitlines()]
            if self._child.fileno() in ready:
                messages += self._child.receive()
        except ConnectionFailed as error:
            raise _End(error.ending, f"{self._place}: {error}", tell_master=False) from None
        except msgspec.MsgspecError as error:
            raise _End("failed", f"{self._place}: a message of the master is not understood: {error}") from None
        except ChildEnded:
            raise _End("failed", "its load generator ended") from None
        for message in messages:
            if isinstance(message, Dismissal):
                raise _End(message.ending, message.reason, tell_master=False)
        return messages

    # --- joining ------------------------------------------------------------------------------------------------------

    def _join(self) -> Terms:
        self._wait_for(Ready, ANSWERED_WITHIN_S, "the load generator does not start")
        deadline_s = time.monotonic() + self._options.join_within_s
        while not self._master.connected:
            self._poll()
            if time.monotonic() > deadline_s:
                reason = f"{self._place}: no master answers (waited {self._options.join_within_s:g} s)"
                raise _End("refused", reason, tell_master=False)
        self._send(Hello())
        terms = self._wait_for(Terms, self._options.join_within_s, f"{self._place}: the master does not send its terms")
        problem = self._difference(terms)
        if problem:
            raise _End("refused", problem)
        self._send(Compatible(machine=self._options.machine))
        return terms

    def _difference(self, terms: Terms) -> str | None:
        """Load this machine's copies of the scenarios, and compare what that imports with the terms."""
        if problem := terms.version_difference(versions()):
            return problem
        files: list[Path] = []
        for scenario in terms.scenarios:
            order = self._own_copy(UseScenario(scenario=scenario))
            files.append(Path(order.scenario.locustfile or ""))
            if not files[-1].is_file():
                return f"{files[-1]} is missing; start in a copy of the experiment's folder, or name it: --directory"
            self._order(order)
            self._wait_for(Ready, ANSWERED_WITHIN_S, "the scenario does not load")
        if not files:
            return None
        self._order(list_sources(files, self._options.directory.resolve()))
        sources = self._wait_for(Sources, ANSWERED_WITHIN_S, "the load generator does not answer")
        return terms.source_difference(sources.digests)

    def _wait_for(self, kind: type[T], within_s: float, otherwise: str) -> T:
        """The next message of some kind. Raises `_End` when it does not come."""
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            for message in self._poll():
                if isinstance(message, kind):
                    return message
                if isinstance(message, GeneratorProblem):
                    raise _End("refused", message.message)
        raise _End("refused", f"{otherwise} (waited {within_s:g} s)")

    # --- orders and reports -------------------------------------------------------------------------------------------

    def _handle(self, message: FromMaster | Report, terms: Terms) -> None:
        match message:
            case Ping():
                self._held.append(line(Pong()))
                self._flush()
            case Tick():
                self._tick = message
            case Second():
                self._hold(message)
            case Driven():
                # This machine's clock cannot be compared with the master's.
                self._hold(msgspec.structs.replace(message, opened_ns=0))
                self._flush()
            case UseScenario():
                path = message.scenario.locustfile
                if path and path not in {scenario.locustfile for scenario in terms.scenarios}:
                    raise _End("failed", f"{self._place}: the master uses {path}, which was not compared")
                self._order(self._own_copy(message))
            case Ask() | Drive() | OpenWindow():
                self._order(message)
            case Terms() | Dismissal():
                pass
            case _:
                self._hold(message)
                self._flush()

    def _own_copy(self, order: UseScenario) -> UseScenario:
        """The order with the path of this machine's copy of the Locust file."""
        if order.scenario.locustfile is None:
            return order
        file = str(self._options.directory.resolve() / order.scenario.locustfile)
        return UseScenario(scenario=msgspec.structs.replace(order.scenario, locustfile=file))

    def _order(self, order: Order) -> None:
        try:
            self._child.send(order)
        except ChildEnded:
            raise _End("failed", "its load generator ended") from None

    def _hold(self, report: Report) -> None:
        """Keep a report until the next ping, or until many are kept: sending costs time that the load may need."""
        self._held.append(line(report))
        if sum(map(len, self._held)) > MAX_HELD_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._tick:
            self._held.append(line(self._tick))
            self._tick = None
        if self._held:
            self._master.send(b"".join(self._held))
            self._held.clear()

    def _send(self, message: Hello | Compatible | Leave) -> None:
        self._master.send(line(message))


class Workers:
    """Workers of this machine that join the same master. A context manager: leaving it ends them all."""

    def __init__(self, options: WorkerOptions, cpus: Sequence[int], logs: Path, count: int = 1) -> None:
        """Start ``count`` workers, one on each of ``cpus``; `run` has them join."""
        self._running, self._stop = socket.socketpair()
        self._workers = [Worker(options, cpus[index : index + 1], logs, self._stop) for index in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close()
        self._running.close()
        self._stop.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the load generators."""
        return tuple(worker.pid for worker in self._workers)

    def run(self, say: Callable[[str], None]) -> list[Ended]:
        """Drive load for the master until all have ended. An interrupt is reported to the master, and raised again."""
        with ThreadPoolExecutor(len(self._workers)) as threads:
            running = [threads.submit(worker.run, say) for worker in self._workers]
            try:
                return [future.result() for future in running]
            finally:
                self._running.shutdown(socket.SHUT_WR)
