"""``bakeoff stacks``: list the stacks of an experiment, and the servers with an adapter."""

from __future__ import annotations

import argparse

from bakeoff.cli import DONE, show
from bakeoff.cli.arguments import add_file, add_stack_choice
from bakeoff.experiment import read_experiment, select
from bakeoff.model import Masker, Stack
from bakeoff.results import masking_key
from bakeoff.stacks import servers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file(parser)
    add_stack_choice(parser)


def run(options: argparse.Namespace) -> int:
    """Print the stacks of an experiment, and the servers for which there is an adapter."""
    experiment = Masker(masking_key).experiment(select(read_experiment(options.file), options.stack, ()))
    width = max(len(stack.name) for stack in experiment.stacks)
    for stack in experiment.stacks:
        show(f"{stack.name:{width}}  {stack.interface}  {_what_runs(stack)}")
    show(f"\nknown servers: {', '.join(servers.names())}; any command that listens on a port will do too")
    return DONE


def _what_runs(stack: Stack) -> str:
    if stack.url:
        return stack.url
    if stack.command:
        return " ".join(stack.command)
    return f"{stack.app} on {stack.server}, {stack.workers} x {stack.threads}"
