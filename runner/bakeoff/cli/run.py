"""``bakeoff run``: measure and compare the stacks of an experiment."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from bakeoff.cli import note
from bakeoff.cli.arguments import (
    add_backend,
    add_consent,
    add_generators,
    add_seed_and_out,
    add_stack_choice,
)
from bakeoff.cli.conclusion import conclude, render_measured
from bakeoff.cli.context import new_manifest, run_context
from bakeoff.cli.init import find_app
from bakeoff.cli.interpreters import add_install, prepared
from bakeoff.discover import Wishes, names_app
from bakeoff.experiment import apply_profile, parse_experiment, read_experiment, select
from bakeoff.load.source import read_source
from bakeoff.measure import measure_new
from bakeoff.model import Experiment, UserError
from bakeoff.stacks import check_consent, describe_machine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=Path("bakeoff.toml"),
        metavar="FILE|MODULE:APP",
        help="the experiment (default: bakeoff.toml), or an app, whose experiment is made as by bakeoff init",
    )
    add_options(parser)


def add_options(parser: argparse.ArgumentParser, profile: str = "full") -> None:
    """Declare the options of a run of whatever experiment; ``profile`` is the default."""
    add_stack_choice(parser)
    parser.add_argument("--scenario", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    parser.add_argument(
        "--profile",
        choices=("smoke", "quick", "full"),
        default=profile,
        help="full: as the file says; quick: the fewest and shortest slices that can tell stacks apart; "
        "smoke: one block, to see that everything works (default: %(default)s)",
    )
    parser.add_argument("--blocks", type=int, help="how often to start every stack afresh")
    add_seed_and_out(parser)
    add_backend(parser)
    add_install(parser)
    add_consent(parser)
    add_generators(parser)


def run(options: argparse.Namespace) -> int:
    """Measure the experiment of a file or an app, and show the result; the exit code is 0 if there is one, else 3."""
    return measure(_experiment(options), options)


def measure(experiment: Experiment, options: argparse.Namespace) -> int:
    """Measure an experiment as the options say, and show the result; the exit code is 0 if there is one, else 3."""
    source = read_source(options.generators, options.workers, options.listen, options.token_file)
    experiment = select(experiment, options.stack, options.scenario)
    experiment = apply_profile(experiment, options.profile, options.blocks)
    check_consent(experiment.stacks, options.yes_load_this_host)
    experiment = prepared(experiment, options)
    manifest = new_manifest(
        experiment.name,
        experiment,
        profile=options.profile,
        machine=describe_machine(source.generators),
        backend=options.backend,
        seed=options.seed,
        results=options.out,
    )
    with run_context(manifest, experiment, source) as (context, manifest):
        folder = measure_new(manifest, options.out, context)
        context.observer.report_began()
        findings = render_measured(folder)
    return conclude(findings, folder.path)


def _experiment(options: argparse.Namespace) -> Experiment:
    """The experiment in a file, or the one that is made for an app in this folder.

    Raises `UserError` for a mistake in it, and for an app that cannot be measured as it is.
    """
    if options.file.exists() or not names_app(str(options.file)):
        return read_experiment(options.file)
    discovery = find_app(Path.cwd(), Wishes(app=str(options.file)), agreed=options.install)
    if discovery.obstacle:
        raise UserError(discovery.obstacle)
    for line in (*discovery.summary, *discovery.missing):
        note(f"note: {line}")
    made = parse_experiment(discovery.text, Path("bakeoff.toml"))
    return msgspec.structs.replace(made, path=None)
