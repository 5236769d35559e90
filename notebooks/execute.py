"""Runs every notebook of this folder anew, and keeps what it shows: ``make notebooks``."""

from __future__ import annotations

import copy
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parent
WITHIN_S = 300


def executed(path: Path) -> NotebookNode:
    """A notebook after a run from top to bottom in its own folder.

    Raises `nbclient.exceptions.CellExecutionError` with the traceback of the cell that fails. Nothing of when and
    with which Python it ran is kept, so that another run changes no more than what it shows.
    """
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    about = copy.deepcopy(notebook.metadata)
    client = NotebookClient(
        notebook,
        timeout=WITHIN_S,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    notebook.metadata = about
    return notebook


if __name__ == "__main__":
    for found in sorted(FOLDER.glob("*.ipynb")):
        nbformat.write(executed(found), found)
