"""How a run ends: its reports, its result on the terminal, and the list of runs brought up to date."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from bakeoff import report
from bakeoff.cli import DONE, FAILED, note, show, show_styled
from bakeoff.findings import Findings, into_summary, state
from bakeoff.results import REPORT_PAGE, RunFolder, is_foreign, list_runs, load_run, write_page

INDEX_PAGE = "index.html"


def render_measured(folder: RunFolder) -> Findings:
    """State the findings of a run that has just been measured, add them to its summary, and write its reports."""
    run = load_run(folder.path)
    findings = state(run)
    folder.write_summary(into_summary(run.summary, findings))
    folder.write_reports(report.render_all(run, findings))
    return findings


def render(folder: RunFolder) -> Findings:
    """Write the reports of a stored run, and return its findings. Raises `UserError` when it has not finished."""
    run = load_run(folder.path)
    findings = state(run)
    folder.write_reports(report.render_all(run, findings))
    return findings


def conclude(findings: Findings, folder: Path) -> int:
    """Show a finished run and list it; 0 when it has a result, else 3, also when nothing is left to compare."""
    show_findings(findings, folder)
    refresh_index(folder.resolve().parent)
    if findings.has_result:
        return DONE
    if findings.ended_early:
        note("no result: the run ended in its first block, because it left nothing to compare; the report has the logs")
    else:
        note("no result: the checks left no row to compare; the report says why rows are withheld")
    return FAILED


def show_findings(findings: Findings, folder: Path) -> None:
    """Print the tables, unless they are empty, the headline and the path of the report."""
    if not findings.ended_early:
        width = shutil.get_terminal_size((120, 24)).columns
        show_styled(report.render_table(findings, width, colour=sys.stdout.isatty()))
    show("\n".join(filter(None, (findings.headline.text, findings.interval_note))))
    show(f"\nreport: {folder / REPORT_PAGE}")


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
