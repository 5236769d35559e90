"""``bakeoff demo``: the bakery, from an empty folder and without a clone."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

import msgspec

import bakeoff
from bakeoff.cli.run import add_options, measure
from bakeoff.experiment import read_experiment
from bakeoff.model import Experiment

FRAMEWORKS = ("fastapi", "flask", "gunicorn", "uvicorn")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes: what ``run`` takes, without a file."""
    add_options(parser, profile="quick")


def run(options: argparse.Namespace) -> int:
    """Compare the stacks of the bakery; the exit code is that of ``run``."""
    return measure(demonstration(), options)


def demonstration() -> Experiment:
    """The bakery's experiment: the one in the installed package, or in a checkout that is installed as editable.

    Where Bakeoff's own environment lacks frameworks or servers, its stacks get one of the pinned requirements.
    """
    package = Path(bakeoff.__file__).parent
    folder, requirements = package / "demo", "requirements.txt"
    if not folder.is_dir():
        folder, requirements = package.parents[1], "requirements/apps.txt"
    experiment = read_experiment(folder / "bakeoff.toml")
    packages = () if all(find_spec(name) for name in FRAMEWORKS) else (f"-r {requirements}",)
    # Whatever environment is activated is not the bakery's.
    own = {"python": sys.executable, "packages": packages}
    stacks = tuple(msgspec.structs.replace(stack, **own) for stack in experiment.stacks)
    return msgspec.structs.replace(experiment, stacks=stacks)
