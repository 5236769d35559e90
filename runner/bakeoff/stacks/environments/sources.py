"""What a project's own files ask for: a lock file, files of requirements, or ``pyproject.toml``.

The first of these that exists counts, in the folder of the experiment or the nearest one above it in the repository.
The project itself is installed too, where it is a package.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.model import UserError, unknown
from bakeoff.stacks.environments.commands import run_command
from bakeoff.stacks.environments.needs import Needs, split_requirement

PYPROJECT = "pyproject.toml"
REQUIREMENTS = ("requirements.txt", "requirements/production.txt", "requirements/prod.txt", "requirements/base.txt")
"""Files of requirements, the first of which is used."""
EXPORT_WITHIN_S = 300.0


@dataclass(frozen=True)
class Choice:
    """What of a project is wanted beside what it always needs."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class LockFile:
    """A lock file, and the program that writes it as requirements: it knows the format, whatever its version."""

    name: str
    program: str
    packages: tuple[str, ...]
    """What to install where the program is not on the path."""
    arguments: tuple[str, ...]
    extra: str
    """The option that takes an extra."""
    group: str

    def command(self, program: Sequence[str], choice: Choice, python: str) -> list[str]:
        """The command that prints what is locked."""
        extras = [argument for extra in choice.extras for argument in (self.extra, extra)]
        groups = [argument for group in choice.groups for argument in (self.group, group)]
        interpreter = ["--python", python] if self.program == "uv" else []
        return [*program, *self.arguments, *interpreter, *extras, *groups]


LOCK_FILES = (
    LockFile(
        name="uv.lock",
        program="uv",
        packages=("uv",),
        arguments=(
            *("export", "--quiet", "--frozen", "--no-default-groups", "--no-hashes", "--no-emit-project"),
            *("--no-header", "--format", "requirements-txt"),
        ),
        extra="--extra",
        group="--group",
    ),
    LockFile(
        name="poetry.lock",
        program="poetry",
        packages=("poetry", "poetry-plugin-export"),
        arguments=("export", "--no-interaction", "--without-hashes", "--format", "requirements.txt"),
        extra="--extras",
        group="--with",
    ),
    LockFile(
        name="pdm.lock",
        program="pdm",
        packages=("pdm",),
        arguments=("export", "--prod", "--without-hashes", "--format", "requirements"),
        extra="--group",
        group="--group",
    ),
)

ToolFinder = Callable[[LockFile], Sequence[str]]
"""How to call the program of a lock file."""


def source_folder(folder: Path, root: Path) -> Path | None:
    """The folder at or above ``folder``, up to ``root``, whose files say what is needed; ``None`` if none does."""
    places = [folder, *(place for place in folder.parents if place.is_relative_to(root))]
    return next((place for place in places if _source(place)), None)


def _source(folder: Path) -> str | None:
    names = (*(lock.name for lock in LOCK_FILES), *REQUIREMENTS, PYPROJECT, "setup.py")
    return next((name for name in names if (folder / name).is_file()), None)


def needs_of(folder: Path, choice: Choice, python: str, scratch: Path, tool: ToolFinder) -> Needs:
    """What the project in a folder needs, from its own files.

    Args:
        folder: From `source_folder`.
        choice: Extras and groups that are wanted too.
        python: The interpreter that the environment is for.
        scratch: A folder that is kept until the environment is built.
        tool: Finds the program of a lock file.

    Raises:
        UserError: there is no such extra or group, or a lock file cannot be read.
    """
    pyproject = _read_pyproject(folder)
    project = str(folder) if is_package(folder, pyproject) else None
    for lock in LOCK_FILES:
        if (folder / lock.name).is_file():
            exported = scratch / f"{lock.name}.txt"
            exported.write_text(_export(lock, folder, choice, python, tool), "utf-8")
            projects = (project,) if project and folder not in local_projects(exported, folder) else ()
            return Needs(python, folder, files=(exported,), projects=projects, locked=True)
    groups = tuple(line for group in choice.groups for line in _group(pyproject, group, folder))
    for name in REQUIREMENTS:
        if (file := folder / name).is_file():
            is_named = folder in local_projects(file, folder)
            projects = (_with_extras(project, choice),) if project and not is_named else ()
            return Needs(python, folder, files=(file,), lines=groups, projects=projects)
    if project:
        _check_extras(pyproject, choice, folder)
        return Needs(python, folder, lines=groups, projects=(_with_extras(project, choice),))
    lines = (*pyproject.get("project", {}).get("dependencies", ()), *_extras(pyproject, choice, folder), *groups)
    return Needs(python, folder, lines=lines)


def needs_of_files(names: Sequence[str], root: Path, choice: Choice, python: str) -> Needs:
    """What some named files of requirements list, and nothing else; ``pyproject.toml`` stands for its dependencies.

    Raises `UserError` when one does not exist.
    """
    for name in names:
        if not (root / name).is_file():
            raise UserError(f"[gate]: requirements: {name!r} does not exist in {root}")
    files = tuple(root / name for name in names if Path(name).name != PYPROJECT)
    documents = [_read_pyproject((root / name).parent) for name in names if Path(name).name == PYPROJECT]
    lines = [line for document in documents for line in document.get("project", {}).get("dependencies", ())]
    for document in documents:
        lines += _extras(document, choice, root)
        lines += [line for group in choice.groups for line in _group(document, group, root)]
    return Needs(python, root, files=files, lines=tuple(lines))


