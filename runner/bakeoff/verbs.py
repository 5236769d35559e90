"""What each verb of the command line does."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import msgspec

from bakeoff import comparable, host, resumption, servers
from bakeoff.backends.local import LocalBackend
from bakeoff.config import apply_profile, locustfile_digests, read_experiment, select
from bakeoff.doctor import Doctor
from bakeoff.errors import UserError
from bakeoff.execute import Observer, Workbench, execute, take_timelines
from bakeoff.load.fleet import Fleet
from bakeoff.model import Certificate, Experiment, Manifest, Profile, Summary
from bakeoff.progress import ProgressBar
from bakeoff.report import certificate as certificates
from bakeoff.report import terminal, words
from bakeoff.run import Run
from bakeoff.store import REPORT_PAGE, RunFolder, is_foreign, list_runs, load_run, run_id, write_file, write_page

DONE, FAILED = 0, 3
INDEX_PAGE = "index.html"
COMPARE_PAGE = "compare.html"
MOST_COMPARED = 6
"""Runs side by side that still fit a page."""


def run(
    file: Path,
    stacks: Sequence[str],
    scenarios: Sequence[str],
    profile: Profile,
    blocks: int | None,
    seed: int | None,
    out: Path,
) -> int:
    """Carry out an experiment; 0 when at least one row is valid, else 3."""
    experiment = apply_profile(select(read_experiment(file), stacks, scenarios), profile, blocks)
    manifest = Manifest(
        run_id=run_id(experiment.name),
        experiment=experiment,
        profile=profile,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        machine=host.describe(),
        state="running",
        started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        locustfile_sha256=locustfile_digests(experiment),
    )
    with _workbench(manifest, experiment) as bench:
        finished = execute(manifest, out, bench)
    return _concluded(finished, out / manifest.run_id)


def resume(folder: Path) -> int:
    """Finish an interrupted run; 0 when at least one row is valid, else 3."""
    stored = RunFolder(folder)
    if stored.manifest().state == "complete":
        print(f"bakeoff: note: {folder} is complete; only its reports are rendered again", file=sys.stderr)
        return render_again(folder)
    machine = host.describe()
    left = resumption.left_of(stored, machine)
    with _workbench(msgspec.structs.replace(stored.manifest(), machine=machine), left) as bench:
        finished = resumption.resume(stored, bench)
    return _concluded(finished, folder)


@contextmanager
def _workbench(manifest: Manifest, left: Experiment) -> Iterator[Workbench]:
    """What a run on this machine works with; ``left`` is what there is to measure, for the progress bar."""
    for warning in manifest.machine.warnings:
        print(f"bakeoff: note: {warning}", file=sys.stderr)
    with (
        tempfile.TemporaryDirectory() as scratch,
        Fleet(manifest.machine.generator_cpus, Path(scratch)) as generator,
        ProgressBar(left) as progress,
    ):
        doctor = Doctor(generator, manifest.machine.server_cpus, progress.certifying)
        backend = LocalBackend(manifest.machine.server_cpus)
        certify = _no_certificate if manifest.profile == "smoke" else doctor.short_certificate
        yield Workbench(backend, generator, progress, certify)


def _concluded(finished: Run, folder: Path) -> int:
    _print_result(finished, folder)
    _refresh_index(folder.resolve().parent)
    return DONE if any(result.valid for result in finished.summary.results) else FAILED


def _no_certificate() -> Certificate:
    """What a try is worth: its numbers are not to be believed in any case."""
    return Certificate(reasons=("the smoke profile does not examine the generator",))


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
    _refresh_index(folder.resolve().parent)
    return DONE


def compare(folders: Sequence[Path], out: Path | None, *, across_machines: bool) -> int:
    """Write a page with runs side by side, and say what changed from the first to the others."""
    from bakeoff.report import compare as side_by_side

    if not 2 <= len(folders) <= MOST_COMPARED:
        raise UserError(f"compare takes 2 to {MOST_COMPARED} runs; name that many run folders")
    runs = [load_run(folder) for folder in folders]
    if not across_machines:
        comparable.check_machines(runs)
    comparable.check_cases(runs)
    page = out or folders[0].resolve().parent / COMPARE_PAGE
    addresses = [_address(folder / REPORT_PAGE, page) for folder in folders]
    compared = side_by_side.side_by_side(list(zip(runs, addresses, strict=True)))
    write_page(page, side_by_side.render(compared))
    print(side_by_side.told(compared))
    print(f"\ncomparison: {page}")
    return DONE


def _address(target: Path, page: Path) -> str:
    """Of a file, relative to a page that links to it."""
    return quote(Path(os.path.relpath(target.resolve(), page.resolve().parent)).as_posix())


def index(results: Path) -> int:
    """Write the page that lists all runs."""
    print(f"index: {_write_index(results)}")
    return DONE


def _refresh_index(results: Path) -> None:
    """Write the list anew, beside a run that has just ended; another's page of that name stays as it is."""
    if is_foreign(results / INDEX_PAGE):
        print(f"bakeoff: note: {results / INDEX_PAGE} is not Bakeoff's and was left alone", file=sys.stderr)
    else:
        _write_index(results)


def _write_index(results: Path) -> Path:
    from bakeoff.report import index as list_of_runs

    path = results / INDEX_PAGE
    write_page(path, list_of_runs.render(list_runs(results)))
    return path


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
