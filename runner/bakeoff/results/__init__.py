"""Run folders: the only reader and writer of ``results/``."""

from bakeoff.results.hlog import read_log, write_log
from bakeoff.results.key import masking_key
from bakeoff.results.pages import is_foreign, list_runs, write_page
from bakeoff.results.store import REPORT_PAGE, RunFolder, load_run, new_run_id, without_secrets, write_file

__all__ = [
    "REPORT_PAGE",
    "RunFolder",
    "is_foreign",
    "list_runs",
    "load_run",
    "masking_key",
    "new_run_id",
    "read_log",
    "without_secrets",
    "write_file",
    "write_log",
    "write_page",
]
