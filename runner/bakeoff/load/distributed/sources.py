"""The code that a scenario consists of: its Locust file, and what that imports from beside it."""

from __future__ import annotations

import ast
import hashlib
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from bakeoff.load.distributed.protocol import Terms
from bakeoff.model import Scenario, UserError

PACKAGES = ("locust", "gevent")
"""The versions that workers must share with the master, besides those of Python and Bakeoff itself."""

_OWN = Path(__file__).parents[2]


def terms_for(scenarios: Iterable[Scenario], root: Path) -> Terms:
    """What a worker must have in common with this machine to drive these scenarios of the experiment in ``root``."""
    files = [Path(one.locustfile) for one in scenarios if one.locustfile]
    digests = digests_of([relative(file, root) for file in files], root)
    return Terms(versions=versions(), sources={path: digest for path, digest in digests.items() if digest})


def relative(file: Path, root: Path) -> str:
    """A file's path as workers know it, by which they find their own copy."""
    return Path(os.path.relpath(file, root)).as_posix()


def versions() -> dict[str, str]:
    """The versions of Python, of Bakeoff, with a digest of its code, and of what drives the load."""
    packages = {package: metadata.version(package) for package in PACKAGES}
    own = f"{metadata.version('bakeoff')} ({_digest(sorted(_OWN.rglob('*.py')), _OWN)[:12]})"
    return {"python": platform.python_version(), "bakeoff": own, **packages}


def digests_of(paths: Iterable[str], root: Path) -> Mapping[str, str | None]:
    """A digest of the code of each Locust file and what it imports from its own folder or ``root``.

    ``None`` where there is no such file. Raises `UserError` where it cannot be read.
    """
    return {path: _digest(files_of(root / path, root), root) if (root / path).is_file() else None for path in paths}


def files_of(locustfile: Path, root: Path) -> list[Path]:
    """A Locust file and every file that it imports, directly or not, from its own folder or ``root``."""
    folders = (locustfile.parent, root)
    found: dict[Path, None] = {}
    waiting = [locustfile]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found[file] = None
            waiting += _imported(file, folders)
    return sorted(found)


def _imported(file: Path, folders: Sequence[Path]) -> Iterator[Path]:
    try:
        tree = ast.parse(_read(file))
    except SyntaxError:
        return  # It will be told when the file is imported.
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _modules(alias.name, folders)
        elif isinstance(node, ast.ImportFrom):
            within = [file.parents[node.level - 1]] if node.level else folders
            for alias in node.names:
                yield from _modules(".".join(filter(None, (node.module, alias.name))), within)


def _modules(name: str, folders: Sequence[Path]) -> Iterator[Path]:
    """The files of a module and of the packages it is in, in the first folder that has any."""
    parts = name.split(".")
    for folder in folders:
        stems = [folder.joinpath(*parts[: length + 1]) for length in range(len(parts))]
        files = [file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()]
        if files:
            yield from files
            return


def _digest(files: Iterable[Path], root: Path) -> str:
    """SHA-256 over each file's relative path and content, with their lengths."""
    digest = hashlib.sha256()
    for file in files:
        for part in (relative(file, root).encode(), _read(file)):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from None
