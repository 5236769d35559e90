"""``bakeoff resume``: finish an interrupted run."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from bakeoff.cli import note
from bakeoff.cli.arguments import add_consent
from bakeoff.cli.conclusion import conclude, render_measured
from bakeoff.cli.context import run_context
from bakeoff.cli.report import render_again
from bakeoff.load.source import LocalProcesses
from bakeoff.measure import remaining, resume
from bakeoff.results import RunFolder
from bakeoff.stacks import check_consent, describe_machine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("run_folder", type=Path, metavar="run", help="a run folder")
    add_consent(parser)


def run(options: argparse.Namespace) -> int:
    """Measure what a run lacks and show the result; the exit code is 0 if there is one, else 3."""
    path: Path = options.run_folder
    folder = RunFolder(path)
    if folder.manifest().state == "complete":
        note(f"note: {path} is complete; only its reports are rendered again")
        return render_again(path)
    machine = describe_machine()
    rest = remaining(folder, machine)
    check_consent(rest.stacks, options.yes_load_this_host)
    manifest = msgspec.structs.replace(folder.manifest(), machine=machine)
    with run_context(manifest, rest, LocalProcesses()) as (context, _):
        resume(folder, rest, context)
        context.observer.report_began()
        findings = render_measured(folder)
    return conclude(findings, path)
