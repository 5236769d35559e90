"""Each stack of a run gets its interpreter before anything is measured, and a missing server is offered."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import msgspec

from bakeoff.cli import complain, note
from bakeoff.model import Experiment, Stack
from bakeoff.stacks.environments import install_missing_servers, with_interpreters


def add_install(parser: argparse.ArgumentParser) -> None:
    """``--install``: consent to install missing servers."""
    parser.add_argument(
        "--install", action="store_true", help="install a server that is missing in a stack's environment"
    )


def prepared(experiment: Experiment, options: argparse.Namespace) -> Experiment:
    """The experiment with an interpreter for each stack that runs as a process, and its server installed if agreed.

    Raises `UserError` when an environment cannot be built.
    """
    if options.backend != "local":
        return experiment
    stacks = with_interpreters(experiment.stacks, note)
    offer_servers(stacks, options.install)
    return msgspec.structs.replace(experiment, stacks=stacks)


def offer_servers(stacks: Sequence[Stack], agreed: bool) -> None:
    """Install the servers that stacks lack, if the user has ``agreed`` or agrees now. Raises `UserError`."""
    install_missing_servers(stacks, note, lambda package, python: may_install(package, python, agreed))


def may_install(package: str, python: str, agreed: bool) -> bool:
    """Whether the user agrees that a package is installed: by ``--install``, or by an answer at the terminal."""
    if agreed or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return agreed
    complain(f"bakeoff: {python} has no {package}; install it there? [y/N] ")
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False
