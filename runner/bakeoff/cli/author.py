"""``bakeoff init``, ``stacks`` and ``schema``: help with writing an experiment, and with reading its results."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import msgspec

from bakeoff.cli import DONE
from bakeoff.experiment.config import read_experiment, select
from bakeoff.model import Summary, UserError
from bakeoff.results.store import write_file
from bakeoff.stacks import servers


def list_stacks(file: Path, stacks: Sequence[str]) -> int:
    """Print the stacks of an experiment, and the servers for which there is an adapter."""
    experiment = select(read_experiment(file), stacks, ())
    width = max(len(stack.name) for stack in experiment.stacks)
    for stack in experiment.stacks:
        served = f"{stack.app} on {stack.server}, {stack.workers} x {stack.threads}"
        what = stack.url or " ".join(stack.command) or served
        print(f"{stack.name:{width}}  {stack.interface}  {what}")
    print(f"\nknown servers: {', '.join(servers.names())}; any command that listens on a port will do too")
    return DONE


def init(file: Path) -> int:
    """Write a small experiment that its user can make their own."""
    if file.exists():
        raise UserError(f"{file} exists already; name another file")
    starter = resources.files("bakeoff").joinpath("starter.toml").read_bytes()
    try:
        write_file(file, starter)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}") from None
    print(f"wrote {file}; make it yours, then: bakeoff run {file} --profile smoke")
    return DONE


def print_schema() -> int:
    """Print the JSON Schema of ``summary.json``."""
    print(msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Summary)), indent=2).decode())
    return DONE
