"""What importing an app told. Pure."""

from __future__ import annotations

from typing import Any

from bakeoff.model import Interface, Struct


class ImportProblem(Struct, frozen=True, kw_only=True):
    """The exception that ended an import."""

    type: str
    message: str
    file: str | None = None
    """The last file of the project's own code, relative to its folder."""
    line: int | None = None
    missing: str | None = None
    """The module that does not exist, where that is the problem."""

    def __str__(self) -> str:
        place = f" ({self.file}:{self.line})" if self.file else ""
        first_line = self.message.strip().partition("\n")[0]
        return f"{self.type}: {first_line}{place}" if first_line else f"{self.type}{place}"


class Route(Struct, frozen=True, kw_only=True):
    """An entry of an app's URL map."""

    path: str
    methods: tuple[str, ...] = ()
    owner: str = ""
    """The module of its handler, or a word for what it serves."""
    variable: bool = False
    """Whether parts of the path have to be filled in, besides those that the path shows."""


class ImportedApp(Struct, frozen=True, kw_only=True):
    """What importing an app told."""

    versions: dict[str, str] = {}
    """Versions of the packages that were asked for, of those that are installed."""
    framework: str = ""
    interface: Interface | None = None
    routes: tuple[Route, ...] = ()
    openapi: dict[str, Any] | None = None
    problem: str | None = None
    """Why the URL map could not be read."""
    error: ImportProblem | None = None
