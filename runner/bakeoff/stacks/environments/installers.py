"""uv and pip: what requirements resolve to, and an environment in which exactly that is installed."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from bakeoff.model import UserError
from bakeoff.stacks.environments.commands import run_command
from bakeoff.stacks.environments.needs import Distribution, Needs, Resolved

INSTALL_WITHIN_S = 1800.0


class Installer(Protocol):
    """A program that installs requirements."""

    def resolve(self, needs: Needs, scratch: Path) -> Resolved:
        """What is needed, as it resolves now. ``scratch`` is a folder for temporary files.

        Raises `UserError` when the program fails.
        """

    def create(self, home: Path, python: str) -> None:
        """An empty environment for an interpreter. Raises `UserError`."""

    def install(self, home: Path, resolved: Resolved, scratch: Path) -> None:
        """Install into an environment what was resolved; of a `Needs.locked` one without its projects.

        Raises `UserError`.
        """

    def install_projects(self, home: Path, projects: Sequence[str]) -> None:
        """Install local projects as editable, without what they depend on. Raises `UserError`."""

    def add(self, python: str, requirement: str) -> None:
        """Install one more requirement into an environment that exists. Raises `UserError`."""


def find_installer() -> Installer:
    """The uv on the path, or else the pip of the interpreter that runs Bakeoff. Raises `UserError`."""
    if uv := shutil.which("uv"):
        return Uv(uv)
    if find_spec("pip"):
        return Pip()
    raise UserError(f"there is neither uv on PATH nor pip in {sys.executable}, to build environments; install uv")


@dataclass(frozen=True)
class Uv:
    """The program uv."""

    program: str

    def resolve(self, needs: Needs, scratch: Path) -> Resolved:
        """See `Installer`."""
        options = ("--quiet", "--no-header", "--format", "pylock.toml", "--python", needs.python)
        wanted = _write_wanted(needs, scratch)
        lock = _run([self.program, "pip", "compile", *options, str(wanted)], needs.directory)
        packages = tomllib.loads(lock).get("packages", ())
        return Resolved(needs, tuple(self._distribution(package, needs.directory) for package in packages))

    @staticmethod
    def _distribution(package: dict[str, Any], directory: Path) -> Distribution:
        """A package of a lock file (packaging.python.org, "pylock.toml Specification")."""
        files = [*package.get("wheels", ()), *(package[kind] for kind in ("sdist", "archive") if kind in package)]
        hashes = [file["hashes"] for file in files if file.get("hashes")]
        source = {"hashes": hashes, "vcs": package.get("vcs")} if "vcs" in package or hashes else None
        place = (directory / package["directory"]["path"]).resolve() if "directory" in package else None
        is_direct = "vcs" in package or "archive" in package
        return Distribution(package["name"], package.get("version"), _as_text(source), place, is_direct)

    def create(self, home: Path, python: str) -> None:
        """See `Installer`."""
        _run([self.program, "venv", "--quiet", "--allow-existing", "--python", python, str(home)], home.parent)

    def install(self, home: Path, resolved: Resolved, scratch: Path) -> None:
        """See `Installer`."""
        needs = resolved.needs
        if needs.files or needs.lines or needs.projects:
            pins = _write_lines(scratch / "pinned.txt", resolved.pins)
            arguments = ("--constraint", str(pins), "--requirement", str(_write_wanted(needs, scratch)))
            self._install(home, needs.directory, *arguments)

    def install_projects(self, home: Path, projects: Sequence[str]) -> None:
        """See `Installer`."""
        self._install(home, home, "--no-deps", *_editable(projects))

    def _install(self, home: Path, directory: Path, *arguments: str) -> None:
        options = ("--quiet", "--compile-bytecode", "--python", str(python_in(home)))
        _run([self.program, "pip", "install", *options, *arguments], directory)

    def add(self, python: str, requirement: str) -> None:
        """See `Installer`."""
        _run([self.program, "pip", "install", "--quiet", "--python", python, requirement], Path(python).parent)


@dataclass(frozen=True)
class Pip:
    """The pip of the interpreter that runs Bakeoff."""

    command: tuple[str, ...] = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")

    def resolve(self, needs: Needs, scratch: Path) -> Resolved:
        """See `Installer`."""
        report = scratch / "report.json"
        # A repository that is required as editable is checked out under --src even in a dry run.
        options = ("--dry-run", "--ignore-installed", "--report", str(report), "--src", str(scratch / "src"))
        wanted = ("--requirement", str(_write_wanted(needs, scratch)))
        _run([*self.command, "--python", needs.python, "install", *options, *wanted], needs.directory)
        entries = json.loads(report.read_bytes())["install"]
        return Resolved(needs, tuple(self._distribution(entry) for entry in entries))

    @staticmethod
    def _distribution(entry: dict[str, Any]) -> Distribution:
        """An entry of an installation report (pip's documentation, "Installation Report")."""
        metadata, download = entry["metadata"], entry["download_info"]
        source = {kind: download[kind] for kind in ("archive_info", "vcs_info") if download.get(kind)}
        place = Path(unquote(urlsplit(download["url"]).path)).resolve() if "dir_info" in download else None
        is_direct = bool(entry.get("is_direct")) and place is None
        return Distribution(metadata["name"], metadata["version"], _as_text(source), place, is_direct)

    def create(self, home: Path, python: str) -> None:
        """See `Installer`."""
        _run([python, "-m", "venv", "--without-pip", str(home)], home.parent)

    def install(self, home: Path, resolved: Resolved, scratch: Path) -> None:
        """See `Installer`."""
        needs = resolved.needs
        if needs.files or needs.lines or needs.projects:
            pins = _write_lines(scratch / "pinned.txt", resolved.pins)
            arguments = ("--constraint", str(pins), "--requirement", str(_write_wanted(needs, scratch)))
            self._install(str(python_in(home)), needs.directory, *arguments)

    def install_projects(self, home: Path, projects: Sequence[str]) -> None:
        """See `Installer`."""
        self._install(str(python_in(home)), home, "--no-deps", *_editable(projects))

    def _install(self, python: str, directory: Path, *arguments: str) -> None:
        _run([*self.command, "--python", python, "install", *arguments], directory)

    def add(self, python: str, requirement: str) -> None:
        """See `Installer`."""
        self._install(python, Path(python).parent, requirement)


def python_in(home: Path) -> Path:
    """The interpreter of the environment at ``home``."""
    return home / "bin" / "python"


def _write_wanted(needs: Needs, scratch: Path) -> Path:
    """Everything that is needed as one file of requirements, which has absolute paths."""
    lines = [*(f"-r {file}" for file in needs.files), *needs.lines]
    projects = () if needs.locked else needs.projects
    return _write_lines(scratch / "wanted.txt", [*lines, *(f"-e {project}" for project in projects)])


def _write_lines(file: Path, lines: Sequence[str]) -> Path:
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return file


def _editable(projects: Sequence[str]) -> list[str]:
    return [argument for project in projects for argument in ("--editable", project)]


def _as_text(source: dict[str, Any] | None) -> str | None:
    return json.dumps(source, sort_keys=True) if source else None


def _run(command: Sequence[str], directory: Path) -> str:
    return run_command(command, INSTALL_WITHIN_S, directory)
