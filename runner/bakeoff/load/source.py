"""Where the load comes from: generators on this machine, or workers that join from others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bakeoff.load.distributed.address import DEFAULT_ADDRESS, read_own_address
from bakeoff.load.distributed.master_handle import JoinedWorkers, Say
from bakeoff.load.distributed.token import take_token
from bakeoff.load.fleet import Fleet
from bakeoff.load.generator import LoadGenerator
from bakeoff.model import Experiment, Machine, UserError


@dataclass(frozen=True)
class Here:
    """Processes on this machine."""

    generators: int = 1
    host = "127.0.0.1"
    """Where the stacks are to listen."""


@dataclass(frozen=True)
class Elsewhere:
    """Workers that join a master on this machine."""

    workers: int
    host: str
    """An address of this machine: there the master listens, and the stacks do."""
    port: int
    token: bytes
    generators = 1
    """How many CPUs of this machine the servers leave alone: the master uses little of one."""


Source = Here | Elsewhere


def read_source(generators: int | None, workers: int | None, listen: str | None, token_file: Path | None) -> Source:
    """What the command line asks for. Raises `UserError` when it cannot be."""
    for option, count in (("--generators", generators), ("--workers", workers)):
        if count is not None and count < 1:
            raise UserError(f"{option} {count}: it takes one at least")
    if workers is not None:
        host, port = read_own_address(listen or DEFAULT_ADDRESS)
        return Elsewhere(workers, host, port, take_token(token_file))
    for option, value in (("--listen", listen), ("--token-file", token_file)):
        if value is not None:
            raise UserError(f"{option} is for workers that join; say how many: --workers N")
    return Here(generators or 1)


@contextmanager
def opened(source: Source, experiment: Experiment, machine: Machine, logs: Path, say: Say) -> Iterator[LoadGenerator]:
    """All generators of a source, as one, ready for orders; ended afterwards. ``say`` tells the user who joins.

    Raises `GeneratorError` when one does not start, and `UserError` when too few join.
    """
    if isinstance(source, Here):
        with Fleet(machine.generator_cpus, logs, source.generators) as fleet:
            yield fleet
        return
    address = (source.host, source.port)
    with JoinedWorkers(experiment, source.workers, address, source.token, logs / "master.log", say) as workers:
        workers.wait()
        yield workers