def needs_of_packages(packages: Sequence[str], directory: Path, python: str) -> Needs:
    """What ``packages`` of a stack list; relative paths start from the stack's directory. Raises `UserError`."""
    lines: list[str] = []
    files: list[Path] = []
    projects: list[str] = []
    for package in packages:
        line, project = split_requirement(package, directory)
        if project is not None:
            if not Path(project.partition("[")[0]).is_dir():
                raise UserError(f"packages: {package!r} is neither a folder nor a file of {directory}")
            projects.append(project)
        elif line is not None and line.startswith("-r "):
            files.append(Path(line.removeprefix("-r ")))
        elif line is not None:
            lines.append(line)
    for file in files:
        if not file.is_file():
            raise UserError(f"packages: {file} does not exist")
    return Needs(python, directory, files=tuple(files), lines=tuple(lines), projects=tuple(projects))


def is_package(folder: Path, pyproject: Mapping[str, Any]) -> bool:
    """Whether a project is meant to be installed, and not only a place for an app and the list of its dependencies.

    As uv and poetry decide it; besides, a project with a ``src`` folder is one, because nothing else makes it
    importable.
    """
    tool = pyproject.get("tool", {})
    declared = tool.get("uv", {}).get("package", tool.get("poetry", {}).get("package-mode"))
    if tool.get("pdm", {}).get("distribution") is False or declared is False:
        return False
    if declared or "build-system" in pyproject or (folder / "setup.py").is_file():
        return True
    return "project" in pyproject and any((folder / "src").glob("*/__init__.py"))


def local_projects(file: Path, directory: Path) -> set[Path]:
    """The folders that a file of requirements names, or one that it includes; they start from ``directory``."""
    found: set[Path] = set()
    for line in _lines(file, set()):
        if line.startswith(("-e", "--editable", ".", "/", "file:")):
            path = re.sub(r"^(-e|--editable)[ =]*|^file://", "", line.removeprefix("-e ").strip())
            path = re.sub(r"^file://", "", path).partition("[")[0].partition(";")[0].partition("#")[0].strip()
            place = (directory / path).resolve()
            found |= {place} if place.is_dir() else set()
    return found


def _lines(file: Path, seen: set[Path]) -> Iterator[str]:
    if file in seen or not file.is_file():
        return
    seen.add(file)
    for line in file.read_text("utf-8", "replace").splitlines():
        text = line.strip()
        if included := re.fullmatch(r"(?:-r|--requirement)[ =]*(\S+).*", text):
            yield from _lines(file.parent / included[1], seen)
        elif text and not text.startswith("#"):
            yield text


def python_version_of(folder: Path, root: Path) -> str | None:
    """The version in the nearest ``.python-version`` of a folder of files, as uv and pyenv read it."""
    places = [folder, *(place for place in folder.parents if place.is_relative_to(root))]
    file = next((place / ".python-version" for place in places if (place / ".python-version").is_file()), None)
    if file is None:
        return None
    version = re.match(r"\s*(?:cpython[-@])?(3\.\d+)", file.read_text("utf-8", "replace"))
    return version[1] if version else None


def _export(lock: LockFile, folder: Path, choice: Choice, python: str, tool: ToolFinder) -> str:
    program = [found] if (found := shutil.which(lock.program)) else tool(lock)
    try:
        return run_command(lock.command(program, choice, python), EXPORT_WITHIN_S, folder)
    except UserError as error:
        if not shutil.which(lock.program) or lock.program != "poetry":
            raise UserError(f"{folder / lock.name} cannot be read: {error}; or give [gate] install") from None
    program = tool(lock)  # The user's own poetry may lack the plug-in.
    return run_command(lock.command(program, choice, python), EXPORT_WITHIN_S, folder)


def _read_pyproject(folder: Path) -> dict[str, Any]:
    file = folder / PYPROJECT
    if not file.is_file():
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None


def _with_extras(project: str, choice: Choice) -> str:
    return f"{project}[{','.join(choice.extras)}]" if choice.extras else project


def _check_extras(pyproject: Mapping[str, Any], choice: Choice, folder: Path) -> None:
    known = pyproject.get("project", {})
    if "optional-dependencies" not in known.get("dynamic", ()) and "project" in pyproject:
        _extras(pyproject, choice, folder)


def _extras(pyproject: Mapping[str, Any], choice: Choice, folder: Path) -> list[str]:
    optional = pyproject.get("project", {}).get("optional-dependencies", {})
    for extra in choice.extras:
        if extra not in optional:
            raise UserError(f"[gate]: extras: {unknown('extra', extra, optional)} (looked in {folder / PYPROJECT})")
    return [line for extra in choice.extras for line in optional[extra]]


def _group(pyproject: Mapping[str, Any], group: str, folder: Path, within: tuple[str, ...] = ()) -> list[str]:
    """The requirements of a dependency group (packaging.python.org, "Dependency Groups")."""
    groups = pyproject.get("dependency-groups", {})
    if group not in groups or group in within:
        raise UserError(f"[gate]: groups: {unknown('group', group, groups)} (looked in {folder / PYPROJECT})")
    lines: list[str] = []
    for entry in groups[group]:
        if isinstance(entry, str):
            lines.append(entry)
        else:
            lines += _group(pyproject, entry["include-group"], folder, (*within, group))
    return lines
