"""Several generators that drive one slice together, as if they were one.

Each is given its share of the users or of the arrivals. They warm up at the same time; the last to be warm opens the
window of all. Their accounts are added up, and their histograms, being counts, are merged without loss.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec

from bakeoff.load.account import merged
from bakeoff.load.generator import Generator, Watcher
from bakeoff.load.messages import Drive, Driven, Second
from bakeoff.model import Answer, ClosedLoad, Scenario

OPEN_WITHIN_S = 120.0
"""How long generators wait for each other to be warm."""


class Fleet:
    """Generators on this machine, one a CPU. A context manager, and a generator like any one of them."""

    def __init__(self, cpus: Sequence[int], logs: Path, processes: int | None = None) -> None:
        """One process for each of ``cpus``, or as many as ``processes`` says, spread over them in turn.

        Raises `GeneratorError` when one does not start.
        """
        count = processes or max(1, len(cpus))
        with ExitStack() as started:
            self._generators = [
                started.enter_context(Generator(_cpu_for(index, cpus), logs / f"generator-{index}.log"))
                for index in range(count)
            ]
            self._closing = started.pop_all()
        self._threads = ThreadPoolExecutor(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        self._closing.close()
        self._threads.shutdown()

    def use(self, scenario: Scenario) -> None:
        """Load a scenario everywhere. Raises `UserError` when it cannot be used."""
        for generator in self._generators:
            generator.use(scenario)

    def ask(self, scenario: str, url: str) -> tuple[Answer, ...]:
        """What a target answers to each task of a scenario; one generator is enough to know."""
        return self._generators[0].ask(scenario, url)

    def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
        """Drive one slice together. A generator that fails makes the whole slice fail."""
        members = self._members_for(order)
        together = _Together(len(members), watcher)
        futures: list[Future[Part]] = [
            self._threads.submit(
                together.drive,
                generator,
                msgspec.structs.replace(order, share=share, shares=len(members)),
                together.watcher_of(share),
            )
            for share, generator in enumerate(members)
        ]
        parts = _results(futures)
        return merged([driven for driven, _ in parts]), [second for _, seconds in parts for second in seconds]

    def _members_for(self, order: Drive) -> Sequence[Generator]:
        """No more generators than there are users to share out."""
        if isinstance(order.load, ClosedLoad):
            return self._generators[: max(1, order.load.users)]
        return self._generators


Part = tuple[Driven, list[Second]]


def _results(futures: Sequence[Future[Part]]) -> list[Part]:
    """All parts, or the failure that kept the others from going on."""
    errors = [error for future in futures if (error := future.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error
    return [future.result() for future in futures]


def _cpu_for(index: int, cpus: Sequence[int]) -> tuple[int, ...]:
    return (cpus[index % len(cpus)],) if cpus else ()


class _Together:
    """Where the members of a fleet meet: before the window opens, and as it opens and closes."""

    def __init__(self, members: int, watcher: Watcher) -> None:
        self._watcher = watcher
        self._rates_rps = [0.0] * members
        self._latencies_s = [0.0] * members
        self._slice_s = 0.0
        self._all_warm = threading.Barrier(members, action=self._decide)
        self._all_open = threading.Barrier(members, action=watcher.window_opened)
        self._all_closed = threading.Barrier(members, action=watcher.window_closed)

    def watcher_of(self, share: int) -> Watcher:
        """The watcher of one member."""
        return _Member(self, share)

    def drive(self, generator: Generator, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
        """Drive; a member that fails frees the others from waiting for it."""
        try:
            return generator.drive(order, watcher)
        except BaseException:
            for barrier in (self._all_warm, self._all_open, self._all_closed):
                barrier.abort()
            raise

    def _decide(self) -> None:
        self._slice_s = self._watcher.warm(max(self._latencies_s))

    def warm(self, share: int, mean_latency_s: float) -> float:
        """Wait until all are warm; how long the window is to be."""
        self._latencies_s[share] = mean_latency_s
        self._all_warm.wait(OPEN_WITHIN_S)
        return self._slice_s

    def opened(self) -> None:
        """Wait until all have opened."""
        self._all_open.wait(OPEN_WITHIN_S)

    def closed(self) -> None:
        """Wait until all have closed."""
        self._all_closed.wait(OPEN_WITHIN_S)

    def tick(self, share: int, elapsed_s: float, rate_rps: float) -> None:
        """Add a member's rate to those of the others."""
        self._rates_rps[share] = rate_rps
        if share == 0:
            self._watcher.tick(elapsed_s, sum(self._rates_rps))


class _Member(Watcher):
    """One generator's part in what happens to all."""

    def __init__(self, together: _Together, share: int) -> None:
        self._together = together
        self._share = share

    def warm(self, mean_latency_s: float) -> float:
        """Wait for the others."""
        return self._together.warm(self._share, mean_latency_s)

    def window_opened(self) -> None:
        """Tell when the last one has."""
        self._together.opened()

    def window_closed(self) -> None:
        """Tell when the last one has."""
        self._together.closed()

    def tick(self, elapsed_s: float, rate_rps: float) -> None:
        """Hand on the sum of all rates."""
        self._together.tick(self._share, elapsed_s, rate_rps)
