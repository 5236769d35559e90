"""Whether a worker is the master's equal: the same versions, and the same code of every scenario. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bakeoff.load.distributed.protocol import Terms


def difference(terms: Terms, versions: Mapping[str, str], sources: Mapping[str, str | None]) -> str | None:
    """The first way in which a worker differs from the terms, in a line with a remedy; ``None`` if it does not.

    ``sources`` holds its own digest of each of the terms' files, or ``None`` where it has no such file.
    """
    for package, version in terms.versions.items():
        if versions.get(package) != version:
            return f"{package} is {versions.get(package, 'missing')} here, {version} on the master; install the same"
    for path, digest in terms.sources.items():
        if sources.get(path) is None:
            return f"{path} is missing; start the worker in a copy of the experiment's folder, or name it: --directory"
        if sources[path] != digest:
            return f"{path}, or what it imports, differs from the master's; bring both folders to the same state"
    return None
