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

from bakeoff.gate.commands import run_command
from bakeoff.model import UserError

INSTALL_WITHIN_S = 1800.0
PYPROJECT = "pyproject.toml"


@dataclass(frozen=True, order=True)
class Distribution:
    """A distribution that requirements resolve to."""

    name: str
    version: str | None
    """``None`` where only a build would tell, as for some local projects."""
    source: str | None
    """Hashes of its files or its commit; ``None`` where nothing tells its content, as of a directory."""


class Installer(Protocol):
    """A program that installs requirements."""

    def resolve(self, files: Sequence[Path], directory: Path, scratch: Path) -> list[Distribution]:
        """What the requirements in some files resolve to now; relative paths in them start from ``directory``.

        ``scratch`` is a folder for temporary files. Raises `UserError` when the program fails.
        """

    def install(
        self, home: Path, files: Sequence[Path], resolved: Sequence[Distribution], directory: Path, scratch: Path
    ) -> None:
        """Create an environment at ``home`` with what the requirements were ``resolved`` to. Raises `UserError`."""


def find_installer() -> Installer:
    """The uv on the path, or else the pip of the interpreter that runs Bakeoff. Raises `UserError`."""
    if uv := shutil.which("uv"):
        return Uv(uv)
    if find_spec("pip"):
        return Pip()
    raise UserError(f"there is neither uv on PATH nor pip in {sys.executable}, to build environments; install uv")


@dataclass(frozen=True)
class Uv:
    """The program uv, which reads ``pyproject.toml`` by itself."""

    program: str

    def resolve(self, files: Sequence[Path], directory: Path, scratch: Path) -> list[Distribution]:
        """See `Installer`."""
        options = ("--quiet", "--no-header", "--format", "pylock.toml", "--python", sys.executable)
        lock = _run([self.program, "pip", "compile", *options, *map(str, files)], directory)
        return [self._distribution(package) for package in tomllib.loads(lock).get("packages", ())]

    @staticmethod
    def _distribution(package: dict[str, Any]) -> Distribution:
        """A package of a lock file (packaging.python.org, "pylock.toml Specification")."""
        files = [*package.get("wheels", ()), *(package[kind] for kind in ("sdist", "archive") if kind in package)]
        hashes = [file["hashes"] for file in files if file.get("hashes")]
        source = {"hashes": hashes, "vcs": package.get("vcs")} if "vcs" in package or hashes else None
        return Distribution(package["name"], package.get("version"), _as_text(source))

    def install(
        self, home: Path, files: Sequence[Path], resolved: Sequence[Distribution], directory: Path, scratch: Path
    ) -> None:
        """See `Installer`."""
        pinned = _write_pinned(scratch, resolved)
        _run([self.program, "venv", "--quiet", "--python", sys.executable, str(home)], directory)
        options = ("--quiet", "--compile-bytecode", "--python", str(python_in(home)), "--constraint", str(pinned))
        _run([self.program, "pip", "install", *options, *_as_options(files)], directory)


@dataclass(frozen=True)
class Pip:
    """The pip of the interpreter that runs Bakeoff."""

    command: tuple[str, ...] = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")

    def resolve(self, files: Sequence[Path], directory: Path, scratch: Path) -> list[Distribution]:
        """See `Installer`."""
        report = scratch / "report.json"
        # A repository that is required as editable is checked out under --src even in a dry run.
        options = ("--dry-run", "--ignore-installed", "--report", str(report), "--src", str(scratch / "src"))
        _run([*self.command, "install", *options, *_as_options(self._readable(files, scratch))], directory)
        return [self._distribution(entry) for entry in json.loads(report.read_bytes())["install"]]

    @staticmethod
    def _distribution(entry: dict[str, Any]) -> Distribution:
        """An entry of an installation report (pip's documentation, "Installation Report")."""
        metadata, download = entry["metadata"], entry["download_info"]
        source = {kind: download[kind] for kind in ("archive_info", "vcs_info") if download.get(kind)}
        return Distribution(metadata["name"], metadata["version"], _as_text(source))

    def install(
        self, home: Path, files: Sequence[Path], resolved: Sequence[Distribution], directory: Path, scratch: Path
    ) -> None:
        """See `Installer`."""
        pinned = _write_pinned(scratch, resolved)
        _run([sys.executable, "-m", "venv", "--without-pip", str(home)], directory)
        program = (*self.command, "--python", str(python_in(home)))
        arguments = _as_options(self._readable(files, scratch))
        _run([*program, "install", "--constraint", str(pinned), *arguments], directory)

    def _readable(self, files: Sequence[Path], scratch: Path) -> list[Path]:
        """The files, with the dependencies of a ``pyproject.toml`` in a file that pip reads."""
        return [_dependencies(file, scratch) if file.name == PYPROJECT else file for file in files]


def python_in(home: Path) -> Path:
    """The interpreter of the environment at ``home``."""
    return home / "bin" / "python"


def _dependencies(pyproject: Path, scratch: Path) -> Path:
    project = tomllib.loads(pyproject.read_text("utf-8")).get("project", {})
    if "dependencies" in project.get("dynamic", ()):
        raise UserError(
            f"{pyproject} says that its dependencies are dynamic, which only uv can resolve; install uv, or name files "
            "of requirements in [gate] requirements"
        )
    file = scratch / "dependencies.txt"
    file.write_text("\n".join(project.get("dependencies", ())) + "\n", "utf-8")
    return file


def _write_pinned(scratch: Path, resolved: Sequence[Distribution]) -> Path:
    """A file of constraints that allows the resolved versions only: a newer one may be published meanwhile."""
    file = scratch / "pinned.txt"
    fixed = [distribution for distribution in resolved if distribution.version and distribution.source]
    file.write_text("".join(f"{distribution.name}=={distribution.version}\n" for distribution in fixed), "utf-8")
    return file


def _as_text(source: dict[str, Any] | None) -> str | None:
    return json.dumps(source, sort_keys=True) if source else None


def _as_options(files: Sequence[Path]) -> list[str]:
    return [argument for file in files for argument in ("--requirement", str(file))]


def _run(command: Sequence[str], directory: Path) -> str:
    return run_command(command, INSTALL_WITHIN_S, directory)
