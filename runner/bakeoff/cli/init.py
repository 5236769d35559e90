"""``bakeoff init``: write an experiment to start from."""

from __future__ import annotations

import argparse
from importlib import resources
from pathlib import Path

from bakeoff.cli import DONE, show
from bakeoff.model import UserError
from bakeoff.results import write_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", nargs="?", type=Path, default=Path("bakeoff.toml"), help="(default: bakeoff.toml)")


def run(options: argparse.Namespace) -> int:
    """Write the starter experiment to a new file."""
    file: Path = options.file
    if file.exists():
        raise UserError(f"{file} exists already; name another file")
    starter = resources.files("bakeoff").joinpath("starter.toml").read_bytes()
    try:
        write_file(file, starter)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}; name another file") from None
    show(f"wrote {file}; fit it to your app, then: bakeoff run {file} --profile smoke")
    return DONE
