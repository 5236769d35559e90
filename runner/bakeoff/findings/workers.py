"""How a stack's work is spread over its processes, and what memory each of them needs."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bakeoff.findings.grid import Cell, Grid, Head, make_grid, missing
from bakeoff.findings.numerals import TIMES, count, number, percent
from bakeoff.model import ProcessUse, Record, Run, Stack

SHOWN = 8
"""Processes whose shares are listed; the others are added up."""
MIB = 2**20
BUSY_HELPERS = ("uwsgi",)
"""Servers with a busy process that is no worker: uWSGI's speaks HTTP. CPU time does not tell which one it is."""


@dataclass(frozen=True)
class Memory:
    """What the processes of a stack hold together, in bytes; a page that several of them map counts once."""

    private_bytes: float
    """Of one worker alone, the median of all workers."""
    shared_bytes: float
    """Mapped by several processes of the stack, or by other programs too: then only the stack's part."""
    total_bytes: float


def cpu_shares(records: Iterable[Record]) -> tuple[float, ...]:
    """Each process's share of the CPU time that a stack used in some records, the largest first.

    Processes are other ones in each block, so the shares are ranked within a block and the ranks averaged over blocks.
    Empty where the CPU time was not recorded by process.
    """
    shares = [
        [used_s / total_s for used_s in sorted(used.values(), reverse=True)]
        for used in _cpu_s_by_block(records).values()
        if (total_s := sum(used.values())) > 0
    ]
    ranks = max(map(len, shares), default=0)
    return tuple(
        statistics.fmean(block[rank] if rank < len(block) else 0.0 for block in shares) for rank in range(ranks)
    )


def busiest_of_even(stack: Stack, shares: Sequence[float]) -> float | None:
    """The work of the busiest worker as a multiple of an even share.

    Workers are the processes with the most CPU time, so that a supervisor does not count as an idle worker. ``None``
    for one worker, and where workers cannot be told from their helpers.
    """
    of_workers = shares[: stack.workers]
    if stack.workers < 2 or stack.server in BUSY_HELPERS or not of_workers:
        return None
    return of_workers[0] * stack.workers / sum(of_workers)


def memory(stack: Stack, records: Iterable[Record]) -> Memory | None:
    """The median over blocks of what a stack's processes held after each block's last slice.

    ``None`` where that was not recorded.
    """
    last: dict[int, tuple[ProcessUse, ...]] = {}
    for record in records:
        if record.server and any(process.pss_bytes is not None for process in record.server.by_process):
            last[record.block] = record.server.by_process
    if not last:
        return None
    blocks = [_memory_of(stack, processes) for processes in last.values()]
    return Memory(
        private_bytes=statistics.median(block.private_bytes for block in blocks),
        shared_bytes=statistics.median(block.shared_bytes for block in blocks),
        total_bytes=statistics.median(block.total_bytes for block in blocks),
    )


def workers_grid(run: Run) -> Grid:
    """One row for each stack whose processes were seen; no rows where no stack's were."""
    heads = (
        Head("stack", numeric=False),
        Head("CPU time by process", "share of the stack's", numeric=False),
        Head("busiest worker", "of an even share"),
        Head("connections", "opened"),
        Head("requests", "sent"),
        Head("memory a worker", "MiB, private"),
        Head("memory shared", "MiB"),
        Head("memory together", "MiB"),
    )
    records: dict[str, list[Record]] = {}
    for record in run.records:
        records.setdefault(record.stack, []).append(record)
    observed = [(stack, records.get(stack.name, [])) for stack in run.manifest.experiment.stacks]
    return make_grid("Workers", heads, [_cells(stack, seen) for stack, seen in observed if cpu_shares(seen)])


def _cells(stack: Stack, records: Sequence[Record]) -> tuple[Cell, ...]:
    shares = cpu_shares(records)
    busiest = busiest_of_even(stack, shares)
    held = memory(stack, records)
    clients = [record.generator for record in records if record.generator]
    listed = [percent(share) for share in shares[:SHOWN]]
    listed += [f"{percent(sum(shares[SHOWN:]))} in {count(len(shares) - SHOWN)} others"] if shares[SHOWN:] else []
    sizes = (held.private_bytes, held.shared_bytes, held.total_bytes) if held else ()
    return (
        Cell(stack.name, stack.interface, kind=stack.interface),
        Cell(", ".join(listed)),
        _busiest_cell(stack, busiest),
        Cell(count(sum(use.connections_opened for use in clients))),
        Cell(count(sum(use.requests_sent for use in clients))),
        *(Cell(number(size / MIB)) for size in sizes),
        *(() if held else [missing("not observed")] * 3),
    )


def _busiest_cell(stack: Stack, busiest: float | None) -> Cell:
    if busiest is not None:
        return Cell(f"{number(busiest)} {TIMES}")
    if stack.workers < 2:
        return Cell("one worker", kind="quiet")
    return missing(f"workers of {stack.server} cannot be told from its other processes")


def _cpu_s_by_block(records: Iterable[Record]) -> dict[int, dict[int, float]]:
    blocks: dict[int, dict[int, float]] = {}
    for record in records:
        for process in record.server.by_process if record.server else ():
            used = blocks.setdefault(record.block, {})
            used[process.pid] = used.get(process.pid, 0.0) + process.cpu_s
    return blocks


def _memory_of(stack: Stack, processes: Sequence[ProcessUse]) -> Memory:
    """Workers are the processes with the most private memory: they run the app."""
    private = sorted((process.private_bytes or 0 for process in processes), reverse=True)
    total_bytes = sum(process.pss_bytes or 0 for process in processes)
    return Memory(
        private_bytes=statistics.median(private[: stack.workers]),
        shared_bytes=total_bytes - sum(private),
        total_bytes=total_bytes,
    )
