"""``bakeoff timeline``: two requests at once on each stack."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bakeoff.cli import DONE, FAILED, show
from bakeoff.cli.arguments import add_backend, add_file, add_stack_choice
from bakeoff.cli.interpreters import add_install, prepared
from bakeoff.experiment import read_experiment, select
from bakeoff.findings import timeline_line
from bakeoff.load import LocalGenerators
from bakeoff.measure import Observer, RunContext, take_timelines
from bakeoff.model import Certificate
from bakeoff.stacks import open_backend, split_cpus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file(parser)
    add_stack_choice(parser)
    add_backend(parser)
    add_install(parser)


def run(options: argparse.Namespace) -> int:
    """Take and print the timelines of an experiment's stacks; 3 when one fails."""
    experiment = prepared(select(read_experiment(options.file), options.stack, ()), options)
    server_cpus, generator_cpus = split_cpus()
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalGenerators(generator_cpus, Path(scratch)) as generator,
        open_backend(options.backend, experiment.stacks, server_cpus) as backend,
    ):
        context = RunContext(backend, generator, Observer(), Certificate)
        timelines = take_timelines(experiment, Path(scratch), context)
    for timeline in timelines:
        show(f"{timeline_line(timeline)}\n")
    return FAILED if any(timeline.failure for timeline in timelines) else DONE
