"""One valid row with what is needed to explain it: its stack, its load, and what the operational laws say of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from bakeoff.analysis import bounds as laws
from bakeoff.findings.numerals import TIMES, number, plural
from bakeoff.model import Bound, Condition, Estimate, Load, Result, Run, Stack

REACHED = 0.8
"""Share of its bound that a stack must reach before the bound is called the reason."""


@dataclass(frozen=True)
class Situation:
    """A stack at a load, measured and valid."""

    stack: Stack
    case: Condition
    row: Result
    throughput_rps: float
    unloaded_s: float | None
    """The latency without load; ``None`` where it was not measured."""
    cores: int

    @property
    def load(self) -> Load:
        """The load it was under."""
        return self.case.load

    @property
    def reached(self) -> bool:
        """Whether it came close enough to its bound for that to be the reason."""
        return self.row.bound is not None and self.throughput_rps >= REACHED * self.row.bound.rps

    @property
    def cpu_share(self) -> float | None:
        """Share of the servers' cores that the stack kept busy."""
        cpu = self.row.cpu_ms_per_request
        return None if cpu is None else cpu.point / 1e3 * self.throughput_rps / self.cores

    @property
    def next_bound(self) -> Bound | None:
        """What would bind if slots did not."""
        unlimited: Estimate | None = self.row.cpu_ms_per_request
        free = Stack(name=self.stack.name, interface="asgi")
        return laws.bound(free, self.load, self.unloaded_s, unlimited.point / 1e3 if unlimited else None, self.cores)


def situation(run: Run, case: Condition, name: str) -> Situation | None:
    """A stack at a load; ``None`` where nothing valid was measured."""
    stack, row = run.stack(name), run.result(case, name)
    if stack is None or row is None or not row.valid or row.throughput_rps is None:
        return None
    records = run.records_of(case, name)
    return Situation(
        stack=stack,
        case=case,
        row=row,
        throughput_rps=row.throughput_rps.point,
        unloaded_s=laws.unloaded_latency_s(name, records, run.blocks) or _unloaded_by_bound(stack, row),
        cores=max(1, len(run.manifest.machine.server_cpus)),
    )


def _unloaded_by_bound(stack: Stack, row: Result) -> float | None:
    """The unloaded latency that a bound by slots was computed from."""
    held = laws.slots(stack)
    return held / row.bound.rps if held and row.bound and row.bound.by == "slots" else None


def situations(run: Run) -> Iterator[Situation]:
    """Every valid row, all endpoints together, case by case."""
    for case in run.conditions:
        for name in run.stack_names:
            found = situation(run, case, name)
            if found is not None:
                yield found


def slots_words(stack: Stack) -> str:
    """``4 workers``, or ``64 slots (4 workers x 16 threads)``."""
    if stack.threads == 1:
        return plural(stack.workers, "worker")
    held = stack.workers * stack.threads
    return f"{plural(held, 'slot')} ({plural(stack.workers, 'worker')} {TIMES} {plural(stack.threads, 'thread')})"


def threads_for(stack: Stack, at_once: float) -> int:
    """Threads a worker that hold so many requests at once."""
    return math.ceil(at_once / stack.workers)


def ms(seconds: float) -> str:
    """A time in milliseconds."""
    return f"{number(seconds * 1e3)} ms"
