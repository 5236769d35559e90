"""What each verb of the command line does."""

from __future__ import annotations

import secrets
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import msgspec

from bakeoff import host, servers
from bakeoff.backends.places import opened
from bakeoff.backends.remote import check_consent
from bakeoff.config import apply_profile, read_experiment, select
from bakeoff.doctor import Doctor
from bakeoff.errors import UserError
from bakeoff.execute import Observer, Workbench, execute, take_timelines
from bakeoff.load.fleet import Fleet
from bakeoff.model import BackendName, Certificate, Manifest, Profile, Summary
from bakeoff.progress import ProgressBar
from bakeoff.report import certificate as certificates
from bakeoff.report import terminal, words
from bakeoff.run import Run
from bakeoff.store import RunFolder, load_run, run_id, write_file

DONE, FAILED = 0, 3


def run(
    file: Path,
    stacks: Sequence[str],
    scenarios: Sequence[str],
    profile: Profile,
    blocks: int | None,
    seed: int | None,
    out: Path,
    backend: BackendName = "local",
    may_load: bool = False,
) -> int:
    """Carry out an experiment; 0 when at least one row is valid, else 3. ``may_load`` others' hosts than this."""
    experiment = apply_profile(select(read_experiment(file), stacks, scenarios), profile, blocks)
    check_consent(experiment.stacks, may_load)
    manifest = Manifest(
        run_id=run_id(experiment.name),
        experiment=experiment,
        profile=profile,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        machine=host.describe(),
        state="running",
        started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        backend=backend,
    )
    for warning in manifest.machine.warnings:
        print(f"bakeoff: note: {warning}", file=sys.stderr)
    with (
        tempfile.TemporaryDirectory() as scratch,
        Fleet(manifest.machine.generator_cpus, Path(scratch)) as generator,
        opened(backend, experiment.stacks, manifest.machine.server_cpus) as place,
        ProgressBar(experiment) as progress,
    ):
        manifest = msgspec.structs.replace(manifest, place=place.facts)
        doctor = Doctor(generator, manifest.machine.server_cpus, progress.certifying)
        certify = _no_certificate if profile == "smoke" else doctor.short_certificate
        bench = Workbench(place.backend, generator, progress, certify)
        finished = execute(manifest, out, bench)
    _print_result(finished, out / manifest.run_id)
    return DONE if any(result.valid for result in finished.summary.results) else FAILED


def _no_certificate() -> Certificate:
    """What a try is worth: its numbers are not to be believed in any case."""
    return Certificate(reasons=("the smoke profile does not examine the generator",))


def _print_result(finished: Run, folder: Path) -> None:
    print(terminal.render_table(finished, shutil.get_terminal_size((120, 24)).columns, colour=sys.stdout.isatty()))
    print(f"{words.answer(finished)}\n\nreport: {folder / 'report.html'}")


def timeline(file: Path, stacks: Sequence[str], backend: BackendName = "local") -> int:
    """Take and print the timelines of an experiment's stacks; 3 when one fails."""
    experiment = select(read_experiment(file), stacks, ())
    servers_cpus, generator_cpus = host.cpu_sets()
    with (
        tempfile.TemporaryDirectory() as scratch,
        Fleet(generator_cpus, Path(scratch)) as generator,
        opened(backend, experiment.stacks, servers_cpus) as place,
    ):
        bench = Workbench(place.backend, generator, Observer(), Certificate)
        timelines = take_timelines(experiment, Path(scratch), bench)
    for one in timelines:
        print(words.timeline_story(one), end="\n\n")
    return FAILED if any(one.failure for one in timelines) else DONE


def doctor() -> int:
    """Examine this machine and its load generator; 3 when the generator is not certified."""
    machine = host.describe()
    print(
        f"{machine.cpu_model}, {machine.cores} cores, {machine.system} {machine.kernel}, Python {machine.python}\n"
        f"servers on CPU {_cpus(machine.server_cpus)}, generator on CPU {_cpus(machine.generator_cpus)}"
    )
    for warning in machine.warnings:
        print(f"note: {warning}")
    with (
        tempfile.TemporaryDirectory() as scratch,
        Fleet(machine.generator_cpus, Path(scratch)) as generator,
    ):
        examiner = Doctor(generator, machine.server_cpus, lambda what: print(f"... {what}", file=sys.stderr))
        certificate = examiner.certificate()
    print(certificates.render(certificate))
    return DONE if certificate.certified else FAILED


def _cpus(cpus: Sequence[int]) -> str:
    return ",".join(map(str, cpus)) or "any"


def render_again(folder: Path) -> int:
    """Render a stored run's reports."""
    from bakeoff import report

    stored = load_run(folder)
    RunFolder(folder).write_reports(report.render_all(stored))
    _print_result(stored, folder)
    return DONE


def list_stacks(file: Path, stacks: Sequence[str]) -> int:
    """Print the stacks of an experiment, and the servers for which there is an adapter."""
    experiment = select(read_experiment(file), stacks, ())
    width = max(len(stack.name) for stack in experiment.stacks)
    for stack in experiment.stacks:
        what = (
            stack.url or " ".join(stack.command) or f"{stack.app} on {stack.server}, {stack.workers} x {stack.threads}"
        )
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
