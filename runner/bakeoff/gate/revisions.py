"""The revisions that a gate compares: a directory as it is, or a git ref in its own worktree and environment."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bakeoff.gate.commands import CommandError, run_command
from bakeoff.model import BASE, HEAD, UserError

GIT_WITHIN_S = 300.0
MISSING_SERVER_REMEDY = (
    "add {package} to that revision's requirements, or name the file that lists it in [gate] requirements"
)
"""What to do when a revision's environment has no server."""


@dataclass(frozen=True)
class Revision:
    """The files of a revision, and the interpreter that runs them."""

    label: str
    """For the report: ``v1.2 (3f2a9c1)`` or a directory."""
    directory: Path
    """The folder that holds the experiment's file in this revision."""
    python: str
    tree: str | None = None
    """The git tree of the whole project, where its files are those of a commit."""


class Environments(Protocol):
    """Where the interpreters of revisions come from."""

    def python_for(self, tree: Path, scratch: Path) -> str:
        """The interpreter for a tree of files; ``scratch`` is a folder that is kept until the gate ends."""


class Revisions:
    """The revisions of the project whose experiment file lies in ``folder``."""

    def __init__(self, folder: Path, environments: Environments) -> None:
        self._folder = folder
        self._environments = environments

    @contextmanager
    def both(self, base: str, head: str | None) -> Iterator[tuple[Revision, Revision]]:
        """Base and head; ``None`` is the working tree.

        Raises `UserError` when there is no such directory or ref, or when both have the same files.
        """
        if "" in (base, head):
            raise UserError("--base or --head is empty; name a git ref or a directory")
        built = any(spec is not None and not Path(spec).is_dir() for spec in (base, head))
        with (
            tempfile.TemporaryDirectory(prefix="bakeoff-") as folder,
            self._revision(base, built, Path(folder, BASE)) as base_revision,
            self._revision(head, built, Path(folder, HEAD)) as head_revision,
        ):
            same_tree = base_revision.tree is not None and base_revision.tree == head_revision.tree
            if same_tree or base_revision.directory == head_revision.directory:
                raise UserError(
                    f"base ({base_revision.label}) and head ({head_revision.label}) have the same files, so there is "
                    "no change to judge; name another --base"
                )
            yield base_revision, head_revision

    @contextmanager
    def _revision(self, spec: str | None, built: bool, scratch: Path) -> Iterator[Revision]:
        """A revision; what is made for it alone lies in ``scratch``, which does not exist yet.

        ``built``: base or head is a git ref, so the working tree gets an environment built from requirements too.
        """
        scratch.mkdir()
        if spec is not None and Path(spec).is_dir():
            directory = Path(spec).resolve()
            yield Revision(label=spec, directory=directory, python=_python_of(directory))
        elif spec is None:
            python = self._environments.python_for(self._root(), scratch) if built else _python_of(self._folder)
            yield Revision("working tree", self._folder, python, tree=self._committed_tree())
        else:
            with self._worktree(spec, scratch / "tree") as (commit, tree):
                directory = tree / self._folder.relative_to(self._root())
                python = self._environments.python_for(tree, scratch)
                tree_id = self._git("rev-parse", f"{commit}^{{tree}}")
                yield Revision(f"{spec} ({commit[:9]})", directory, python, tree=tree_id)

    def _committed_tree(self) -> str | None:
        """The git tree that the working tree is the same as; ``None`` outside of git or where files were changed."""
        try:
            return None if self._git("status", "--porcelain") else self._git("rev-parse", "HEAD^{tree}")
        except UserError:
            return None

    def _root(self) -> Path:
        return Path(self._git("rev-parse", "--show-toplevel"))

    @contextmanager
    def _worktree(self, ref: str, tree: Path) -> Iterator[tuple[str, Path]]:
        commit = self._commit(ref)
        self._git("worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield commit, tree
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


def _python_of(directory: Path) -> str:
    """The interpreter of the directory's own ``.venv``, or else the one that runs Bakeoff."""
    python = directory / ".venv" / "bin" / "python"
    return str(python) if python.exists() else sys.executable
