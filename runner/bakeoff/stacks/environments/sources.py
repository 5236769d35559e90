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
from bakeoff.stacks.environments.needs import Needs, project_folder, split_requirement

PYPROJECT = "pyproject.toml"
REQUIREMENTS = ("requirements.txt", "requirements/production.txt", "requirements/prod.txt", "requirements/base.txt")
"""Files of requirements, the first of which is used."""
EXPORT_WITHIN_S = 300.0


@dataclass(frozen=True)
class Choice:
    """What of a project is wanted beside what it always needs."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    place: str = "[gate]"
    """Where it is made, for messages."""


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


UV_LOCK = LockFile(
    name="uv.lock",
    program="uv",
    packages=("uv",),
    arguments=(
        *("export", "--quiet", "--frozen", "--no-default-groups", "--no-hashes", "--no-emit-project"),
        *("--no-header", "--format", "requirements-txt"),
    ),
    extra="--extra",
    group="--group",
)
LOCK_FILES = (
    UV_LOCK,
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
    return next((place for place in places if _says_what_is_needed(place)), None)


def _says_what_is_needed(folder: Path) -> bool:
    """Whether a folder has one of the files; a ``pyproject.toml`` may as well hold nothing but settings of tools."""
    names = (*(lock.name for lock in LOCK_FILES), *REQUIREMENTS, "setup.py")
    return any((folder / name).is_file() for name in names) or not {"project", "build-system"}.isdisjoint(
        read_pyproject(folder)
    )


def needs_of(folder: Path, root: Path, choice: Choice, python: str, scratch: Path, tool: ToolFinder) -> Needs:
    """What the project in a folder needs, from its own files.

    Args:
        folder: From `source_folder`.
        root: The top of the repository: a workspace has its lock file above its projects.
        choice: Extras and groups that are wanted too.
        python: The interpreter that the environment is for.
        scratch: A folder that is kept until the environment is built.
        tool: Finds the program of a lock file.

    Raises:
        UserError: there is no such extra or group, or a lock file cannot be read.
    """
    pyproject = read_pyproject(folder)
    project = str(folder) if is_package(folder, pyproject) else None
    if locked := _lock_file(folder, root):
        lock, place = locked
        exported = scratch / lock.name
        exported.write_text(_export(lock, folder, choice, python, tool), "utf-8")
        projects = (project,) if project and folder not in local_projects(exported, place) else ()
        return Needs(python, place, files=(exported,), projects=projects, locked=True)
    groups = tuple(line for group in choice.groups for line in _group(pyproject, group, folder))
    files = _requirements(folder)
    if project is None:
        lines = () if files else _dependencies(pyproject, choice, folder)
        return Needs(python, folder, files=files, lines=(*lines, *groups))
    if not files:
        _check_extras(pyproject, choice, folder)
    is_named = any(folder in local_projects(file, folder) for file in files)
    projects = () if is_named else (_with_extras(project, choice),)
    return Needs(python, folder, files=files, lines=groups, projects=projects)


def _requirements(folder: Path) -> tuple[Path, ...]:
    """The file of requirements that counts; none where there is none."""
    return tuple(folder / name for name in REQUIREMENTS if (folder / name).is_file())[:1]


def _dependencies(pyproject: Mapping[str, Any], choice: Choice, folder: Path) -> tuple[str, ...]:
    """What a project and its extras depend on. Raises `UserError` when there is no such extra."""
    return (*pyproject.get("project", {}).get("dependencies", ()), *_extras(pyproject, choice, folder))


def _lock_file(folder: Path, root: Path) -> tuple[LockFile, Path] | None:
    """A project's lock file and the folder that it lies in: the project's own, or that of its workspace."""
    for lock in LOCK_FILES:
        if (folder / lock.name).is_file():
            return lock, folder
    if _requirements(folder):
        return None
    for place in folder.parents:
        if place.is_relative_to(root) and (place / UV_LOCK.name).is_file() and _is_workspace(place):
            return UV_LOCK, place
    return None


def _is_workspace(folder: Path) -> bool:
    """Whether a folder's lock file is that of several projects (uv's documentation, "Using workspaces")."""
    return "workspace" in read_pyproject(folder).get("tool", {}).get("uv", {})


def needs_of_files(names: Sequence[str], root: Path, choice: Choice, python: str) -> Needs:
    """What some named files of requirements list, and nothing else; ``pyproject.toml`` stands for its dependencies.

    Raises `UserError` when one does not exist.
    """
    for name in names:
        if not (root / name).is_file():
            raise UserError(f"[gate]: requirements: {name!r} does not exist in {root}")
    files = tuple(root / name for name in names if Path(name).name != PYPROJECT)
    documents = [read_pyproject((root / name).parent) for name in names if Path(name).name == PYPROJECT]
    lines: list[str] = []
    for document in documents:
        lines += _dependencies(document, choice, root)
        lines += [line for group in choice.groups for line in _group(document, group, root)]
    return Needs(python, root, files=files, lines=tuple(lines))


def needs_of_packages(packages: Sequence[str], directory: Path, python: str) -> Needs:
    """What ``packages`` of a stack list; relative paths start from the stack's directory.

    A folder that is no package stands for what it lists. Raises `UserError`.
    """
    lines: list[str] = []
    files: list[Path] = []
    projects: list[str] = []
    for package in packages:
        line, project = split_requirement(package, directory)
        if project is not None:
            folder = project_folder(project)
            if not folder.is_dir():
                raise UserError(f"packages: {package!r} is neither a folder nor a file of {directory}")
            pyproject = read_pyproject(folder)
            if is_package(folder, pyproject):
                projects.append(project)
            elif listed := _requirements(folder):
                files += listed
            elif "project" in pyproject:
                extras = tuple(re.findall(r"[\w.-]+", project.partition("[")[2]))
                lines += _dependencies(pyproject, Choice(extras, place="packages"), folder)
            else:
                raise UserError(f"packages: {package!r}: nothing in {folder} says what it needs; list that instead")
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

    As uv and poetry decide it; besides, a project whose packages lie in ``src`` is one, because nothing else makes
    them importable.
    """
    tool = pyproject.get("tool", {})
    declared = tool.get("uv", {}).get("package", tool.get("poetry", {}).get("package-mode"))
    if tool.get("pdm", {}).get("distribution") is False or declared is False:
        return False
    if declared or "build-system" in pyproject or (folder / "setup.py").is_file():
        return True
    source = folder / "src"
    return "project" in pyproject and not (source / "__init__.py").exists() and any(source.glob("*/__init__.py"))


