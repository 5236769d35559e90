"""A digest of an app's code, by which two runs can tell whether they measured the same.

Of the files below a stack's folder these count: in a git repository those that git tracks and those that it would add
(untracked, not ignored); elsewhere all but virtual environments, caches and hidden folders. Results of runs, logs and
compiled Python never do. A symbolic link counts by where it points to, and is not followed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bakeoff.model import Code, Experiment

MAX_FILES = 20_000
MAX_BYTES = 256 * 2**20
WITHIN_S = 10.0
CACHES = frozenset({"__pycache__", "node_modules", "venv"})
"""Besides hidden folders (``.venv``, ``.git``, ``.mypy_cache``) and those that declare themselves to be one."""
MARKS = ("pyvenv.cfg", "CACHEDIR.TAG")
"""A file in a folder that makes it a virtual environment, or a cache (bford.info/cachedir)."""
NO_CODE = frozenset({".log", ".pyc", ".pyo"})
RUN_MARKS = ("manifest.json", "blocks")
PAGES = ("index.html", "compare.html")
"""Written beside run folders, after each run."""
CHUNK_BYTES = 2**20


class _TooMuch(Exception):
    """A limit was reached; the message is a clause about the folder."""


def code_of(directory: Path, results: Path, experiment: Path | None = None) -> Code:
    """The digest of the code in a folder, or the reason why there is none: it takes too much, or cannot be read.

    ``results`` is where run folders go, and ``experiment`` the experiment's file, whose content is in the manifest;
    neither counts.
    """
    digest = hashlib.sha256()
    files = size_bytes = 0
    deadline_s = time.monotonic() + WITHIN_S
    try:
        for path in _files(directory, deadline_s):
            if path == experiment or path.suffix in NO_CODE or _is_result(path, directory, results):
                continue
            try:
                content, read_bytes = _digest(path, MAX_BYTES - size_bytes)
            except FileNotFoundError:
                continue  # Deleted since git learnt of it.
            if content is None:
                continue
            files, size_bytes = files + 1, size_bytes + read_bytes
            if files > MAX_FILES:
                raise _TooMuch(f"its folder has more than {MAX_FILES:,} files")
            if time.monotonic() > deadline_s:
                raise _TooMuch(f"reading its folder takes more than {WITHIN_S:g} s")
            name = os.fsencode(path.relative_to(directory).as_posix())
            digest.update(len(name).to_bytes(8, "big") + name + content)
    except _TooMuch as problem:
        return Code(reason=str(problem))
    except OSError as error:
        return Code(reason=f"{error.filename} cannot be read: {error.strerror}")
    return Code(sha256=digest.hexdigest(), files=files)


def _digest(path: Path, most_bytes: int) -> tuple[bytes | None, int]:
    """The digest of a file's content or of a link's target, and the bytes read; ``None`` for a socket or the like."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return hashlib.sha256(b"link " + os.fsencode(path.readlink())).digest(), 0
    if not stat.S_ISREG(mode):
        return None, 0
    digest, read_bytes = hashlib.sha256(b"file "), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            read_bytes += len(chunk)
            if read_bytes > most_bytes:
                raise _TooMuch(f"its files have more than {MAX_BYTES // 2**20} MiB")
    return digest.digest(), read_bytes


def codes_of(experiment: Experiment, results: Path) -> dict[str, Code]:
    """The code of each stack that is started, by the stack's name; ``results`` is where run folders go."""
    file = Path(experiment.path).resolve() if experiment.path else None
    started = [stack for stack in experiment.stacks if not stack.url]
    folders = {stack.directory: Path(stack.directory).resolve() for stack in started}
    codes = {name: code_of(folder, results.resolve(), file) for name, folder in folders.items()}
    return {stack.name: codes[stack.directory] for stack in started}


def _is_result(path: Path, directory: Path, results: Path) -> bool:
    """Whether a file was written by a run."""
    if results != directory and results.is_relative_to(directory) and path.is_relative_to(results):
        return True
    if path.parent == results and path.name in PAGES:
        return True
    folders = (folder for folder in path.parents if folder != directory and folder.is_relative_to(directory))
    return any(all((folder / mark).exists() for mark in RUN_MARKS) for folder in folders)


def _files(directory: Path, deadline_s: float) -> Iterator[Path]:
    """What may count, in an order that depends on names only."""
    listed = _listed_by_git(directory, deadline_s)
    if listed is None:
        yield from _walked(directory)
        return
    for path in listed:
        if path.is_dir() and not path.is_symlink():  # A repository in the repository.
            yield from _files(path, deadline_s)
        else:
            yield path


def _listed_by_git(directory: Path, deadline_s: float) -> list[Path] | None:
    """``None`` where the folder is in no repository, or git is missing, refuses, or takes too long."""
    command = ("git", "-C", str(directory), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        process = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=max(0.1, deadline_s - time.monotonic())
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if process.returncode:
        return None
    names = sorted({os.fsdecode(name) for name in process.stdout.split(b"\0") if name})
    return [directory / name for name in names]


def _walked(directory: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(directory, onerror=fail):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not _is_cache(here / name))
        for name in sorted([*names, *(name for name in folders if (here / name).is_symlink())]):
            yield here / name


def _is_cache(folder: Path) -> bool:
    if folder.is_symlink():
        return False
    return folder.name.startswith(".") or folder.name in CACHES or any((folder / mark).exists() for mark in MARKS)
