"""One valid row with what is needed to explain it: its stack, its load, and what the operational laws say about it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from bakeoff.analysis import bounds
from bakeoff.findings.numerals import TIMES, number, percent, plural
from bakeoff.model import Bound, ClosedLoad, Condition, Estimate, Evidence, Load, Result, Run, Stack

REACHED = 0.8
"""Share of its bound that a stack must reach before the bound is called the reason."""


@dataclass(frozen=True)
class RowContext:
    """A stack under a condition, measured and valid."""

    stack: Stack
    condition: Condition
    row: Result
    throughput_rps: float
    unloaded_s: float | None
    """The latency without load; ``None`` where it was not measured."""
    cores: float
    """CPU seconds that the servers can use in a second."""

    @property
    def load(self) -> Load:
        """The load it was under."""
        return self.condition.load

    @property
    def bound_reached(self) -> bool:
        """Whether it came close enough to its bound for that to be the reason."""
        return self.row.bound is not None and self.throughput_rps >= REACHED * self.row.bound.rps

    @property
    def cpu_share(self) -> float | None:
        """Share of the servers' cores that the stack kept busy."""
        cpu = self.row.cpu_ms_per_request
        return None if cpu is None else cpu.point / 1e3 * self.throughput_rps / self.cores

    @property
    def users(self) -> int:
        """Users of a closed load; 0 for an open load."""
        return self.load.users if isinstance(self.load, ClosedLoad) else 0

    @property
    def concurrency(self) -> float:
        """Requests that would be in progress at once if none had to wait for a slot (Little's law)."""
        if isinstance(self.load, ClosedLoad):
            return self.load.users
        return self.load.mean_rate_rps * (self.unloaded_s or 0.0)

    @property
    def bound_without_slots(self) -> Bound | None:
        """The bound that would hold if slots did not limit the stack."""
        cpu: Estimate | None = self.row.cpu_ms_per_request
        unlimited = Stack(name=self.stack.name, interface="asgi")
        return bounds.bound(unlimited, self.load, self.unloaded_s, cpu.point / 1e3 if cpu else None, self.cores)

    @property
    def evidence(self) -> Evidence:
        """What was measured of it, by name; without what is not known."""
        cpu = self.row.cpu_ms_per_request
        values = {
            "measured_rps": self.throughput_rps,
            "bound_rps": self.row.bound.rps if self.row.bound else None,
            "bound_by": self.row.bound.by if self.row.bound else None,
            "unloaded_ms": self.unloaded_s * 1e3 if self.unloaded_s else None,
            "cpu_ms_per_request": cpu.point if cpu else None,
            "cpu_share": self.cpu_share,
            "cores": self.cores,
            "slots": bounds.slots(self.stack),
        }
        return {name: value for name, value in values.items() if value is not None}

    @property
    def cpu_words(self) -> str:
        """``its one core was busy 12 % of the time``; only where the CPU time is known."""
        verb = "was" if self.cores == 1 else "were"
        return f"its {cores_words(self.cores)} {verb} busy {percent(self.cpu_share or 0.0)} of the time"


def row_context(run: Run, condition: Condition, name: str) -> RowContext | None:
    """A stack under a condition; ``None`` where nothing valid was measured."""
    stack, row = run.stack(name), run.result(condition, name)
    if stack is None or row is None or not row.valid or row.throughput_rps is None:
        return None
    unloaded_s = bounds.unloaded_latency_s(name, run.records_of(condition, name), run.blocks)
    return RowContext(
        stack=stack,
        condition=condition,
        row=row,
        throughput_rps=row.throughput_rps.point,
        unloaded_s=unloaded_s or _unloaded_from_bound(stack, row),
        cores=run.manifest.server_cores,
    )


def row_contexts(run: Run) -> Iterator[RowContext]:
    """Every valid row, all endpoints together, by condition and then by stack."""
    for condition in run.conditions:
        for name in run.stack_names:
            context = row_context(run, condition, name)
            if context is not None:
                yield context


def _unloaded_from_bound(stack: Stack, row: Result) -> float | None:
    """The unloaded latency from which a bound by slots was computed."""
    slots = bounds.slots(stack)
    return slots / row.bound.rps if slots and row.bound and row.bound.by == "slots" else None


def slots_words(stack: Stack) -> str:
    """``4 workers``, or ``64 slots (4 workers x 16 threads)``."""
    if stack.threads == 1:
        return plural(stack.workers, "worker")
    slots = stack.workers * stack.threads
    return f"{plural(slots, 'slot')} ({plural(stack.workers, 'worker')} {TIMES} {plural(stack.threads, 'thread')})"


def cores_words(cores: float) -> str:
    """``one core``, ``2 cores``, or, by a quota, ``1.50 cores``."""
    if cores == 1:
        return "one core"
    return plural(int(cores), "core") if cores == int(cores) else f"{number(cores)} cores"


def threads_for(stack: Stack, concurrency: float) -> int:
    """Threads a worker with which a stack has so many requests in progress at once."""
    return math.ceil(concurrency / stack.workers)


def ms(seconds: float) -> str:
    """A time in milliseconds."""
    return f"{number(seconds * 1e3)} ms"
