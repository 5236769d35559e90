"""How a run ends: its reports, its result on the terminal, and the list of runs brought up to date."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from bakeoff import report
from bakeoff.cli import DONE, FAILED, note
from bakeoff.findings.answer import answer
from bakeoff.findings.context import brackets
from bakeoff.model import Run
from bakeoff.report import terminal
from bakeoff.results import REPORT_PAGE, RunFolder, is_foreign, list_runs, load_run, write_page

INDEX_PAGE = "index.html"


def render(folder: RunFolder) -> Run:
    """Write the reports of a finished run, and return the run. Raises `UserError` when it has not finished."""
    run = load_run(folder.path)
    folder.write_reports(report.render_all(run))
    return run


def conclude(run: Run, folder: Path) -> int:
    """Show a finished run and list it; 0 when at least one row is valid, else 3."""
    show_run(run, folder)
    refresh_index(folder.resolve().parent)
    return DONE if any(result.valid for result in run.summary.results) else FAILED


def show_run(run: Run, folder: Path) -> None:
    """Print the table, the answer and the path of the report."""
    print(terminal.render_table(run, shutil.get_terminal_size((120, 24)).columns, colour=sys.stdout.isatty()))
    print(*filter(None, (answer(run), brackets(run))), sep="\n")
    print(f"\nreport: {folder / REPORT_PAGE}")


def refresh_index(results: Path) -> None:
    """Write the list of runs again. A page of that name that Bakeoff did not write is left alone, with a note."""
    if is_foreign(results / INDEX_PAGE):
        note(f"note: {results / INDEX_PAGE} was not written by Bakeoff and is left alone")
    else:
        write_index(results)


def write_index(results: Path) -> Path:
    """Write the list of runs and return its path. Raises `UserError` when a page of that name is not Bakeoff's."""
    from bakeoff.report import index  # Imports the chart library, which takes seconds.

    path = results / INDEX_PAGE
    write_page(path, index.render(list_runs(results)))
    return path
