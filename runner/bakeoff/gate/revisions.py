"""The revisions that a gate compares: a directory as it is, or a git ref in a worktree and environment of its own."""

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
READY = ".ready"
"""The file that an environment gets when everything is installed in it."""
WHEN_NOT_NAMED = ("requirements.txt", "pyproject.toml")
"""Where a revision's requirements are looked for, first found first taken."""

MISSING_SERVER_REMEDY = (
    "add {package} to that revision's requirements, or name the file that has it in [gate] requirements"
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Revision:
    """A tree of files, and the interpreter that runs it."""

    label: str
    """As a reader knows it: ``v1.2 (3f2a9c1)`` or a directory."""
    directory: Path
    """Stands for the folder of the experiment's file."""
    python: str


class Environments(Protocol):
    """What runs a revision."""

    def for_tree(self, tree: Path) -> str: ...


class Revisions:
    """Finds the revisions of one project: the one whose experiment file lies in ``folder``."""

    def __init__(self, folder: Path, environments: Environments) -> None:
        self._folder = folder
        self._environments = environments

    @contextmanager
    def both(self, base: str, head: str | None) -> Iterator[tuple[Revision, Revision]]:
        """Base and head, for as long as they are needed. Raises `UserError` when there is no such directory or ref."""
        isolated = any(spec is not None and not Path(spec).is_dir() for spec in (base, head))
        with self._one(base, isolated) as first, self._one(head, isolated) as second:
            yield first, second

    @contextmanager
    def _one(self, spec: str | None, isolated: bool) -> Iterator[Revision]:
        """``isolated``: one of the two is a git ref, so that both get environments built in the same way."""
        if spec is not None and Path(spec).is_dir():
            directory = Path(spec).resolve()
            yield Revision(label=spec, directory=directory, python=_python_of(directory))
        elif spec is None:
            python = self._environments.for_tree(self._root()) if isolated else _python_of(self._folder)
            yield Revision(label="working tree", directory=self._folder, python=python)
        else:
            with self._worktree(spec) as (commit, tree):
                directory = tree / self._folder.relative_to(self._root())
                python = self._environments.for_tree(tree)
                yield Revision(label=f"{spec} ({commit[:9]})", directory=directory, python=python)

    def _root(self) -> Path:
        return Path(self._git("rev-parse", "--show-toplevel"))

    @contextmanager
    def _worktree(self, ref: str) -> Iterator[tuple[str, Path]]:
        commit = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", about=ref)
        with tempfile.TemporaryDirectory(prefix="bakeoff-") as scratch:
            tree = Path(scratch) / "tree"
            self._git("worktree", "add", "--quiet", "--detach", str(tree), commit)
            try:
                yield commit, tree
            finally:
                self._git("worktree", "remove", "--force", str(tree))

    def _git(self, *arguments: str, about: str | None = None) -> str:
        try:
            done = subprocess.run(["git", "-C", str(self._folder), *arguments], capture_output=True, text=True)
        except FileNotFoundError:
            raise UserError("git is not installed; give directories to --base and --head instead of refs") from None
        if done.returncode:
            if about is not None:
                raise UserError(
                    f"--base or --head {about!r} is neither a directory nor a git ref of {self._folder}; in CI, fetch "
                    "the branch first (with actions/checkout: fetch-depth: 0)"
                )
            problem = done.stderr.strip().splitlines()
            raise UserError(f"git {arguments[0]}: {problem[-1] if problem else 'failed'}")
        return done.stdout.strip()


class Built:
    """Environments made of each revision's own requirements, once for each content of them."""

    def __init__(self, requirements: Sequence[str], say: Say) -> None:
        """``requirements`` are files relative to a revision's root; by default they are looked for."""
        self._requirements = requirements
        self._say = say

    def for_tree(self, tree: Path) -> str:
        """The interpreter of the environment. Raises `UserError` when it cannot be built."""
        files = self._files(tree)
        if not files:
            self._say(f"{tree} names no requirements; running it with {sys.executable}")
            return sys.executable
        home = _cache() / "environments" / _digest(files)
        if not (home / READY).exists():
            self._say(f"building an environment from {', '.join(file.name for file in files)}")
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
        return [tree / name for name in WHEN_NOT_NAMED if (tree / name).is_file()][:1]


class InImages:
    """Containers bring what they need."""

    def for_tree(self, tree: Path) -> str:
        """Never used: the image's own interpreter runs the app."""
        return sys.executable


def _python_of(directory: Path) -> str:
    """The interpreter of the environment that lies in a directory, if one does."""
    own = directory / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / CACHE


def _digest(files: Sequence[Path]) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:24]


def _build(home: Path, files: Sequence[Path]) -> None:
    """An environment with all requirements installed. Raises `UserError` with the installer's last words."""
    uv = shutil.which("uv")
    python = str(home / "bin" / "python")
    with tempfile.TemporaryDirectory() as scratch:
        arguments = _install_arguments(files, Path(scratch))
        if uv:
            _must([uv, "venv", "--quiet", "--python", sys.executable, str(home)])
            _must([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *arguments])
        else:
            _must([sys.executable, "-m", "venv", str(home)])
            _must([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments])


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


def _must(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        problem = (done.stderr or done.stdout).strip().splitlines()
        raise UserError(f"{' '.join(command[:4])} ... failed: {problem[-1] if problem else done.returncode}")
