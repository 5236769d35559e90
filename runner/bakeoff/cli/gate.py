"""``bakeoff gate``: did this change make it slower?"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bakeoff.calibration import Doctor
from bakeoff.cli import note, show, show_styled
from bakeoff.cli.arguments import add_backend, add_file, add_seed_and_out
from bakeoff.cli.conclusion import refresh_index
from bakeoff.cli.context import new_manifest, placed
from bakeoff.cli.interpreters import add_install, offer_servers
from bakeoff.cli.progress import GateProgress
from bakeoff.experiment import read_experiment
from bakeoff.gate import (
    MISSING_SERVER_REMEDY,
    BuiltEnvironments,
    ImageEnvironments,
    Revisions,
    against_earlier,
    check_comparable,
    check_own_packages,
    execute_gate,
    gate_experiment,
    head_metrics,
    mismatches,
    stack_of_gate,
)
from bakeoff.load import LocalGenerators
from bakeoff.measure import RunContext
from bakeoff.model import Experiment, LoadOrigin, Summary, UserError
from bakeoff.report import gate as reports
from bakeoff.report.gate import markdown, terminal, words
from bakeoff.results import RunFolder, without_secrets
from bakeoff.stacks import describe_machine, open_backend


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file(parser)
    parser.add_argument("--base", required=True, metavar="REF|DIR", help="what to compare with: git ref or directory")
    parser.add_argument("--head", metavar="REF|DIR", help="what to judge (default: the working tree)")
    parser.add_argument("--stack", metavar="NAME", help="whose app is judged (default: [gate] stack, or the baseline)")
    parser.add_argument("--budget-s", type=float, metavar="SECONDS", help="time to decide in (default: 120)")
    parser.add_argument(
        "--against", type=Path, metavar="RUN", help="an earlier gate: compare with its head too, as weaker evidence"
    )
    parser.add_argument(
        "--despite-differences",
        action="store_true",
        help="even if machine, software or workload differ from that gate's",
    )
    add_seed_and_out(parser)
    add_backend(parser)
    add_install(parser)


def run(options: argparse.Namespace) -> int:
    """Judge a change; the exit code is the verdict's."""
    earlier = None if options.against is None else RunFolder(options.against)
    experiment = _experiment(options, earlier)
    folder, summary = _measure(options, experiment, earlier)
    if earlier is not None:
        summary = _compare_with_earlier(earlier, folder, summary)
    folder.write_reports(reports.render_all(summary))
    refresh_index(options.out)
    _show(summary, folder)
    return words.gate_of(summary.gate).exit_code


def _experiment(options: argparse.Namespace, earlier: RunFolder | None) -> Experiment:
    """The file's experiment, with the settings of the command line, and the rate of an earlier gate."""
    if options.budget_s is not None and not options.budget_s > 0:
        raise UserError(f"--budget-s {options.budget_s:g}: must be above 0")
    experiment = read_experiment(options.file)
    earlier_rate_rps = earlier.manifest().experiment.gate.rate_rps if earlier else None
    settings = {
        "stack": options.stack,
        "budget_s": options.budget_s,
        "rate_rps": experiment.gate.rate_rps or earlier_rate_rps,
    }
    changes = {key: value for key, value in settings.items() if value is not None}
    return msgspec.structs.replace(experiment, gate=msgspec.structs.replace(experiment.gate, **changes))


def _measure(
    options: argparse.Namespace, experiment: Experiment, earlier: RunFolder | None
) -> tuple[RunFolder, Summary]:
    """Check out both revisions, start them and measure until there is a verdict."""
    in_containers = options.backend == "compose"
    environments = (
        ImageEnvironments() if in_containers else BuiltEnvironments(experiment.gate, stack_of_gate(experiment), note)
    )
    search_path = "" if in_containers else os.environ.get("PYTHONPATH", "")
    revisions = Revisions(options.file.resolve().parent, environments, search_path)
    with revisions.both(options.base, options.head) as (base, head):
        manifest = new_manifest(
            f"{experiment.name}-gate",
            gate_experiment(experiment, base, head),
            profile="gate",
            machine=describe_machine(),
            backend=options.backend,
            seed=options.seed,
            results=options.out,
        )
        machine, sides = manifest.machine, manifest.experiment.stacks
        if not in_containers:
            offer_servers(sides, options.install)
        services = {side.name: manifest.experiment.gate.stack or side.name for side in sides}
        with (
            tempfile.TemporaryDirectory() as scratch,
            LocalGenerators(machine.generator_cpus, Path(scratch)) as generator,
            open_backend(
                options.backend, sides, machine.server_cpus, services=services, remedy=MISSING_SERVER_REMEDY
            ) as backend,
            GateProgress(experiment.gate.budget_s) as progress,
        ):
            manifest = placed(manifest, backend, LoadOrigin(generators=max(1, len(machine.generator_cpus))))
            check_own_packages(backend.environments, base, head)
            if earlier is not None and not options.despite_differences:
                check_comparable(earlier.manifest(), without_secrets(manifest))
            began_s = time.monotonic()  # The budget does not cover building environments and images.
            doctor = Doctor(generator, machine.server_cpus, lambda _: None)
            context = RunContext(backend, generator, progress, doctor.short_certificate)
            return execute_gate(manifest, options.out, context, (base.label, head.label), began_s)


def _compare_with_earlier(earlier: RunFolder, folder: RunFolder, summary: Summary) -> Summary:
    """Add what changed since an earlier gate to the summary, and store it."""
    differences = mismatches(earlier.manifest(), folder.manifest())
    before, now = (head_metrics(gate.blocks(), gate.intervals()) for gate in (earlier, folder))
    comparison = against_earlier(earlier.manifest().run_id, differences, before, now)
    result = msgspec.structs.replace(words.gate_of(summary.gate), against=comparison)
    summary = msgspec.structs.replace(summary, gate=result)
    folder.write_summary(summary)
    return summary


def _show(summary: Summary, folder: RunFolder) -> None:
    """Print the verdict; under GitHub Actions also as annotations, and into the job's summary."""
    show_styled(terminal.render(summary, colour=sys.stdout.isatty()))
    show(f"\nreport: {folder.path / 'report.md'}")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        show(terminal.annotation(summary))
        if job_summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(job_summary).open("a", encoding="utf-8") as page:
                page.write(markdown.render(summary))
