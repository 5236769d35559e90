"""``bakeoff index``: list all runs on one page."""

from __future__ import annotations

import argparse
from pathlib import Path

from bakeoff.cli import DONE, show
from bakeoff.cli.conclusion import write_index


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "results", nargs="?", type=Path, default=Path("results"), help="where run folders are (default: results)"
    )


def run(options: argparse.Namespace) -> int:
    """Write the page that lists all runs."""
    show(f"index: {write_index(options.results)}")
    return DONE
