"""``bakeoff worker``: drive load for a run on another machine."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bakeoff.cli import DONE, FAILED, note
from bakeoff.cli.arguments import add_token_file
from bakeoff.load.distributed.options import read_address, take_token
from bakeoff.load.distributed.worker import WorkerOptions, Workers
from bakeoff.model import UserError
from bakeoff.stacks import describe_machine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--master", required=True, metavar="HOST:PORT", help="where `bakeoff run --workers N` listens")
    parser.add_argument("--generators", type=int, default=1, metavar="N", help="join N times (default: 1)")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(),
        help="a copy of the experiment's folder, for its Locust files (default: this one)",
    )
    add_token_file(parser)


def run(options: argparse.Namespace) -> int:
    """Drive load until the run is over; 3 when it ends in any other way."""
    directory: Path = options.directory
    if not directory.is_dir():
        raise UserError(f"--directory {directory}: not a folder; name a copy of the experiment's folder")
    if options.generators < 1:
        raise UserError(f"--generators {options.generators}: must be at least 1")
    host, port = read_address(options.master)
    machine = describe_machine(options.generators)
    worker_options = WorkerOptions(host, port, take_token(options.token_file), directory, machine)
    with (
        tempfile.TemporaryDirectory() as scratch,
        Workers(worker_options, machine.generator_cpus, Path(scratch), options.generators) as workers,
    ):
        try:
            endings = workers.run(note)
        except KeyboardInterrupt:
            note("interrupted; the load ends, and the master is told")
            return FAILED
    if refusals := [ended.reason for ended in endings if ended.ending == "refused"]:
        raise UserError(refusals[0])
    for ended in endings:
        note(ended.reason)
    return FAILED if any(ended.ending == "failed" for ended in endings) else DONE
