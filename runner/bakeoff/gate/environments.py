"""The environments of revisions: each is built from the requirements of its revision, in the folder of its files.

An environment is kept under the digest of what its requirements resolved to: the same names, versions and hashes. Both
revisions are resolved anew for each gate, so that neither of them runs on the packages of last month. An environment
with a local project (``.``, ``-e .``, ``./lib``) is not kept, because name and version do not tell such a project's
content, and an editable one is nothing but a path to it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bakeoff.gate.installers import INSTALL_WITHIN_S, PYPROJECT, Distribution, find_installer, python_in
from bakeoff.model import UserError

DEFAULT_REQUIREMENTS = ("requirements.txt", PYPROJECT)
"""Files in which a revision's requirements are looked for; the first one that exists is used."""
KEY_LETTERS = 24
POLL_S = 0.1

Build = Callable[[Path], None]
"""Creates an environment in an empty folder."""


class BuiltEnvironments:
    """Environments built from each revision's own requirements; equal ones are shared, and kept for later gates."""

    def __init__(self, requirements: Sequence[str], note: Callable[[str], None]) -> None:
        """``requirements`` are files relative to a revision's root; if empty, `DEFAULT_REQUIREMENTS` are tried.

        ``note`` receives messages for the user.
        """
        self._requirements = requirements
        self._note = note

    def python_for(self, tree: Path, scratch: Path) -> str:
        """The interpreter of the environment. Raises `UserError` when it cannot be built."""
        files = self._files(tree)
        if not files:
            self._note(f"{tree} has no file of requirements; running it with {sys.executable}")
            return sys.executable
        installer = find_installer()
        resolved = installer.resolve(files, tree, scratch)

        def build(home: Path) -> None:
            self._note(f"building an environment from {', '.join(file.name for file in files)}")
            installer.install(home, files, resolved, tree, scratch)

        if any(distribution.source is None for distribution in resolved):
            home = scratch / "environment"
            build(home)
        else:
            cache = EnvironmentCache(_cache_folder(), self._note)
            home = cache.environment(environment_key(resolved), build)
        return str(python_in(home))

    def _files(self, tree: Path) -> list[Path]:
        for name in self._requirements:
            if not (tree / name).is_file():
                raise UserError(f"[gate]: requirements: {name!r} does not exist in {tree}")
        if self._requirements:
            return [tree / name for name in self._requirements]
        return [tree / name for name in DEFAULT_REQUIREMENTS if (tree / name).is_file()][:1]


class ImageEnvironments:
    """Revisions that run in containers: each image brings its own interpreter."""

    def python_for(self, tree: Path, scratch: Path) -> str:
        """A placeholder, which is not used."""
        return sys.executable


def environment_key(resolved: Sequence[Distribution]) -> str:
    """Hexadecimal digits that differ when an environment does: in its interpreter, or in a distribution (SHA-256)."""
    interpreter = (sys.version, sys.base_prefix, sysconfig.get_platform())
    parts = sorted(([package.name, package.version, package.source] for package in resolved), key=str)
    return hashlib.sha256(json.dumps([interpreter, parts]).encode()).hexdigest()[:KEY_LETTERS]


class EnvironmentCache:
    """Complete environments by key, in a folder that several processes may use at once.

    ``KEY`` is a link to the folder ``KEY.XXXX``, in which the environment was built: an environment cannot be moved,
    since its scripts name its interpreter. The link appears when the environment is complete, so that one whose build
    was cut short is never used.
    """

    def __init__(self, folder: Path, note: Callable[[str], None]) -> None:
        """``note`` receives messages for the user."""
        self._folder = folder
        self._note = note

    def environment(self, key: str, build: Build) -> Path:
        """The folder of an environment, which is built if there is none. Raises `UserError` when another takes long."""
        self._folder.mkdir(parents=True, exist_ok=True)
        link = self._folder / key
        with self._locked(key):
            if not python_in(link).exists():
                self._remove_incomplete(key)
                home = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=self._folder))
                build(home)
                new_link = self._folder / f"{key}.link"
                new_link.symlink_to(home.name)
                new_link.replace(link)
        return link.resolve()

    def _remove_incomplete(self, key: str) -> None:
        """Remove what builds left that failed or were killed. Needs the lock."""
        for path in self._folder.glob(f"{key}.*"):
            if path.is_symlink():
                path.unlink()
            elif path.is_dir():
                shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """Hold the lock of a key, which the kernel frees when its holder ends. Raises `UserError` on a long wait."""
        deadline_s = time.monotonic() + INSTALL_WITHIN_S
        file = self._folder / f"{key}.lock"
        with file.open("a") as lock:
            if not _try_lock(lock.fileno()):
                self._note("waiting for another gate, which builds the same environment")
                while not _try_lock(lock.fileno()):
                    if time.monotonic() > deadline_s:
                        raise UserError(f"another gate has held {file} for {INSTALL_WITHIN_S:g} s; end it")
                    time.sleep(POLL_S)
            yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _cache_folder() -> Path:
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "bakeoff" / "environments"
