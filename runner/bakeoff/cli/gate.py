"""``bakeoff gate``: did this change make it slower?"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bakeoff.calibration.doctor import Doctor
from bakeoff.cli import note
from bakeoff.cli.pages import refresh_index
from bakeoff.cli.progress import GateBar
from bakeoff.experiment.config import locustfile_digests, read_experiment
from bakeoff.gate.against import against, check_comparable, heads_levels, mismatches
from bakeoff.gate.places import opened_sides
from bakeoff.gate.revisions import Built, InImages, Revisions
from bakeoff.gate.run import duet_experiment, execute_gate
from bakeoff.load.fleet import Fleet
from bakeoff.measure import RunContext
from bakeoff.model import BackendName, Experiment, Manifest, Summary
from bakeoff.report import gate as reports
from bakeoff.report.gate import github, markdown, terminal, words
from bakeoff.results.store import RunFolder, run_id
from bakeoff.stacks import host


@dataclass(frozen=True)
class Asked:
    """What a user may ask of a gate."""

    file: Path
    base: str
    head: str | None
    stack: str | None
    budget_s: float | None
    against: Path | None
    """The folder of an earlier gate."""
    despite_differences: bool
    seed: int | None
    out: Path
    backend: BackendName


def gate(asked: Asked) -> int:
    """Judge a change; the verdict's exit code."""
    earlier = None if asked.against is None else RunFolder(asked.against)
    experiment = _experiment(asked, earlier)
    environments = InImages() if asked.backend == "compose" else Built(experiment.gate.requirements, note)
    finder = Revisions(asked.file.resolve().parent, environments)
    with finder.both(asked.base, asked.head) as (base, head):
        experiment = duet_experiment(experiment, base, head)
        manifest = Manifest(
            run_id=run_id(f"{experiment.name}-gate"),
            experiment=experiment,
            profile="gate",
            seed=secrets.randbelow(2**31) if asked.seed is None else asked.seed,
            machine=host.describe(),
            state="running",
            started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            locustfile_sha256=locustfile_digests(experiment),
            backend=asked.backend,
        )
        cpus = manifest.machine.server_cpus
        with (
            tempfile.TemporaryDirectory() as scratch,
            Fleet(manifest.machine.generator_cpus, Path(scratch)) as generator,
            opened_sides(asked.backend, experiment, cpus) as place,
            GateBar(experiment.gate.budget_s) as progress,
        ):
            manifest = msgspec.structs.replace(manifest, place=place.facts)
            if earlier is not None and not asked.despite_differences:
                check_comparable(earlier.manifest(), manifest)
            began_s = time.monotonic()  # Building environments and images is no measuring.
            doctor = Doctor(generator, cpus, lambda _: None)
            context = RunContext(place.backend, generator, progress, doctor.short_certificate)
            folder, summary = execute_gate(manifest, asked.out, context, (base.label, head.label), began_s)
    if earlier is not None:
        summary = _held_against(earlier, folder, summary)
    folder.write_reports(reports.render_all(summary))
    refresh_index(asked.out)
    return _tell(summary, folder)


def _held_against(earlier: RunFolder, folder: RunFolder, summary: Summary) -> Summary:
    """The summary with what changed since an earlier gate, stored."""
    told = mismatches(earlier.manifest(), folder.manifest())
    before, now = (heads_levels(run.blocks(), run.intervals()) for run in (earlier, folder))
    found = against(earlier.manifest().run_id, told, before, now)
    result = msgspec.structs.replace(words.gate_of(summary.gate), against=found)
    summary = msgspec.structs.replace(summary, gate=result)
    folder.write_summary(summary)
    return summary


def _experiment(asked: Asked, earlier: RunFolder | None) -> Experiment:
    """The file's experiment, with what the command line says in its stead, and the rate of an earlier gate."""
    experiment = read_experiment(asked.file)
    rate_rps = earlier.manifest().experiment.gate.rate_rps if earlier else None
    given = {"stack": asked.stack, "budget_s": asked.budget_s, "rate_rps": experiment.gate.rate_rps or rate_rps}
    settings = msgspec.structs.replace(
        experiment.gate, **{key: value for key, value in given.items() if value is not None}
    )
    return msgspec.structs.replace(experiment, gate=settings)


def _tell(summary: Summary, folder: RunFolder) -> int:
    """Print a gate's outcome where it is read: the terminal, and GitHub's annotations and job summary."""
    print(terminal.render(summary, colour=sys.stdout.isatty()))
    print(f"\nreport: {folder.path / 'report.md'}")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print(github.render(summary))
        if job_summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(job_summary).open("a", encoding="utf-8") as page:
                page.write(markdown.render(summary))
    return words.gate_of(summary.gate).exit_code
