"""Complete environments by what they resolved to, kept for later runs and shared by processes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bakeoff.model import UserError
from bakeoff.stacks.environments.installers import INSTALL_WITHIN_S, python_in
from bakeoff.stacks.environments.needs import Distribution

KEY_LETTERS = 24
POLL_S = 0.1

Build = Callable[[Path], None]
"""Creates an environment in an empty folder."""


def environment_key(resolved: Sequence[Distribution], interpreter: str, projects: Sequence[str] = ()) -> str:
    """Hexadecimal digits that differ when an environment does (SHA-256).

    Args:
        resolved: What is installed, apart from local projects.
        interpreter: Tells one interpreter from another; see `pythons.interpreter_identity`.
        projects: Local projects that are installed as editable, and what tells how.
    """
    parts = sorted(([package.name, package.version, package.source] for package in resolved), key=str)
    content = [interpreter, parts, *([sorted(projects)] if projects else [])]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:KEY_LETTERS]


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
                self._note("waiting for another bakeoff, which builds the same environment")
                while not _try_lock(lock.fileno()):
                    if time.monotonic() > deadline_s:
                        raise UserError(f"another bakeoff has held {file} for {INSTALL_WITHIN_S:g} s; end it")
                    time.sleep(POLL_S)
            yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def cache_folder() -> Path:
    """Where environments are kept."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "bakeoff" / "environments"
