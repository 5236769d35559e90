"""Reads the files of a project that may hold an app or say how it is started, within limits."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_FILES = 2_000
"""Python files that are read; those near the project's folder come first."""
MAX_BYTES = 400_000
"""Larger files are generated, and hold no app."""
MAX_DEPTH = 6

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "migrations", "venv", "env", "build", "dist"})
_DEPLOYMENT = re.compile(
    r"Procfile|.*Dockerfile.*|(?:docker-)?compose.*\.ya?ml|Makefile|.*\.sh|fly\.toml|render\.yaml|app\.ya?ml|\.flaskenv"
)
_MAY_HOLD_APP = re.compile(r"app|wsgi|asgi|environ|scope|API", re.IGNORECASE)


@dataclass(frozen=True)
class ProjectFiles:
    """Texts of a project's files."""

    sources: dict[str, str]
    """Python files by their path relative to the project's folder."""
    deployment: tuple[str, ...]
    """Texts that may hold the command line of a server."""


def read_project(folder: Path) -> ProjectFiles:
    """The files below a folder; without hidden folders, environments, and packages of others."""
    sources: dict[str, str] = {}
    deployment = []
    for path in _walked(folder):
        if path.suffix == ".py" and len(sources) < MAX_FILES:
            text = _text(path)
            # Files without an app are listed too: they tell what can be imported from where.
            sources[path.relative_to(folder).as_posix()] = text if _MAY_HOLD_APP.search(text) else ""
        elif _DEPLOYMENT.fullmatch(path.name):
            deployment.append(_text(path))
    return ProjectFiles(sources, tuple(deployment))


def _walked(folder: Path) -> Iterator[Path]:
    """Files level by level."""
    level = [folder]
    for _ in range(MAX_DEPTH):
        below: list[Path] = []
        for parent in level:
            try:
                entries = sorted(os.scandir(parent), key=lambda entry: entry.name)
            except OSError:
                continue  # A folder that cannot be read holds no app that could be imported.
            for entry in entries:
                if entry.is_file():
                    yield Path(entry.path)
                elif entry.is_dir(follow_symlinks=False) and not _is_skipped(entry):
                    below.append(Path(entry.path))
        level = below


def _is_skipped(folder: os.DirEntry[str]) -> bool:
    return folder.name.startswith(".") or folder.name in _SKIPPED or Path(folder.path, "pyvenv.cfg").exists()


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace") if path.stat().st_size <= MAX_BYTES else ""
    except OSError:
        return ""
