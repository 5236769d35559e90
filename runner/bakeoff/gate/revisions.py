"""The revisions that a gate compares: a directory as it is, or a git ref in its own worktree and environment."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from bakeoff.gate.environments import Tree
from bakeoff.model import BASE, HEAD, Environment, UserError
from bakeoff.stacks.environments import CommandError, run_command

GIT_WITHIN_S = 300.0
MISSING_SERVER_REMEDY = "install it there, or add it to that revision's requirements; --install does it for a directory"
"""What to do when a revision's environment has no server."""


@dataclass(frozen=True)
class Revision:
    """The files of a revision, and the interpreter that runs them."""

    label: str
    """For the report: ``v1.2 (3f2a9c1)`` or a directory."""
    directory: Path
    """The folder that holds the experiment's file in this revision."""
    python: str
    root: Path
    """The top folder of its files."""
    search_path: str = ""
    """``PYTHONPATH`` of its processes, where the caller's would lead to the working tree; otherwise empty."""
    tree: str | None = None
    """The git tree of the whole project, where its files are those of a commit."""


class Environments(Protocol):
    """Where the interpreters of revisions come from."""

    @property
    def of_directories(self) -> bool:
        """Whether a directory gets an environment too, in place of the one that it has."""

    def python_of(self, directory: Path) -> str:
        """The interpreter of a directory that is used as it is."""

    def pythons_for(self, trees: Sequence[Tree]) -> list[str]:
        """The interpreters for some trees of files."""


class Revisions:
    """The revisions of the project whose experiment file lies in ``folder``."""

    def __init__(self, folder: Path, environments: Environments, search_path: str = "") -> None:
        """``search_path`` is the caller's ``PYTHONPATH``; what it names of the project is taken from each revision."""
        self._folder = folder
        self._environments = environments
        self._search_path = search_path

    @contextmanager
    def both(self, base: str, head: str | None) -> Iterator[tuple[Revision, Revision]]:
        """Base and head; ``None`` is the working tree.

        Raises `UserError` when there is no such directory or ref, or when both have the same files.
        """
        if "" in (base, head):
            raise UserError("--base or --head is empty; name a git ref or a directory")
        with (
            tempfile.TemporaryDirectory(prefix="bakeoff-") as folder,
            self._files(base, Path(folder).resolve() / BASE) as base_files,
            self._files(head, Path(folder).resolve() / HEAD) as head_files,
        ):
            same_tree = base_files.tree is not None and base_files.tree == head_files.tree
            if same_tree or base_files.directory == head_files.directory:
                raise UserError(
                    f"base ({base_files.label}) and head ({head_files.label}) have the same files, so there is no "
                    "change to judge; name another --base"
                )
            both = [(base, base_files), (head, head_files)]
            scratch = [Path(folder).resolve() / side for side in (BASE, HEAD)]
            base_files, head_files = self._with_environments(both, scratch)
            yield base_files, head_files

    def _with_environments(
        self, both: Sequence[tuple[str | None, Revision]], scratch: Sequence[Path]
    ) -> tuple[Revision, ...]:
        """The revisions with environments of their own; a directory keeps the one it has.

        If either is a git ref, the working tree gets an environment built from its files too.
        """
        is_directory = [spec is not None and _is_directory(spec) for spec, _ in both]
        any_ref = any(not _is_directory(spec) for spec, _ in both if spec is not None)
        built = [self._environments.of_directories or (any_ref and not directory) for directory in is_directory]
        trees = [
            Tree(files.label, files.root, files.directory, folder)
            for (_, files), folder, build in zip(both, scratch, built, strict=True)
            if build
        ]
        pythons = iter(self._environments.pythons_for(trees) if trees else ())
        return tuple(
            replace(files, python=next(pythons)) if build else files
            for (_, files), build in zip(both, built, strict=True)
        )

    @contextmanager
    def _files(self, spec: str | None, scratch: Path) -> Iterator[Revision]:
        """A revision before its environment is built. A git ref is checked out in ``scratch``, which is created."""
        scratch.mkdir()
        if spec is None:
            python, root = self._environments.python_of(self._folder), self._root_or_folder()
            yield Revision("working tree", self._folder, python, root=root, tree=self._committed_tree())
        elif _is_directory(spec):
            directory = Path(spec).resolve()
            search_path = moved_search_path(self._search_path, self._folder, directory)
            python = self._environments.python_of(directory)
            yield Revision(spec, directory, python, root=directory, search_path=search_path)
        else:
            commit, root = self._commit(spec), self._root()
            with self._worktree(commit, scratch / "tree" / root.name) as tree:
                directory = tree / self._folder.relative_to(root)
                tree_id = self._git("rev-parse", f"{commit}^{{tree}}")
                search_path = moved_search_path(self._search_path, root, tree)
                label = f"{spec} ({commit[:9]})"
                yield Revision(label, directory, sys.executable, tree, search_path=search_path, tree=tree_id)

    def _committed_tree(self) -> str | None:
        """The git tree that the working tree is the same as; ``None`` outside of git or where files were changed."""
        try:
            return None if self._git("status", "--porcelain") else self._git("rev-parse", "HEAD^{tree}")
        except UserError:
            return None

    def _root_or_folder(self) -> Path:
        try:
            return self._root()
        except UserError:
            return self._folder

    def _root(self) -> Path:
        return Path(self._git("rev-parse", "--show-toplevel"))

    @contextmanager
    def _worktree(self, commit: str, tree: Path) -> Iterator[Path]:
        self._git("worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            self._git("worktree", "remove", "--force", str(tree))

    def _commit(self, ref: str) -> str:
        try:
            return self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        except CommandError:
            raise UserError(
                f"--base or --head {ref!r} is neither a directory nor a git ref of {self._folder}; in CI, fetch "
                "the branch first (with actions/checkout: fetch-depth: 0)"
            ) from None

    def _git(self, *arguments: str) -> str:
        try:
            return run_command(["git", *arguments], GIT_WITHIN_S, self._folder).strip()
        except FileNotFoundError:
            raise UserError("git is not installed; use directories for --base and --head instead of refs") from None


def _is_directory(spec: str) -> bool:
    return Path(spec).is_dir()


def moved_search_path(search_path: str, project: Path, root: Path) -> str:
    """A ``PYTHONPATH`` whose folders in the ``project`` are replaced by those of the revision at ``root``.

    Empty when it has none. Relative folders are each revision's own anyway.
    """
    folders = [Path(folder) for folder in search_path.split(os.pathsep)]
    moved = [
        root / folder.resolve().relative_to(project)
        if folder.is_absolute() and folder.resolve().is_relative_to(project)
        else folder
        for folder in folders
    ]
    return os.pathsep.join(map(str, moved)) if moved != folders else ""


def check_own_packages(environments: Mapping[str, Environment], base: Revision, head: Revision) -> None:
    """Refuse an environment that imports the other revision's files, because a project is installed as editable.

    Raises:
        UserError: as described; both revisions would be the same program.
    """
    for side, own, other in ((BASE, base, head), (HEAD, head, base)):
        for package, directory in environments[side].editable.items() if side in environments else ():
            is_others = Path(directory).is_relative_to(other.root) and not Path(directory).is_relative_to(own.root)
            if is_others and package != "bakeoff":  # It runs from a checkout of its own, and is not what is measured.
                raise UserError(
                    f"{own.python}, which runs the {side}, imports {package} from {directory}, the files of the other "
                    f"side; give the {side} a .venv of its own, or name a git ref and list the project in requirements"
                )
