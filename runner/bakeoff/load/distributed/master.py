"""The master: the harness's channel to workers that join it from other machines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.load.distributed.options import JOIN_WITHIN_S
from bakeoff.load.distributed.protocol import (
    Compatible,
    Dismissal,
    Ending,
    FromWorker,
    Hello,
    Leave,
    Ping,
    Pong,
    Terms,
    from_worker_decoder,
)
from bakeoff.load.distributed.sockets import MasterSocket
from bakeoff.load.distributed.sources import list_sources, relative, versions
from bakeoff.load.generator import LocalGenerators
from bakeoff.load.messages import GeneratorProblem, Lost, Order, Report, UseScenario, line
from bakeoff.model import Machine, Scenario, UserError

PING_S = 1.0
LOST_AFTER_S = 5.0
"""Silence after which a worker is taken for dead."""
MESSAGES_AT_ONCE = 1000
Event = tuple[str, Report | Lost]


@dataclass(frozen=True)
class RemoteWorkers:
    """Workers that join a master on this machine."""

    count: int
    host: str
    """An address of this machine: the master listens there, and the stacks do."""
    port: int
    """0 for a free one."""
    token: bytes
    join_within_s: float = JOIN_WITHIN_S
    generators = 1
    """How many CPUs of this machine the servers leave free: the master uses little of one."""


@dataclass
class _Worker:
    """A worker that has connected."""

    seen_s: float
    machine: Machine | None = None
    """What it runs on; ``None`` until it has joined, that is, meets the terms and takes orders."""


class WorkersChannel:
    """Workers on other machines. A slice is shared out among all that are left."""

    shared_clock = False

    def __init__(self, expected: RemoteWorkers, terms: Terms, root: Path, say: Callable[[str], None]) -> None:
        """Listen, without waiting for workers. ``root`` is the experiment's folder; ``say`` tells the user who joins.

        Raises `UserError` when the address cannot be listened on.
        """
        self._expected = expected
        self._terms = terms
        self._root = root
        self._say = say
        self._socket = MasterSocket(expected.host, expected.port, expected.token)
        self._workers: dict[str, _Worker] = {}
        self._complete = False
        self._pinged_s = 0.0

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._socket.port

    def wait(self) -> None:
        """Wait until all workers have joined. Raises `UserError` when too few do in time."""
        expected = self._expected
        self._say(
            f"waiting for workers ({expected.count}); on other machines: "
            f"bakeoff worker --master {expected.host}:{self.port}"
        )
        deadline_s = time.monotonic() + expected.join_within_s
        while not self._complete:
            for _ in self.receive(PING_S):
                pass
            if time.monotonic() > deadline_s and not self._complete:
                raise UserError(
                    f"{len(self._joined())} of {expected.count} workers joined within {expected.join_within_s:g} s; "
                    f"start more: bakeoff worker --master {expected.host}:{self.port}"
                )

    def machines(self) -> tuple[Machine, ...]:
        """The machine of each worker that has joined and is left."""
        return tuple(worker.machine for worker in self._workers.values() if worker.machine)

    def members(self) -> Sequence[str]:
        """The workers that answer a ping now; those that do not within `LOST_AFTER_S` are out."""
        began_s = time.monotonic()
        for worker in self._joined():
            self._workers[worker].seen_s = began_s
            self._send(worker, Ping())
        while any(self._workers[worker].seen_s <= began_s for worker in self._joined()):
            for _ in self._received(PING_S):
                pass
        return self._joined()

    def send(self, member: str, order: Order) -> None:
        """Send an order to a worker, with paths as the worker knows them."""
        if isinstance(order, UseScenario):
            order = UseScenario(scenario=_relative(order.scenario, self._root))
        self._send(member, order)

    def receive(self, wait_s: float) -> Iterator[Event]:
        """The reports that have arrived, and the workers that were lost."""
        if time.monotonic() - self._pinged_s > PING_S:
            self._pinged_s = time.monotonic()
            for worker in self._joined():
                self._send(worker, Ping())
        yield from self._received(min(wait_s, PING_S))

    def whereabouts(self) -> Sequence[str]:
        """Unknown on other machines."""
        return ()

    def close(self) -> None:
        """Dismiss all workers."""
        for worker in self._workers:
            self._send(worker, Dismissal(ending="done", reason="the run is over"))
        self._workers.clear()
        self._socket.close()

    def _joined(self) -> list[str]:
        return [name for name, worker in self._workers.items() if worker.machine]

    def _send(self, worker: str, message: Any) -> None:
        self._socket.send(worker, line(message))

    def _received(self, wait_s: float) -> Iterator[Event]:
        """What has arrived, after a wait for the first message, and who has been silent for too long."""
        for _ in range(MESSAGES_AT_ONCE):
            received = self._socket.receive(wait_s)
            if received is None:
                break
            wait_s = 0.0
            worker, body = received
            try:
                messages = [from_worker_decoder.decode(text) for text in body.splitlines()]
            except msgspec.MsgspecError as error:
                yield from self._lose(worker, f"sent what this version does not understand: {error}", "refused")
                continue
            if worker in self._workers:
                self._workers[worker].seen_s = time.monotonic()
            for message in messages:
                yield from self._handle(worker, message)
        else:
            return  # More may have arrived: a worker is silent only if nothing of it is left to read.
        for worker in self._joined():
            if time.monotonic() - self._workers[worker].seen_s > LOST_AFTER_S:
                yield from self._lose(worker, f"has been silent for {LOST_AFTER_S:g} s", "failed")

    def _handle(self, worker: str, message: FromWorker) -> Iterator[Event]:
        match message:
            case Hello() if self._complete:
                self._send(worker, Dismissal(ending="refused", reason=self._complete_message()))
            case Hello():
                self._workers[worker] = _Worker(seen_s=time.monotonic())
                self._send(worker, self._terms)
            case Compatible(machine=machine) if worker in self._workers:
                self._join(worker, machine)
            case Leave(reason=reason):
                yield from self._lose(worker, f"left: {reason}", "done")
            case Hello() | Compatible() | Pong():
                pass
            case GeneratorProblem():
                yield worker, msgspec.structs.replace(message, message=f"worker {worker}: {message.message}")
            case _:
                yield worker, message

    def _join(self, worker: str, machine: Machine) -> None:
        if self._complete:
            del self._workers[worker]
            self._send(worker, Dismissal(ending="refused", reason=self._complete_message()))
            return
        self._workers[worker].machine = machine
        joined = len(self._joined())
        self._complete = joined == self._expected.count
        self._say(f"worker {worker} joined ({joined} of {self._expected.count})")

    def _complete_message(self) -> str:
        return f"the master has its {self._expected.count} workers already"

    def _lose(self, worker: str, reason: str, ending: Ending) -> Iterator[Event]:
        self._say(f"worker {worker} {reason}")
        self._send(worker, Dismissal(ending=ending, reason=f"this worker {reason}"))
        lost = self._workers.pop(worker, None)
        if lost and lost.machine:
            yield worker, Lost(message=f"worker {worker} {reason}")


def terms_for(scenarios: Iterable[Scenario], root: Path, logs: Path) -> Terms:
    """What workers must have in common with this machine to drive the scenarios of the experiment in ``root``.

    A process imports the scenarios for that. Raises `UserError` when one cannot be used.
    """
    from_files = [scenario for scenario in scenarios if scenario.locustfile]
    sources: dict[str, str] = {}
    if from_files:
        with LocalGenerators((), logs, processes=1) as generators:
            for scenario in from_files:
                generators.use(scenario)
            files = [Path(scenario.locustfile or "") for scenario in from_files]
            sources = generators.list_sources(list_sources(files, root))
    return Terms(
        versions=versions(), scenarios=tuple(_relative(scenario, root) for scenario in from_files), sources=sources
    )


def _relative(scenario: Scenario, root: Path) -> Scenario:
    if scenario.locustfile is None:
        return scenario
    return msgspec.structs.replace(scenario, locustfile=relative(Path(scenario.locustfile), root))
