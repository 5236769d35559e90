"""``bakeoff report``: render the reports of a stored run again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bakeoff.cli import DONE, show_styled
from bakeoff.cli.conclusion import refresh_index, render, show_findings
from bakeoff.report import gate as gate_report
from bakeoff.report.gate import terminal as gate_terminal
from bakeoff.results import RunFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("run_folder", type=Path, metavar="run", help="a run folder")


def run(options: argparse.Namespace) -> int:
    """Render the reports of a stored run or gate, and show its result."""
    return render_again(options.run_folder)


def render_again(path: Path) -> int:
    """Render the reports of the run or gate in a folder, from its stored files alone, and show its result."""
    folder = RunFolder(path)
    summary = folder.summary()
    if summary.gate is None:
        show_findings(render(folder), path)
    else:
        folder.write_reports(gate_report.render_all(summary))
        show_styled(gate_terminal.render(summary, colour=sys.stdout.isatty()))
    refresh_index(path.resolve().parent)
    return DONE
