"""Taking up an interrupted run: only where its numbers would still be of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from bakeoff.analysis.fingerprint import Difference, Part, differences, fingerprint
from bakeoff.experiment.config import locustfile_digests
from bakeoff.measure.run import RunContext, finish
from bakeoff.model import Experiment, Machine, Run, UserError
from bakeoff.results.store import RunFolder

REMEDIES: dict[Part, str] = {
    "machine": "go on where it began, or start a new run",
    "software": "install what it began with, or start a new run",
    "workload": "put back what it began with, or start a new run",
}


def left_of(folder: RunFolder, machine: Machine) -> Experiment:
    """What an interrupted run still has to measure: its experiment, with no more blocks than are missing.

    Raises `UserError` when this machine, its software or the Locust files are not those that the run began with, or
    when the run is under way.
    """
    with folder.locked():
        manifest, complete = folder.manifest(), len(folder.blocks())
    if manifest.profile == "gate":
        raise UserError(
            f"{folder.path} is a gate, which is not resumed: its blocks belong to one moment; start a new one"
        )
    began = fingerprint(manifest)
    now = msgspec.structs.replace(manifest, machine=machine, locustfile_sha256=locustfile_digests(manifest.experiment))
    changed = differences(began, fingerprint(now))
    if changed:
        raise UserError(f"{folder.path} cannot be resumed: {_told(changed)}; {REMEDIES[changed[0].part]}")
    return msgspec.structs.replace(manifest.experiment, blocks=manifest.experiment.blocks - complete)


def _told(changed: Sequence[Difference]) -> str:
    return ", ".join(f"{one.fact} was {one.first} and is {one.other}" for one in changed)


def resume(folder: RunFolder, context: RunContext) -> Run:
    """Finish a run, and note in its manifest when it was taken up again."""
    with folder.locked():
        manifest = folder.manifest()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        folder.write_manifest(
            msgspec.structs.replace(
                manifest, state="running", error=None, finished_utc=None, resumed_utc=(*manifest.resumed_utc, now)
            )
        )
    return finish(folder, context)