def local_projects(file: Path, directory: Path) -> set[Path]:
    """The folders that a file of requirements names, or one that it includes; they start from ``directory``."""
    folders: set[Path] = set()
    for line in lines_of(file):
        if line.startswith(("-e", "--editable", ".", "/", "file:")):
            path = re.sub(r"^(-e|--editable)[ =]*|^file://", "", line.removeprefix("-e ").strip())
            path = re.sub(r"^file://", "", path).partition("[")[0].partition(";")[0].partition("#")[0].strip()
            place = (directory / path).resolve()
            folders |= {place} if place.is_dir() else set()
    return folders


def lines_of(file: Path, including: frozenset[Path] = frozenset()) -> Iterator[str]:
    """The lines of a file of requirements and of those that it includes, without comments.

    ``including`` has the files that include this one, so that a circle ends.
    """
    file = file.resolve()
    if file in including or not file.is_file():
        return
    for line in file.read_text("utf-8", "replace").splitlines():
        text = line.strip()
        if included := re.fullmatch(r"(?:-r|--requirement)[ =]*(\S+).*", text):
            yield from lines_of(file.parent / included[1], including | {file})
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
    own = shutil.which(lock.program)
    program = tool(lock) if own is None else [own]
    try:
        return run_command(lock.command(program, choice, python), EXPORT_WITHIN_S, folder)
    except UserError as error:
        if own is None or lock.program != "poetry":
            raise UserError(f"{folder / lock.name} cannot be read: {error}; or give [gate] install") from None
    program = tool(lock)  # The user's own poetry may lack the plug-in.
    return run_command(lock.command(program, choice, python), EXPORT_WITHIN_S, folder)


def read_pyproject(folder: Path) -> dict[str, Any]:
    """The ``pyproject.toml`` of a folder; empty where there is none. Raises `UserError` when it cannot be read."""
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
            raise UserError(
                f"{choice.place}: extras: {unknown('extra', extra, optional)} (looked in {folder / PYPROJECT})"
            )
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
