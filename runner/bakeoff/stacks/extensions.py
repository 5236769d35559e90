"""Which compiled packages a stack has loaded: they tell its event loop and its HTTP parser, whatever was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

PACKAGE = re.compile(r"/(?:site|dist)-packages/([A-Za-z0-9_]+)[/.][^\n]*?\.so\b")
"""A shared object of an installed package, in a line of ``/proc/PID/maps``."""


def loaded_by(pids: Iterable[int]) -> tuple[str, ...]:
    """The names of the packages with compiled parts that any of these processes has mapped, sorted.

    Empty where the system has no ``/proc`` (macOS); a process that has ended meanwhile has loaded nothing.
    """
    return tuple(sorted({name for pid in pids for name in packages_in(_maps_of(pid))}))


def packages_in(maps: str) -> set[str]:
    """The packages whose compiled parts a process's memory map names (proc(5))."""
    return set(PACKAGE.findall(maps))


def _maps_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/maps").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
