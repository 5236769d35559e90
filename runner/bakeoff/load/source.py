"""Where the load comes from: processes on this machine, or workers that join from others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bakeoff.load.distributed.master import RemoteWorkers, WorkersChannel, terms_for
from bakeoff.load.distributed.options import DEFAULT_ADDRESS, read_own_address, take_token
from bakeoff.load.generator import Generators, LocalGenerators
from bakeoff.model import Experiment, LoadOrigin, Machine, UserError

__all__ = ["LoadSource", "LocalProcesses", "RemoteWorkers", "open_source", "read_source"]


@dataclass(frozen=True)
class LocalProcesses:
    """Processes on this machine."""

    generators: int = 1
    host = "127.0.0.1"
    """Where the stacks are to listen."""


LoadSource = LocalProcesses | RemoteWorkers


def read_source(generators: int | None, workers: int | None, listen: str | None, token_file: Path | None) -> LoadSource:
    """The source that the command line asks for. Raises `UserError` when options contradict each other."""
    for option, count in (("--generators", generators), ("--workers", workers)):
        if count is not None and count < 1:
            raise UserError(f"{option} {count}: give a number of at least 1")
    if workers is not None:
        host, port = read_own_address(listen or DEFAULT_ADDRESS)
        return RemoteWorkers(workers, host, port, take_token(token_file))
    for option, value in (("--listen", listen), ("--token-file", token_file)):
        if value is not None:
            raise UserError(f"{option} is for workers on other machines; say how many: --workers N")
    return LocalProcesses(generators or 1)


@contextmanager
def open_source(
    source: LoadSource, experiment: Experiment, machine: Machine, logs: Path, say: Callable[[str], None]
) -> Iterator[tuple[Generators, LoadOrigin]]:
    """All generators of a source, ready for orders, and what to record of them; ended afterwards.

    ``say`` tells the user which workers join.

    Raises `GeneratorError` when one does not start, and `UserError` when too few join.
    """
    if isinstance(source, LocalProcesses):
        with LocalGenerators(machine.generator_cpus, logs, source.generators) as generators:
            yield generators, LoadOrigin(generators=source.generators)
        return
    root = Path(experiment.path).resolve().parent if experiment.path else Path.cwd()
    channel = WorkersChannel(source, terms_for(experiment.scenarios, root, logs), root, say)
    with Generators(channel) as generators:
        channel.wait()
        yield generators, LoadOrigin(generators=source.count, workers=channel.machines())
