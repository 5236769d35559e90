"""What must be the same on master and workers: versions, and the code of the scenarios."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import sysconfig
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from bakeoff.load.messages import ListSources

PACKAGES = ("locust", "gevent")
"""Packages whose versions are compared, besides Python's and Bakeoff's."""
_BAKEOFF = Path(__file__).resolve().parents[2]


def versions() -> dict[str, str]:
    """The versions of Python, Bakeoff (with a digest of its code) and the packages that drive the load."""
    digest = hashlib.sha256()
    for file in sorted(_BAKEOFF.rglob("*.py")):
        for part in (file.relative_to(_BAKEOFF).as_posix().encode(), file.read_bytes()):
            digest.update(len(part).to_bytes(8, "big") + part)
    own = f"{metadata.version('bakeoff')} ({digest.hexdigest()[:12]})"
    return {
        "python": platform.python_version(),
        "bakeoff": own,
        **{package: metadata.version(package) for package in PACKAGES},
    }


def imported_sources(root: Path, folders: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of each Python file that this process has imported from ``folders``, by its path relative to ``root``.

    Installed packages and Bakeoff itself are left out: they are compared by version.
    """
    installed = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    wanted = {folder.resolve() for folder in folders}
    digests: dict[str, str] = {}
    for module in list(sys.modules.values()):
        name = getattr(module, "__dict__", {}).get("__file__")  # Not getattr, which would load a lazy module.
        file = Path(name or "").resolve()
        parents = set(file.parents)
        if file.suffix == ".py" and parents & wanted and not parents & {*installed, _BAKEOFF}:
            digests[relative(file, root)] = hashlib.sha256(file.read_bytes()).hexdigest()
    return digests


def list_sources(locustfiles: Iterable[Path], root: Path) -> ListSources:
    """The order to list what was imported from beside Locust files, or from the experiment's folder, ``root``."""
    folders = dict.fromkeys([str(root), *(str(file.parent) for file in locustfiles)])
    return ListSources(root=str(root), folders=tuple(folders))


def relative(file: Path, root: Path) -> str:
    """A file's path from the experiment's folder, by which a worker finds its own copy."""
    return Path(os.path.relpath(file.resolve(), root.resolve())).as_posix()
