"""Run every notebook of this folder and store its output in it: ``make notebooks``."""

from __future__ import annotations

import copy
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parent
WITHIN_S = 300


def executed(path: Path) -> NotebookNode:
    """A notebook, run from top to bottom in its own folder.

    Raises `nbclient.exceptions.CellExecutionError` with the traceback of the cell that fails. The metadata stay as
    they were, without times and the version of Python, so that a run changes outputs only.
    """
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    metadata = copy.deepcopy(notebook.metadata)
    client = NotebookClient(
        notebook,
        timeout=WITHIN_S,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    notebook.metadata = metadata
    return notebook


if __name__ == "__main__":
    for path in sorted(FOLDER.glob("*.ipynb")):
        nbformat.write(executed(path), path)
