"""Resuming an interrupted run: only where its numbers would still be comparable."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bakeoff.analysis import Part, differences, fingerprint_of
from bakeoff.experiment import locustfile_digests, read_experiment
from bakeoff.measure.context import RunContext
from bakeoff.measure.run import measure_missing
from bakeoff.model import Experiment, Machine, MaskedError, Masker, UserError, has_masks, unmasked
from bakeoff.results import RunFolder, masking_key

REMEDIES: dict[Part, str] = {
    "machine": "resume on the machine where it began, or start a new run",
    "software": "install the versions that it began with, or start a new run",
    "workload": "restore what it began with, or start a new run",
}


def remaining(folder: RunFolder, machine: Machine) -> Experiment:
    """What an interrupted run still has to measure: its experiment, with only as many blocks as are missing.

    Raises `UserError` when this machine, its software, the Locust files or values that the manifest masks are not those
    that the run began with, or when the run is being measured.
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
    experiment = _with_values(folder, manifest.experiment)
    return msgspec.structs.replace(experiment, blocks=experiment.blocks - complete)


def _with_values(folder: RunFolder, stored: Experiment) -> Experiment:
    """A stored experiment with the values that are masked in it, which its file still has."""
    if not has_masks(stored):
        return stored
    remedy = f"restore it in {stored.path}, or start a new run"
    if stored.path is None or not Path(stored.path).exists():
        raise UserError(
            f"{folder.path} cannot be resumed: values are masked in its manifest, and {stored.path or 'the file'} with "
            "them does not exist; restore it, or start a new run"
        )
    try:
        return unmasked(stored, read_experiment(Path(stored.path)), Masker(masking_key))
    except MaskedError as error:
        raise UserError(f"{folder.path} cannot be resumed: {error}; {remedy}") from None


def resume(folder: RunFolder, experiment: Experiment, context: RunContext) -> None:
    """Finish a run, and note in its manifest when it was resumed. ``experiment`` is what `remaining` returned."""
    with folder.locked():
        manifest = folder.manifest()
        now_utc = datetime.now(UTC).isoformat(timespec="seconds")
        folder.write_manifest(
            msgspec.structs.replace(
                manifest, state="running", error=None, finished_utc=None, resumed_utc=(*manifest.resumed_utc, now_utc)
            )
        )
    measure_missing(folder, experiment, context)
