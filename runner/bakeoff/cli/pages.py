"""``bakeoff report``, ``compare`` and ``index``: pages from stored files alone.

Pages are imported where they are made: what draws them takes seconds to import, longer than a mistake should take to
be told.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from bakeoff import report
from bakeoff.analysis import comparable
from bakeoff.cli import DONE, note
from bakeoff.findings.answer import answer
from bakeoff.findings.context import brackets
from bakeoff.model import Run, UserError
from bakeoff.report import gate as gate_reports
from bakeoff.report import terminal
from bakeoff.report.gate import terminal as gate_terminal
from bakeoff.results.store import REPORT_PAGE, RunFolder, is_foreign, list_runs, load_run, write_page

INDEX_PAGE = "index.html"
COMPARE_PAGE = "compare.html"
MOST_COMPARED = 6
"""Runs side by side that still fit a page."""


def render_again(folder: Path) -> int:
    """Render a stored run's reports."""
    stored = RunFolder(folder)
    summary = stored.summary()
    if summary.gate is not None:
        stored.write_reports(gate_reports.render_all(summary))
        print(gate_terminal.render(summary, colour=sys.stdout.isatty()))
    else:
        finished = load_run(folder)
        stored.write_reports(report.render_all(finished))
        print_result(finished, folder)
    refresh_index(folder.resolve().parent)
    return DONE


def print_result(finished: Run, folder: Path) -> None:
    """The table and the answer."""
    print(terminal.render_table(finished, shutil.get_terminal_size((120, 24)).columns, colour=sys.stdout.isatty()))
    told = "\n".join(filter(None, (answer(finished), brackets(finished))))
    print(f"{told}\n\nreport: {folder / REPORT_PAGE}")


def compare(folders: Sequence[Path], out: Path | None, *, across_machines: bool) -> int:
    """Write a page with runs side by side, and say what changed from the first to the others."""
    if not 2 <= len(folders) <= MOST_COMPARED:
        raise UserError(f"compare takes 2 to {MOST_COMPARED} runs; name that many run folders")
    from bakeoff.report import compare as side_by_side

    runs = [load_run(folder) for folder in folders]
    if not across_machines:
        comparable.check_machines(runs)
    comparable.check_cases(runs)
    page = out or folders[0].resolve().parent / COMPARE_PAGE
    addresses = [_address(folder / REPORT_PAGE, page) for folder in folders]
    compared = side_by_side.side_by_side(list(zip(runs, addresses, strict=True)))
    write_page(page, side_by_side.render(compared))
    print(side_by_side.told(compared))
    print(f"\ncomparison: {page}")
    return DONE


def _address(target: Path, page: Path) -> str:
    """Of a file, relative to a page that links to it."""
    return quote(Path(os.path.relpath(target.resolve(), page.resolve().parent)).as_posix())


def index(results: Path) -> int:
    """Write the page that lists all runs."""
    print(f"index: {_write_index(results)}")
    return DONE


def refresh_index(results: Path) -> None:
    """Write the list anew, beside a run that has just ended; another's page of that name stays as it is."""
    if is_foreign(results / INDEX_PAGE):
        note(f"note: {results / INDEX_PAGE} is not Bakeoff's and was left alone")
    else:
        _write_index(results)


def _write_index(results: Path) -> Path:
    from bakeoff.report import index as list_of_runs

    path = results / INDEX_PAGE
    write_page(path, list_of_runs.render(list_runs(results)))
    return path
