"""``bakeoff run`` and ``bakeoff resume``: the comparison."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bakeoff import report
from bakeoff.calibration.doctor import Doctor
from bakeoff.cli import DONE, FAILED, note
from bakeoff.cli.pages import print_result, refresh_index, render_again
from bakeoff.cli.progress import ProgressBar
from bakeoff.experiment.config import apply_profile, locustfile_digests, read_experiment, select
from bakeoff.load.generator import LoadGenerator
from bakeoff.load.source import Elsewhere, Here, Source, opened
from bakeoff.measure import RunContext, measure_new, remaining
from bakeoff.measure import resume as measure_rest
from bakeoff.model import BackendName, Certificate, Experiment, Manifest, Profile, Run
from bakeoff.results.store import RunFolder, load_run
from bakeoff.results.store import run_id as new_run_id
from bakeoff.stacks import host
from bakeoff.stacks.places import opened as open_place
from bakeoff.stacks.remote import check_consent


@dataclass(frozen=True)
class Asked:
    """What a user may ask of a run."""

    file: Path
    stacks: Sequence[str]
    scenarios: Sequence[str]
    profile: Profile
    blocks: int | None
    seed: int | None
    out: Path
    backend: BackendName
    may_load: bool
    """Hosts other than this one."""
    source: Source


def run(asked: Asked) -> int:
    """Carry out an experiment; 0 when at least one row is valid, else 3."""
    experiment = read_experiment(asked.file)
    experiment = apply_profile(select(experiment, asked.stacks, asked.scenarios), asked.profile, asked.blocks)
    check_consent(experiment.stacks, asked.may_load)
    manifest = Manifest(
        run_id=new_run_id(experiment.name),
        experiment=experiment,
        profile=asked.profile,
        seed=secrets.randbelow(2**31) if asked.seed is None else asked.seed,
        machine=host.describe(asked.source.generators),
        state="running",
        started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        locustfile_sha256=locustfile_digests(experiment),
        backend=asked.backend,
    )
    with _workbench(manifest, experiment, asked.source) as (context, facts):
        folder = measure_new(msgspec.structs.replace(manifest, place=facts), asked.out, context)
        finished = _render(folder, context)
    return _concluded(finished, folder.path)


def resume(folder: Path, *, may_load: bool) -> int:
    """Finish an interrupted run; 0 when at least one row is valid, else 3. ``may_load`` hosts other than this one."""
    stored = RunFolder(folder)
    if stored.manifest().state == "complete":
        note(f"note: {folder} is complete; only its reports are rendered again")
        return render_again(folder)
    machine = host.describe()
    left = remaining(stored, machine)
    manifest = msgspec.structs.replace(stored.manifest(), machine=machine)
    check_consent(left.stacks, may_load)
    with _workbench(manifest, left, Here()) as (context, _):
        measure_rest(stored, context)
        finished = _render(stored, context)
    return _concluded(finished, folder)


def _render(folder: RunFolder, context: RunContext) -> Run:
    """Write the reports of a run that was measured."""
    context.observer.report_began()
    finished = load_run(folder.path)
    folder.write_reports(report.render_all(finished))
    return finished


@contextmanager
def _workbench(manifest: Manifest, left: Experiment, source: Source) -> Iterator[tuple[RunContext, dict[str, str]]]:
    """What a run on this machine works with, and what is to be known of the place where the stacks run.

    ``left`` is what there is to measure, for the progress bar.
    """
    for warning in manifest.machine.warnings:
        note(f"note: {warning}")
    with (
        tempfile.TemporaryDirectory() as scratch,
        opened(source, manifest.experiment, manifest.machine, Path(scratch), note) as generator,
        open_place(manifest.backend, left.stacks, manifest.machine.server_cpus, source.host) as place,
        ProgressBar(left) as progress,
    ):
        certify = _examination(source, manifest, generator, progress)
        yield RunContext(place.backend, generator, progress, certify), place.facts


def _examination(
    source: Source, manifest: Manifest, generator: LoadGenerator, progress: ProgressBar
) -> Callable[[], Certificate]:
    if manifest.profile == "smoke":
        return _no_certificate
    if isinstance(source, Elsewhere):
        return _examined_elsewhere
    return Doctor(generator, manifest.machine.server_cpus, progress.certifying).short_certificate


def _no_certificate() -> Certificate:
    """What a try is worth: its numbers are not to be believed in any case."""
    return Certificate(reasons=("the smoke profile does not examine the generator",))


def _examined_elsewhere() -> Certificate:
    """Workers cannot be examined from here: the oracle has to be on the machine of the generator."""
    return Certificate(reasons=("the load came from other machines; examine each with bakeoff doctor there",))


def _concluded(finished: Run, folder: Path) -> int:
    print_result(finished, folder)
    refresh_index(folder.resolve().parent)
    return DONE if any(result.valid for result in finished.summary.results) else FAILED
