"""``bakeoff compare``: put runs side by side."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from urllib.parse import quote

from bakeoff.analysis import check_conditions, check_machines
from bakeoff.cli import DONE, show
from bakeoff.findings.run_comparison import compare_runs
from bakeoff.model import UserError
from bakeoff.results import REPORT_PAGE, load_run, write_page

COMPARE_PAGE = "compare.html"
MOST_RUNS = 6
"""Runs that fit side by side on a page."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="two or more run folders, the oldest first")
    parser.add_argument(
        "--across-machines", action="store_true", help="compare runs of different machines, and label every number so"
    )
    parser.add_argument(
        "--out", type=Path, help="the page to write (default: compare.html in the folder that holds the first run)"
    )


def run(options: argparse.Namespace) -> int:
    """Write a page with runs side by side, and print what changed from the first to the others."""
    folders: list[Path] = options.runs
    if not 2 <= len(folders) <= MOST_RUNS:
        raise UserError(f"compare takes 2 to {MOST_RUNS} runs; name that many run folders")
    runs = [load_run(folder) for folder in folders]
    if not options.across_machines:
        check_machines(runs)
    check_conditions(runs)

    from bakeoff.report import compare  # Imports the chart library, which takes seconds: after the user's mistakes.

    page: Path = options.out or folders[0].resolve().parent / COMPARE_PAGE
    links = [_link(folder / REPORT_PAGE, page) for folder in folders]
    comparison = compare_runs(runs)
    write_page(page, compare.render_page(comparison, links))
    show(compare.render_text(comparison))
    show(f"\ncomparison: {page}")
    return DONE


def _link(target: Path, page: Path) -> str:
    """The address of a file, relative to a page that links to it."""
    return quote(Path(os.path.relpath(target.resolve(), page.resolve().parent)).as_posix())
