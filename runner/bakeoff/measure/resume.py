"""Resuming an interrupted run: only where its numbers would still be comparable."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from bakeoff.analysis import Part, differences, fingerprint_of
from bakeoff.experiment import locustfile_digests
from bakeoff.measure.context import RunContext
from bakeoff.measure.run import measure_missing
from bakeoff.model import Experiment, Machine, UserError
from bakeoff.results import RunFolder

REMEDIES: dict[Part, str] = {
    "machine": "resume on the machine where it began, or start a new run",
    "software": "install the versions that it began with, or start a new run",
    "workload": "restore what it began with, or start a new run",
}


def remaining(folder: RunFolder, machine: Machine) -> Experiment:
    """What an interrupted run still has to measure: its experiment, with only as many blocks as are missing.

    Raises `UserError` when this machine, its software or the Locust files are not those that the run began with, or
    when the run is being measured.
    """
    with folder.locked():
        manifest, complete = folder.manifest(), len(folder.blocks())
    if manifest.profile == "gate":
        raise UserError(f"{folder.path} is a gate, and gates cannot be resumed; start a new one")
    now = msgspec.structs.replace(manifest, machine=machine, locustfile_sha256=locustfile_digests(manifest.experiment))
    changed = differences(fingerprint_of(manifest), fingerprint_of(now))
    if changed:
        changes = ", ".join(f"{change.fact} was {change.first} and is {change.other}" for change in changed)
        raise UserError(f"{folder.path} cannot be resumed: {changes}; {REMEDIES[changed[0].part]}")
    return msgspec.structs.replace(manifest.experiment, blocks=manifest.experiment.blocks - complete)


def resume(folder: RunFolder, context: RunContext) -> None:
    """Finish a run, and note in its manifest when it was resumed."""
    with folder.locked():
        manifest = folder.manifest()
        now_utc = datetime.now(UTC).isoformat(timespec="seconds")
        folder.write_manifest(
            msgspec.structs.replace(
                manifest, state="running", error=None, finished_utc=None, resumed_utc=(*manifest.resumed_utc, now_utc)
            )
        )
    measure_missing(folder, context)
