"""How a run begins: its manifest, and the run context with backend, generator, progress display and certificate."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bakeoff.calibration import Doctor
from bakeoff.cli import note
from bakeoff.cli.progress import RunProgress
from bakeoff.experiment import locustfile_digests
from bakeoff.load.generator import LoadGenerator
from bakeoff.load.source import LoadSource, RemoteWorkers, open_source
from bakeoff.measure import RunContext
from bakeoff.model import BackendName, Certificate, Experiment, LoadOrigin, Machine, Manifest, Profile
from bakeoff.results import new_run_id
from bakeoff.stacks import OpenBackend, codes_of, open_backend


def new_manifest(
    name: str,
    experiment: Experiment,
    *,
    profile: Profile,
    machine: Machine,
    backend: BackendName,
    seed: int | None,
    results: Path,
) -> Manifest:
    """The manifest of a run that begins now, its folder under ``results``; a seed is drawn when there is none.

    Raises `UserError` when a scenario's Locust file cannot be read.
    """
    return Manifest(
        run_id=new_run_id(name),
        experiment=experiment,
        profile=profile,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        machine=machine,
        state="running",
        started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        locustfile_sha256=locustfile_digests(experiment),
        backend=backend,
        code=codes_of(experiment, results),
    )


@contextmanager
def run_context(manifest: Manifest, remaining: Experiment, source: LoadSource) -> Iterator[tuple[RunContext, Manifest]]:
    """The run context of a run, and its manifest with what is only known now of where stacks and load are.

    ``remaining`` is what is left to measure; the progress display counts it.
    """
    for warning in manifest.machine.warnings:
        note(f"note: {warning}")
    with (
        tempfile.TemporaryDirectory() as scratch,
        open_source(source, manifest.experiment, manifest.machine, Path(scratch), note) as (generator, origin),
        open_backend(manifest.backend, remaining.stacks, manifest.machine.server_cpus, host=source.host) as backend,
        RunProgress(remaining) as progress,
    ):
        certify = _certify(manifest, source, generator, progress)
        yield RunContext(backend, generator, progress, certify), placed(manifest, backend, origin)


def placed(manifest: Manifest, backend: OpenBackend, origin: LoadOrigin) -> Manifest:
    """A manifest with where the stacks run and the load comes from."""
    return msgspec.structs.replace(
        manifest,
        place=backend.facts,
        environments=backend.environments,
        images=backend.images,
        load_origin=origin,
    )


def _certify(
    manifest: Manifest, source: LoadSource, generator: LoadGenerator, progress: RunProgress
) -> Callable[[], Certificate]:
    """The function that certifies the generator, or says why it was not examined."""
    if manifest.profile == "smoke":
        return lambda: Certificate(reasons=("the smoke profile does not examine the generator",))
    if isinstance(source, RemoteWorkers):  # The oracle has to run on the machine of the generator.
        reason = "the load came from other machines; examine each with bakeoff doctor there"
        return lambda: Certificate(reasons=(reason,))
    return Doctor(generator, manifest.machine.server_cpus, progress.certifying).short_certificate
