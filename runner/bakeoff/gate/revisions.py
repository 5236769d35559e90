"""The revisions that a gate compares: a directory as it is, or a git ref in its own worktree and environment."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bakeoff.model import UserError

CACHE = "bakeoff"
GIT_TIMEOUT_S = 300.0
INSTALL_TIMEOUT_S = 1800.0
READY = ".ready"
"""File that marks an environment as completely installed."""
DEFAULT_REQUIREMENTS = ("requirements.txt", "pyproject.toml")
"""Files in which a revision's requirements are looked for; the first one that exists is used."""
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

    def python_for(self, tree: Path) -> str:
        """The interpreter for a tree of files."""


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
        with self._revision(base, built) as base_revision, self._revision(head, built) as head_revision:
            same_tree = base_revision.tree is not None and base_revision.tree == head_revision.tree
            if same_tree or base_revision.directory == head_revision.directory:
                raise UserError(
                    f"base ({base_revision.label}) and head ({head_revision.label}) have the same files, so there is "
                    "no change to judge; name another --base"
                )
            yield base_revision, head_revision

    @contextmanager
    def _revision(self, spec: str | None, built: bool) -> Iterator[Revision]:
        """``built``: base or head is a git ref, so the working tree gets an environment built from requirements too."""
        if spec is not None and Path(spec).is_dir():
            directory = Path(spec).resolve()
            yield Revision(label=spec, directory=directory, python=_python_of(directory))
        elif spec is None:
            python = self._environments.python_for(self._root()) if built else _python_of(self._folder)
            yield Revision("working tree", self._folder, python, tree=self._committed_tree())
        else:
            with self._worktree(spec) as (commit, tree):
                directory = tree / self._folder.relative_to(self._root())
                python = self._environments.python_for(tree)
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
    def _worktree(self, ref: str) -> Iterator[tuple[str, Path]]:
        commit = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", ref=ref)
        with tempfile.TemporaryDirectory(prefix="bakeoff-") as scratch:
            tree = Path(scratch) / "tree"
            self._git("worktree", "add", "--quiet", "--detach", str(tree), commit)
            try:
                yield commit, tree
            finally:
                self._git("worktree", "remove", "--force", str(tree))

    def _git(self, *arguments: str, ref: str | None = None) -> str:
        command = ["git", "-C", str(self._folder), *arguments]
        try:
            completed = _completed(command, GIT_TIMEOUT_S)
        except FileNotFoundError:
            raise UserError("git is not installed; use directories for --base and --head instead of refs") from None
        if completed.returncode:
            if ref is not None:
                raise UserError(
                    f"--base or --head {ref!r} is neither a directory nor a git ref of {self._folder}; in CI, fetch "
                    "the branch first (with actions/checkout: fetch-depth: 0)"
                )
            problem = completed.stderr.strip().splitlines()
            raise UserError(f"git {arguments[0]}: {problem[-1] if problem else 'failed'}")
        return completed.stdout.strip()


class BuiltEnvironments:
    """Environments built from each revision's own requirements, and kept for revisions with the same ones."""

    def __init__(self, requirements: Sequence[str], note: Callable[[str], None]) -> None:
        """``requirements`` are files relative to a revision's root; if empty, `DEFAULT_REQUIREMENTS` are tried.

        ``note`` receives messages for the user.
        """
        self._requirements = requirements
        self._note = note

    def python_for(self, tree: Path) -> str:
        """The interpreter of the environment. Raises `UserError` when it cannot be built."""
        files = self._files(tree)
        if not files:
            self._note(f"{tree} has no file of requirements; running it with {sys.executable}")
            return sys.executable
        home = _cache() / "environments" / _digest(files)
        if not (home / READY).exists():
            self._note(f"building an environment from {', '.join(file.name for file in files)}")
            shutil.rmtree(home, ignore_errors=True)
            _build(home, files)
            (home / READY).touch()
        return str(home / "bin" / "python")

    def _files(self, tree: Path) -> list[Path]:
        for name in self._requirements:
            if not (tree / name).is_file():
                raise UserError(f"[gate]: requirements: {name!r} does not exist in {tree}")
        if self._requirements:
            return [tree / name for name in self._requirements]
        return [tree / name for name in DEFAULT_REQUIREMENTS if (tree / name).is_file()][:1]


class ImageEnvironments:
    """Revisions that run in containers: each image brings its own interpreter."""

    def python_for(self, tree: Path) -> str:
        """A placeholder, which is not used."""
        return sys.executable


def _python_of(directory: Path) -> str:
    """The interpreter of the directory's own ``.venv``, or else the one that runs Bakeoff."""
    python = directory / ".venv" / "bin" / "python"
    return str(python) if python.exists() else sys.executable


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / CACHE


def _digest(files: Sequence[Path]) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:24]


def _build(home: Path, files: Sequence[Path]) -> None:
    """Create an environment and install all requirements. Raises `UserError` with the installer's last line."""
    uv = shutil.which("uv")
    python = str(home / "bin" / "python")
    with tempfile.TemporaryDirectory() as scratch:
        arguments = _install_arguments(files, Path(scratch))
        if uv:
            _run([uv, "venv", "--quiet", "--python", sys.executable, str(home)])
            _run([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *arguments])
        else:
            _run([sys.executable, "-m", "venv", str(home)])
            _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments])


def _install_arguments(files: Sequence[Path], scratch: Path) -> list[str]:
    arguments: list[str] = []
    for file in files:
        source = file
        if file.name == "pyproject.toml":
            project = tomllib.loads(file.read_text("utf-8")).get("project", {})
            source = scratch / "dependencies.txt"
            source.write_text("\n".join(project.get("dependencies", [])) + "\n", "utf-8")
        arguments += ["-r", str(source)]
    return arguments


def _run(command: Sequence[str]) -> None:
    completed = _completed(command, INSTALL_TIMEOUT_S)
    if completed.returncode:
        problem = (completed.stderr or completed.stdout).strip().splitlines()
        raise UserError(f"{' '.join(command[:4])} ... failed: {problem[-1] if problem else completed.returncode}")


def _completed(command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. Raises `UserError` when that takes too long."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise UserError(f"{' '.join(command[:4])} ... did not end within {timeout_s:g} s") from None
