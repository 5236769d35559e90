"""The list of all runs under a folder, and the pages that show several of them."""

from __future__ import annotations

from pathlib import Path

from bakeoff.model import Listed, UserError
from bakeoff.results.store import RunFolder, is_run_folder, write_file


def list_runs(results: Path) -> tuple[Listed, ...]:
    """Every run folder under a folder, the newest first. Raises `UserError` when there is no such folder.

    A folder that cannot be read is listed with its problem.
    """
    try:
        folders = [path for path in results.iterdir() if is_run_folder(path)]
    except OSError as error:
        raise UserError(f"{results} cannot be listed: {error.strerror}; name the folder that holds the runs") from None
    return tuple(sorted(map(_listed, folders), key=_newest_first, reverse=True))


def _newest_first(listed: Listed) -> tuple[str, str]:
    return (listed.manifest.started_utc if listed.manifest else "", listed.folder)


def _listed(path: Path) -> Listed:
    folder = RunFolder(path)
    try:
        return Listed(
            folder=path.name,
            manifest=folder.manifest(),
            summary=folder.summary() if folder.has_summary else None,
            blocks=folder.blocks(),
            report=folder.has_page,
        )
    except UserError as error:
        return Listed(folder=path.name, problem=str(error))


GENERATOR_MARK = b'<meta name="generator" content="Bakeoff">'
"""What every page of several runs holds near its beginning; a page without it is somebody else's."""
_MARK_WITHIN_BYTES = 500


def is_foreign(page: Path) -> bool:
    """Whether a page exists that Bakeoff did not write and must not replace."""
    if not page.exists():
        return False
    with page.open("rb") as file:
        return GENERATOR_MARK not in file.read(_MARK_WITHIN_BYTES)


def write_page(path: Path, content: bytes) -> None:
    """Write a page of several runs.

    Raises `UserError` when it cannot be written, or would replace a file that Bakeoff did not write.
    """
    try:
        if is_foreign(path):
            raise UserError(f"{path} was not written by Bakeoff and is left alone; move it, or choose another place")
        write_file(path, content)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}; choose another place") from None
