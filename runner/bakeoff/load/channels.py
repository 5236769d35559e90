"""Channels: how the harness reaches its generators. Here, to processes of this machine over socket pairs.

The channel to workers on other machines is `bakeoff.load.distributed.master.WorkersChannel`.
"""

from __future__ import annotations

import selectors
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from bakeoff.load.child_process import ChildEnded, ChildProcess
from bakeoff.load.messages import Lost, Order, Report
from bakeoff.model import BakeoffError


class GeneratorError(BakeoffError):
    """The load generator itself failed. Nothing it measured afterwards can be believed."""


class Channel(Protocol):
    """A way to one or more generators, each known by a name."""

    shared_clock: bool
    """Whether times of the generators' clocks can be compared with each other and with the harness's."""

    def members(self) -> Sequence[str]:
        """The generators that can take an order now."""
        ...

    def send(self, member: str, order: Order) -> None:
        """Send an order to a generator."""
        ...

    def receive(self, wait_s: float) -> Iterable[tuple[str, Report | Lost]]:
        """The reports that have arrived, by sender, and which senders are gone; waits at most ``wait_s`` for some."""
        ...

    def whereabouts(self) -> Sequence[str]:
        """Which code each generator is running, where that is known: one of them hangs."""
        ...

    def close(self) -> None:
        """End the generators, or this machine's use of them."""
        ...


class LocalChannel:
    """Processes on this machine. One that ends is an error: nothing that the others measure is used."""

    shared_clock = True

    def __init__(self, cpus: Sequence[int], logs: Path, processes: int | None = None) -> None:
        """Start one process for each of ``cpus``, or as many as ``processes`` says, spread over the CPUs in turn.

        Raises `GeneratorError` when one does not start.
        """
        count = processes or max(1, len(cpus))
        self._children: dict[str, ChildProcess] = {}
        self._selector = selectors.DefaultSelector()
        try:
            for index in range(count):
                name = f"generator-{index}"
                pinned = (cpus[index % len(cpus)],) if cpus else ()
                self._children[name] = ChildProcess(pinned, logs / f"{name}.log")
                self._selector.register(self._children[name], selectors.EVENT_READ, name)
            for child in self._children.values():
                child.wait_ready()
        except BaseException as error:
            self.close()
            if isinstance(error, ChildEnded):
                raise GeneratorError(str(error)) from None
            raise

    def members(self) -> Sequence[str]:
        """All processes."""
        return tuple(self._children)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids."""
        return tuple(child.pid for child in self._children.values())

    def send(self, member: str, order: Order) -> None:
        """Send an order to a process. Raises `GeneratorError` when it has ended."""
        try:
            self._children[member].send(order)
        except ChildEnded as error:
            raise GeneratorError(str(error)) from None

    def receive(self, wait_s: float) -> Iterator[tuple[str, Report]]:
        """The reports that have arrived. Raises `GeneratorError` when a process has ended."""
        for key, _ in self._selector.select(wait_s):
            try:
                reports = self._children[key.data].receive()
            except ChildEnded as error:
                raise GeneratorError(str(error)) from None
            for report in reports:
                yield key.data, report

    def whereabouts(self) -> Sequence[str]:
        """Which code each process is running; nothing for one that does not tell."""
        return [place for child in self._children.values() if (place := child.whereabouts())]

    def close(self) -> None:
        """End all processes."""
        self._selector.close()
        for child in self._children.values():
            child.ask_to_stop()
        for child in self._children.values():
            child.close()
