"""The environments of revisions: each is installed whole from its own files, by what the repository itself uses.

Both revisions are resolved anew for each gate, so that neither of them runs on the packages of last month. A server
that a project does not bring is added, of one version for both.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bakeoff.model import GateSettings, Stack, UserError
from bakeoff.stacks import servers
from bakeoff.stacks.environments import (
    Builder,
    Choice,
    LockFile,
    Needs,
    Resolved,
    build_by_command,
    installed_version,
    named_python,
    needs_of,
    needs_of_files,
    needs_of_packages,
    open_builder,
    project_python,
    python_of_version,
    python_version_of,
    source_folder,
)


@dataclass(frozen=True)
class Tree:
    """The files of a revision."""

    label: str
    root: Path
    directory: Path
    """The folder of the experiment."""
    scratch: Path
    """A folder that is kept until the gate ends."""


class BuiltEnvironments:
    """Environments built from each revision's own files; their packages are kept for later gates."""

    def __init__(
        self,
        settings: GateSettings,
        stack: Stack,
        note: Callable[[str], None],
        open_builder: Callable[[Callable[[str], None]], Builder] = open_builder,
    ) -> None:
        """``stack`` is the one whose app is compared; ``note`` receives messages for the user."""
        self._settings = settings
        self._stack = stack
        self._note = note
        self._open_builder = open_builder
        self._choice = Choice(settings.extras, settings.groups)

    @property
    def of_directories(self) -> bool:
        """Whether a directory gets an environment too, in place of the one that it has."""
        return bool(self._stack.packages)

    def python_of(self, directory: Path) -> str:
        """The interpreter of a directory that is used as it is. Raises `UserError`.

        A path that the stack names in its project is that of each directory, where it has it.
        """
        own = named_python(self._stack.python)
        if own is None:
            return project_python(directory) or sys.executable
        project = Path(self._stack.directory)
        if not Path(own).is_relative_to(project):
            return own
        moved = directory / Path(own).relative_to(project)
        return str(moved) if moved.exists() else project_python(directory) or own

    def pythons_for(self, trees: Sequence[Tree]) -> list[str]:
        """The interpreters of the trees' environments. Raises `UserError` when one cannot be built."""
        server = None if self._stack.server is None else servers.adapter(self._stack.server).PACKAGE
        if self._settings.install is not None:
            return self._by_command(trees, self._settings.install, server)
        builder = self._open_builder(self._note)
        needed = [self._needs(tree, builder) for tree in trees]
        resolved = [None if needs is None else builder.resolve(needs) for needs in needed]
        if server is not None:
            resolved = _with_server(resolved, server, builder)
        return [
            self._existing(tree) if environment is None else builder.once(environment, tree.scratch)
            for tree, environment in zip(trees, resolved, strict=True)
        ]

    def _needs(self, tree: Tree, builder: Builder) -> Needs | None:
        """What a revision needs; ``None`` where its files do not say."""
        python = self._python(tree)
        if self._stack.packages:
            return needs_of_packages(self._stack.packages, tree.directory, python)
        if self._settings.requirements:
            return needs_of_files(self._settings.requirements, tree.root, self._choice, python)
        folder = source_folder(tree.directory, tree.root)
        if folder is None:
            return None

        def tool(lock: LockFile) -> list[str]:
            self._note(f"{lock.name} is read with {lock.program}, which is kept in an environment of its own")
            tool_python = builder.keep(builder.resolve(Needs(sys.executable, tree.scratch, lines=lock.packages)))
            return [str(Path(tool_python).parent / lock.program)]

        return needs_of(folder, tree.root, self._choice, python, tree.scratch, tool)

    def _python(self, tree: Tree) -> str:
        """The interpreter that an environment is built for: what the stack says, or the revision, or the project's."""
        if own := named_python(self._stack.python):
            return own
        version = python_version_of(tree.directory, tree.root)
        if version is not None:
            try:
                return python_of_version(version)
            except UserError as error:
                self._note(f"{tree.label}: .python-version cannot be followed: {error}")
        return project_python(Path(self._stack.directory)) or sys.executable

    def _existing(self, tree: Tree) -> str:
        """The interpreter of a revision whose files do not say what it needs."""
        python = named_python(self._stack.python) or project_python(Path(self._stack.directory)) or sys.executable
        self._note(f"{tree.label} has no file that says what to install; running it with {python}")
        return python

    def _by_command(self, trees: Sequence[Tree], command: str, server: str | None) -> list[str]:
        pythons = []
        for tree in trees:
            self._note(f"{tree.label}: {command}")
            home = tree.scratch / "environment"
            pythons.append(build_by_command(home, self._python(tree), command, tree.root))
        if server is not None:
            versions = [installed_version(python, server) for python in pythons]
            wanted = next((version for version in versions if version is not None), None)
            for python, version in zip(pythons, versions, strict=True):
                if version is None:
                    self._open_builder(self._note).add(python, server if wanted is None else f"{server}=={wanted}")
                    wanted = installed_version(python, server)
        return pythons


def _with_server(resolved: Sequence[Resolved | None], server: str, builder: Builder) -> list[Resolved | None]:
    """Each side with the server: where it does not bring one, of the other side's version, or else the newest."""
    versions = [None if environment is None else environment.version_of(server) for environment in resolved]
    version = next((version for version in versions if version is not None), None)
    served: list[Resolved | None] = []
    for environment in resolved:
        if environment is not None and environment.version_of(server) is None:
            environment = builder.with_server(environment, server, version)
            version = environment.version_of(server)
        served.append(environment)
    return served


class ImageEnvironments:
    """Revisions that run in containers: each image brings its own interpreter."""

    of_directories = False

    def python_of(self, directory: Path) -> str:
        """A placeholder, which is not used."""
        return sys.executable

    def pythons_for(self, trees: Sequence[Tree]) -> list[str]:
        """Placeholders, which are not used."""
        return [sys.executable for _ in trees]
