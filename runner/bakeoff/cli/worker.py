"""``bakeoff worker``: load for a run on another machine."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bakeoff.cli import DONE, FAILED, note
from bakeoff.load.distributed.address import read_address
from bakeoff.load.distributed.token import take_token
from bakeoff.load.distributed.worker_handle import Enlistment
from bakeoff.model import UserError
from bakeoff.stacks import host


def worker(master: str, generators: int, directory: Path, token_file: Path | None) -> int:
    """Drive load for a run on another machine, until it is over; 3 when that is not its regular end."""
    if not directory.is_dir():
        raise UserError(f"{directory} is no folder; name a copy of the experiment's: --directory")
    if generators < 1:
        raise UserError(f"--generators {generators}: it takes one at least")
    place, token = read_address(master), take_token(token_file)
    _, cpus = host.cpu_sets(generators)
    with (
        tempfile.TemporaryDirectory() as scratch,
        Enlistment(place, token, directory, cpus, Path(scratch), generators) as workers,
    ):
        try:
            endings = workers.outcomes(note)
        except KeyboardInterrupt:
            note("interrupted; the load ends, and the master is told")
            return FAILED
    if refusals := [over.reason for over in endings if over.ending == "refused"]:
        raise UserError(refusals[0])
    for over in endings:
        note(over.reason)
    return FAILED if any(over.ending == "failed" for over in endings) else DONE
