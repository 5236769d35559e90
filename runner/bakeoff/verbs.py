"""What each verb of the command line does."""

from __future__ import annotations

import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import msgspec

from bakeoff import host, servers
from bakeoff.backends.local import LocalBackend
from bakeoff.config import apply_profile, read_experiment, select
from bakeoff.doctor import Doctor
from bakeoff.errors import UserError
from bakeoff.execute import Observer, Workbench, execute, take_timelines
from bakeoff.load.distributed.address import read_address
from bakeoff.load.distributed.enlisted import Enlistment
from bakeoff.load.distributed.token import take_token
from bakeoff.load.fleet import Fleet
from bakeoff.load.generator import LoadGenerator
from bakeoff.load.source import Elsewhere, Source, opened
from bakeoff.model import Certificate, Machine, Manifest, Profile, Summary
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
    source: Source,
) -> int:
    """Carry out an experiment; 0 when at least one row is valid, else 3."""
    experiment = apply_profile(select(read_experiment(file), stacks, scenarios), profile, blocks)
    manifest = Manifest(
        run_id=run_id(experiment.name),
        experiment=experiment,
        profile=profile,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        machine=host.describe(source.generators),
        state="running",
        started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    for warning in manifest.machine.warnings:
        _note(f"note: {warning}")
    with (
        tempfile.TemporaryDirectory() as scratch,
        opened(source, experiment, manifest.machine, Path(scratch), _note) as generator,
        ProgressBar(experiment) as progress,
    ):
        backend = LocalBackend(manifest.machine.server_cpus, host=source.host)
        certify = _examination(source, profile, generator, manifest.machine, progress)
        bench = Workbench(backend, generator, progress, certify)
        finished = execute(manifest, out, bench)
    _print_result(finished, out / manifest.run_id)
    return DONE if any(result.valid for result in finished.summary.results) else FAILED


def _note(text: str) -> None:
    print(f"bakeoff: {text}", file=sys.stderr)


def _examination(
    source: Source, profile: Profile, generator: LoadGenerator, machine: Machine, progress: ProgressBar
) -> Callable[[], Certificate]:
    if profile == "smoke":
        return _no_certificate
    if isinstance(source, Elsewhere):
        return _examined_elsewhere
    return Doctor(generator, machine.server_cpus, progress.certifying).short_certificate


def _examined_elsewhere() -> Certificate:
    """Workers cannot be examined from here: the oracle has to be on the machine of the generator."""
    return Certificate(reasons=("the load came from other machines; examine each with bakeoff doctor there",))


def _no_certificate() -> Certificate:
    """What a try is worth: its numbers are not to be believed in any case."""
    return Certificate(reasons=("the smoke profile does not examine the generator",))


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
            endings = workers.outcomes(_note)
        except KeyboardInterrupt:
            _note("interrupted; the load ends, and the master is told")
            return FAILED
    if refusals := [over.reason for over in endings if over.ending == "refused"]:
        raise UserError(refusals[0])
    for over in endings:
        _note(over.reason)
    return FAILED if any(over.ending == "failed" for over in endings) else DONE


def _print_result(finished: Run, folder: Path) -> None:
    print(terminal.render_table(finished, shutil.get_terminal_size((120, 24)).columns, colour=sys.stdout.isatty()))
    print(f"{words.answer(finished)}\n\nreport: {folder / 'report.html'}")


def timeline(file: Path, stacks: Sequence[str]) -> int:
    """Take and print the timelines of an experiment's stacks; 3 when one fails."""
    experiment = select(read_experiment(file), stacks, ())
    servers_cpus, generator_cpus = host.cpu_sets()
    with tempfile.TemporaryDirectory() as scratch, Fleet(generator_cpus, Path(scratch)) as generator:
        bench = Workbench(LocalBackend(servers_cpus), generator, Observer(), Certificate)
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
        what = " ".join(stack.command) or f"{stack.app} on {stack.server}, {stack.workers} x {stack.threads}"
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
