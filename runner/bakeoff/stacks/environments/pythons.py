"""Interpreters: a project's own environment, and the Python of a version."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from bakeoff.model import UserError
from bakeoff.stacks.environments.commands import run_command

VERSION = re.compile(r"3\.\d+(\.\d+)?")
ENVIRONMENTS = (".venv", "venv", "env")
"""Folders in which a project's environment is looked for."""
ANSWERS_WITHIN_S = 20.0

_IDENTITY = "import sys, sysconfig; print(sys.version, sys.base_prefix, sysconfig.get_platform(), sep='|')"
_PATH = "import sys; print(sys.version_info[0], sys.version_info[1], sys.executable)"


def project_python(folder: Path) -> str | None:
    """The interpreter of a project's environment; ``None`` where that is the one that runs Bakeoff, or there is none.

    It is ``.venv``, ``venv`` or ``env`` in the folder, or above it within its repository; or else the environment that
    is activated in the shell.
    """
    homes = [place / name for place in _up_to_root(folder.resolve()) for name in ENVIRONMENTS]
    activated = os.environ.get("VIRTUAL_ENV")
    if activated:
        homes.append(Path(activated))
    home = next((home for home in homes if (home / "bin" / "python").exists()), None)
    if home is None or home.resolve() == Path(sys.prefix).resolve():
        return None
    return str(home / "bin" / "python")


def _up_to_root(folder: Path) -> Iterator[Path]:
    """A folder and those above it, up to the root of its repository; the folder alone where it is in none."""
    places = [folder, *folder.parents]
    root = next((place for place in places if (place / ".git").exists()), folder)
    yield from places[: places.index(root) + 1]


def is_version(python: str) -> bool:
    """Whether a stack's ``python`` is a version, ``3.12``, and not a path."""
    return VERSION.fullmatch(python) is not None


def named_python(python: str | None) -> str | None:
    """The interpreter that a stack's ``python`` names, if it names one. Raises `UserError` when there is none."""
    return python_of_version(python) if python and is_version(python) else python


def python_of_version(version: str) -> str:
    """An interpreter of a minor version: Bakeoff's own, one on the path, or one that uv knows.

    Raises `UserError` when there is none.
    """
    major, minor = version.split(".")[:2]
    if (int(major), int(minor)) == sys.version_info[:2]:
        return sys.executable
    for candidate in _on_path(f"python{major}.{minor}"):
        answer = _ask(candidate)
        if answer and answer.split(" ", 2)[:2] == [major, minor]:
            return answer.split(" ", 2)[2]
    if uv := shutil.which("uv"):
        try:
            return run_command([uv, "python", "find", f"{major}.{minor}"], ANSWERS_WITHIN_S).strip()
        except UserError:
            pass
    raise UserError(f"there is no Python {major}.{minor} on PATH; install it (uv python install {major}.{minor})")


def _on_path(program: str) -> Iterator[str]:
    """Every file of a name on the path: the first may be a shim for a version that is not chosen."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if path := shutil.which(program, path=folder or "."):
            yield path


def _ask(python: str) -> str | None:
    """Major, minor and path as the interpreter tells them; ``None`` if it does not run."""
    try:
        return run_command([python, "-c", _PATH], ANSWERS_WITHIN_S).strip()
    except (UserError, OSError):
        return None


def interpreter_identity(python: str) -> str:
    """What tells one interpreter from another: version, build, base folder and platform. Raises `UserError`."""
    try:
        return run_command([python, "-c", _IDENTITY], ANSWERS_WITHIN_S).strip()
    except OSError as error:
        raise UserError(f"python {python!r} does not run: {error.strerror}") from None
