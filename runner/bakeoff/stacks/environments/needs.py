"""What an environment is to hold, and what that resolves to."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Needs:
    """What an environment is to hold."""

    python: str
    """The interpreter that it is for."""
    directory: Path
    """Where the installer runs: relative paths in files start from it."""
    files: tuple[Path, ...] = ()
    """Files of requirements."""
    lines: tuple[str, ...] = ()
    """Further requirements, as such a file would have them."""
    projects: tuple[str, ...] = ()
    """Local projects, as absolute paths with their extras: ``/srv/shop[web]``. They are installed as editable, so that
    nothing is built in their folders and their files are used as they lie."""
    locked: bool = False
    """Whether files and lines have everything that the projects need, so that nothing else is resolved."""

    @property
    def title(self) -> str:
        """For messages: ``requirements.txt, uvicorn==0.34, shop``."""
        names = [file.name for file in self.files]
        return ", ".join([*names, *self.lines, *(Path(project).name for project in self.projects)])


@dataclass(frozen=True, order=True)
class Distribution:
    """A distribution that requirements resolve to."""

    name: str
    version: str | None
    """``None`` where only a build would tell, as for some local projects."""
    source: str | None
    """Hashes of its files or its commit; ``None`` where nothing tells its content, as of a directory."""
    directory: Path | None = None
    """Where a local project lies."""
    is_direct: bool = False
    """Whether it is required by an address of its own, so that its name and version would not find it again."""


@dataclass(frozen=True)
class Resolved:
    """What an environment is to hold, down to the versions."""

    needs: Needs
    distributions: tuple[Distribution, ...]

    def version_of(self, package: str) -> str | None:
        """The version of a distribution; ``None`` if it is not among them."""
        name = normalised(package)
        versions = (package.version for package in self.distributions if normalised(package.name) == name)
        return next(versions, None)

    @property
    def pins(self) -> tuple[str, ...]:
        """Requirements that allow the resolved versions only: a newer one may be published meanwhile."""
        fixed = [package for package in self.distributions if package.source and not package.is_direct]
        return tuple(f"{package.name}=={package.version}" for package in fixed if package.version)

    @property
    def third_party(self) -> tuple[Distribution, ...]:
        """All but the local projects that `Needs` has itself."""
        own = {project_folder(project) for project in self.needs.projects}
        return tuple(package for package in self.distributions if package.directory not in own)

    @property
    def not_kept(self) -> tuple[str, ...]:
        """The names of packages that cannot be installed apart from the local projects that `Needs` has, and kept.

        Names, versions and hashes do not tell their content, or a project may require them by their address.
        """
        named = {name_of(line) for line in self.needs.lines}
        by_address = {package.name for package in self.third_party if package.is_direct and self.needs.projects}
        return tuple(
            package.name
            for package in self.third_party
            if package.source is None or (package.name in by_address and normalised(package.name) not in named)
        )

    def without_projects(self) -> Resolved:
        """What is below the local projects: an environment that can be kept and shared."""
        lines = (*self.needs.lines, *self.pins) if self.needs.projects else self.needs.lines
        return Resolved(replace(self.needs, projects=(), lines=lines), self.third_party)


def normalised(name: str) -> str:
    """The name of a distribution as it is compared (packaging.python.org, "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(requirement: str) -> str | None:
    """The name that a line of requirements begins with, or that the file has to which it is a path."""
    text = Path(requirement).name.partition("-")[0] if requirement.startswith("/") else requirement
    name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", text)
    return normalised(name[0]) if name else None


def split_requirement(requirement: str, directory: Path) -> tuple[str | None, str | None]:
    """A line of ``packages`` as ``(requirement, None)``, or ``(None, project)`` when it names a folder.

    ``.``, ``./lib[extra]``, ``-e .`` and absolute paths to folders are projects; ``-r FILE`` and paths to files become
    absolute.
    """
    text = requirement.strip()
    for option in ("-e", "--editable"):
        if text.startswith((f"{option} ", f"{option}=")):
            text = text[len(option) + 1 :].strip()
    for option in ("-r", "--requirement", "-c", "--constraint"):
        if text.startswith((f"{option} ", f"{option}=")):
            return f"{option} {directory / text[len(option) + 1 :].strip()}", None
    if not text.startswith((".", "/", "~")):
        return text, None
    path, bracket, extras = text.partition("[")
    place = (directory / Path(path.strip()).expanduser()).resolve()
    if place.is_file():
        return f"{place}{bracket}{extras}", None
    return None, f"{place}{bracket}{extras}"


def project_folder(project: str) -> Path:
    """The folder of a local project, without its extras."""
    return Path(project.partition("[")[0])
