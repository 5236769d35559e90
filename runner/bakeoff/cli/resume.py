"""``bakeoff resume``: finish an interrupted run."""

from __future__ import annotations

import argparse
from pathlib import Path

from bakeoff.cli import note
from bakeoff.cli.arguments import add_consent, add_generators
from bakeoff.cli.conclusion import conclude, render_measured
from bakeoff.cli.context import run_context
from bakeoff.cli.report import render_again
from bakeoff.load.source import LoadSource, LocalProcesses, read_source
from bakeoff.measure import as_of_now, check_unchanged, remaining, resume
from bakeoff.model import LoadOrigin, Manifest, UserError
from bakeoff.results import RunFolder
from bakeoff.stacks import check_consent, describe_machine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("run_folder", type=Path, metavar="run", help="a run folder")
    add_consent(parser)
    add_generators(parser)


def run(options: argparse.Namespace) -> int:
    """Measure what a run lacks and show the result; the exit code is 0 if there is one, else 3."""
    path: Path = options.run_folder
    folder = RunFolder(path)
    if folder.manifest().state == "complete":
        note(f"note: {path} is complete; only its reports are rendered again")
        return render_again(path)
    began = folder.manifest()
    source = _source(began, options)
    now = as_of_now(began, describe_machine(source.generators), path.resolve().parent)
    rest = remaining(folder, now)
    check_consent(rest.stacks, options.yes_load_this_host)
    with run_context(now, rest, source) as (context, now):
        check_unchanged(folder, began, now)
        resume(folder, rest, context)
        context.observer.report_began()
        findings = render_measured(folder)
    return conclude(findings, path)


def _source(began: Manifest, options: argparse.Namespace) -> LoadSource:
    """The source that the command line asks for, else that of the run, which may be as many processes of this machine.

    Raises `UserError` when the run's load came from workers, and there is no word of any.
    """
    origin = began.load_origin or LoadOrigin(generators=1)
    asked = (options.generators, options.workers, options.listen, options.token_file)
    if not any(option is not None for option in asked):
        if origin.workers:
            raise UserError(
                f"{options.run_folder} cannot be resumed without workers: its load came from {origin.generators} of "
                f"them; add --workers {origin.generators} and --listen as before"
            )
        return LocalProcesses(origin.generators)
    return read_source(*asked)
