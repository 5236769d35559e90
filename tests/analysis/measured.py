"""Runs of one scenario, made slice by slice, for tests of the analysis."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bakeoff.analysis import Row, rows_of
from bakeoff.model import (
    BlockResult,
    ClosedLoad,
    EndpointCounts,
    Experiment,
    Failure,
    GeneratorUse,
    Histogram,
    Interval,
    Load,
    OpenLoad,
    Outcomes,
    Record,
    ServerUse,
)
from tests.builders import experiment, stack


@dataclass(frozen=True)
class Slices:
    """How the slices of a stack went: by default without any fault."""

    load: Load = field(default_factory=lambda: ClosedLoad(users=10))
    throughput_rps: float = 200.0
    latency_s: float = 0.05
    unloaded_s: float = 0.04
    window_s: float = 10.0
    blocks: int = 3
    errors: int = 0
    error_s: float | None = None
    """How long each of them had waited; not recorded, as in early runs, where ``None``."""
    errors_in_block: int | None = None
    """The only block that has errors; ``None`` for all."""
    lost: int = 0
    """Requests offered that have no outcome."""
    lag_s: float = 0.0
    users: int | None = None
    """Users that were running at the end of each slice."""
    generator_busy: float = 0.2
    idle_cpu_s: float = 0.0
    failure: Failure | None = None


def measured(**stacks: Slices) -> tuple[Experiment, list[BlockResult], list[Interval]]:
    """An experiment, and what was recorded of it: one slice of every stack in each block.

    The first stack is the baseline; its load and number of blocks are those of all.
    """
    first = next(iter(stacks.values()))
    blocks: list[BlockResult] = []
    intervals: list[Interval] = []
    for block in range(first.blocks):
        records = []
        for position, (name, slices) in enumerate(stacks.items()):
            records.append(_record(block, position, name, slices))
            intervals += _intervals(block, position, slices)
        unloaded_s = {name: {"/": slices.unloaded_s} for name, slices in stacks.items()}
        blocks.append(BlockResult(number=block, records=tuple(records), unloaded_s=unloaded_s))
    asked = experiment(*map(stack, stacks), loads=(first.load,), blocks=first.blocks, passes=1)
    return asked, blocks, intervals


def row(slices: Slices, endpoint: str = "*") -> Row:
    """The row of a stack whose slices went so."""
    rows = rows_of(*measured(a=slices))
    return next(row for row in rows if row.endpoint == endpoint)


def _record(block: int, position: int, name: str, slices: Slices) -> Record:
    right, errors = _requests(slices), _errors(slices, block)
    counts = EndpointCounts(
        endpoint="/",
        offered=right + errors + slices.lost,
        outcomes=Outcomes(right=right, wrong=errors),
        completed=right,
        reason="status 500" if errors else None,
    )
    return Record(
        block=block,
        position=position,
        stack=name,
        scenario="front",
        load=slices.load,
        started_unix_s=0.0,
        window_s=slices.window_s,
        warmup_s=0.1,
        endpoints=() if slices.failure else (counts,),
        server=ServerUse(cpu_s=0.001 * right, rss_bytes=2**20, processes=1, threads=1, others_cpu_s=slices.idle_cpu_s),
        generator=GeneratorUse(
            cpu_s=slices.generator_busy * slices.window_s,
            window_s=slices.window_s,
            connections_opened=10,
            requests_sent=right,
            users=slices.users,
        ),
        failure=slices.failure,
    )


def _intervals(block: int, position: int, slices: Slices) -> list[Interval]:
    if slices.failure:
        return []
    place = {"block": block, "position": position, "endpoint": "/", "start_s": 0.0, "length_s": slices.window_s}
    requests = _requests(slices)
    latency = Histogram.of(np.full(requests, slices.latency_s * 1e9))
    lag = Histogram.of(np.full(requests, slices.lag_s * 1e9))
    waited = Histogram.of(np.full(_errors(slices, block), (slices.error_s or 0.0) * 1e9))
    return [
        Interval(**place, kind="latency", histogram=latency),  # type: ignore[arg-type]
        *([Interval(**place, kind="error", histogram=waited)] if slices.error_s is not None else []),  # type: ignore[arg-type]
        *([Interval(**place, kind="lag", histogram=lag)] if isinstance(slices.load, OpenLoad) else []),  # type: ignore[arg-type]
    ]


def _errors(slices: Slices, block: int) -> int:
    return slices.errors if slices.errors_in_block in (None, block) else 0


def _requests(slices: Slices) -> int:
    return round(slices.throughput_rps * slices.window_s)
