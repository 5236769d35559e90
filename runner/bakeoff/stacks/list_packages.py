"""Prints what is installed for the interpreter that runs it, as JSON: the fields of `bakeoff.model.Environment`.

Its text is passed to ``python -c``, in environments without Bakeoff, so it imports nothing but the standard library.
"""

import hashlib
import json
import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

CODE = (".py", ".so")
DIGEST_LETTERS = 10


def main() -> None:
    """Print one line."""
    sys.path[:] = [path for path in sys.path if path]  # The folder it is started in holds no installed packages.
    packages: dict[str, str] = {}
    editable: dict[str, str] = {}
    for package in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"] or "").lower()
        if name and name not in packages:  # The first on the path is the one that is imported.
            origin = json.loads(package.read_text("direct_url.json") or "{}")
            packages[name] = version_of(package, origin)
            if origin.get("dir_info", {}).get("editable"):
                editable[name] = directory_of(origin)
    implementation = platform.python_implementation().replace("CPython", "Python")
    python = f"{implementation} {platform.python_version()}"
    print(json.dumps({"python": python, "packages": dict(sorted(packages.items())), "editable": editable}))


def version_of(package: metadata.Distribution, origin: dict) -> str:  # type: ignore[type-arg]
    """The version; with what else tells its content, where it did not come from an index (PEP 610)."""
    if "vcs_info" in origin:
        return f"{package.version} (commit {origin['vcs_info']['commit_id'][:DIGEST_LETTERS]})"
    if "archive_info" in origin:
        archive = origin["archive_info"]
        sha256 = archive.get("hashes", {}).get("sha256") or archive.get("hash", "").partition("=")[2]
        return f"{package.version} (SHA-256 {sha256[:DIGEST_LETTERS]})" if sha256 else package.version
    if "dir_info" in origin:
        if origin["dir_info"].get("editable"):
            root = Path(directory_of(origin))
            files = {str(path.relative_to(root)): path for path in code_below(root)}
        else:
            files = {str(file): Path(str(file.locate())) for file in package.files or () if file.suffix in CODE}
        return f"{package.version} (code {digest_of(files)})"
    return package.version


def directory_of(origin: dict) -> str:  # type: ignore[type-arg]
    """The path in a ``file:`` address."""
    return unquote(urlsplit(origin["url"]).path)


def code_below(root: Path) -> list[Path]:
    """The files of a project that hold code; not those of environments and hidden folders in it."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        found += [Path(folder, name) for name in files if name.endswith(CODE)]
    return found


def digest_of(files: dict[str, Path]) -> str:
    """A digest of names and contents."""
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        if path.is_file():
            digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:DIGEST_LETTERS]


if __name__ == "__main__":
    main()
