"""Resuming an interrupted run: only where its numbers would still be comparable."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bakeoff.analysis import Part, differences, fingerprint_of, stack_differences
from bakeoff.experiment import locustfile_digests, read_experiment
from bakeoff.measure.context import RunContext
from bakeoff.measure.run import measure_missing
from bakeoff.model import Experiment, Machine, Manifest, MaskedError, Masker, UserError, has_masks, unmasked
from bakeoff.results import RunFolder, masking_key
from bakeoff.stacks import codes_of

REMEDIES: dict[Part, str] = {
    "machine": "resume on the machine where it began, or start a new run",
    "software": "install the versions that it began with, or start a new run",
    "workload": "restore what it began with, or start a new run",
    "code": "restore the files that it began with, or start a new run; what an app writes belongs into .gitignore",
}
SHOWN_CHANGES = 5


def as_of_now(manifest: Manifest, machine: Machine, results: Path) -> Manifest:
    """The manifest of a run if it began now, as far as that is known before its stacks and its generators start.

    Raises `UserError` when a Locust file cannot be read.
    """
    experiment = manifest.experiment
    return msgspec.structs.replace(
        manifest,
        machine=machine,
        locustfile_sha256=locustfile_digests(experiment),
        code=codes_of(experiment, results),
    )


def remaining(folder: RunFolder, now: Manifest) -> Experiment:
    """What an interrupted run still has to measure: its experiment, with only as many blocks as are missing.

    Raises `UserError` when what the run depends on has changed (`check_unchanged`), when its file no longer has values
    that the manifest masks, or when the run is being measured.
    """
    with folder.locked():
        manifest, complete = folder.manifest(), len(folder.blocks())
    if manifest.profile == "gate":
        raise UserError(f"{folder.path} is a gate, and gates cannot be resumed; start a new one")
    check_unchanged(folder, manifest, now)
    experiment = _with_values(folder, manifest.experiment)
    return msgspec.structs.replace(experiment, blocks=experiment.blocks - complete)


def check_unchanged(folder: RunFolder, began: Manifest, now: Manifest) -> None:
    """Raises `UserError` when machine, software, workload or code are not those that the run began with."""
    changed = (*differences(fingerprint_of(began), fingerprint_of(now)), *stack_differences(began, now))
    if changed:
        changes = [f"{change.fact} was {change.first} and is {change.other}" for change in changed[:SHOWN_CHANGES]]
        if len(changed) > SHOWN_CHANGES:
            changes.append(f"and {len(changed) - SHOWN_CHANGES} more")
        raise UserError(f"{folder.path} cannot be resumed: {', '.join(changes)}; {REMEDIES[changed[0].part]}")


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
