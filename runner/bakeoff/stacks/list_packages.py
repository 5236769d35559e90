"""Prints what is installed for the interpreter that runs it, as JSON: the fields of `bakeoff.model.Environment`.

Its text is passed to ``python -c``, in environments without Bakeoff, so it imports nothing but the standard library.
"""

import json
import os
import platform
import re
import sys
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

CODE = (".py", ".so")
DIGEST_LETTERS = 10


def main() -> None:
    """Print one line."""
    sys.path[:] = [path for path in sys.path if path]  # The folder it is started in holds no installed packages.
    packages: dict[str, str] = {}
    contents: dict[str, str] = {}
    editable: dict[str, str] = {}
    for package in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"] or "").lower()
        if not name or name in packages:  # The first on the path is the one that is imported.
            continue
        origin = json.loads(package.read_text("direct_url.json") or "{}")  # PEP 610
        commit = origin.get("vcs_info", {}).get("commit_id", "")[:DIGEST_LETTERS]
        packages[name] = f"{package.version} (commit {commit})" if commit else package.version
        if origin.get("dir_info", {}).get("editable"):
            editable[name] = unquote(urlsplit(origin["url"]).path)
            contents[name] = digest_of(code_below(Path(editable[name])))
        else:
            contents[name] = digest_of(recorded_files(package.read_text("RECORD") or ""))
    implementation = platform.python_implementation().replace("CPython", "Python")
    environment = {
        "python": f"{implementation} {platform.python_version()}",
        "packages": dict(sorted(packages.items())),
        "contents": contents,
        "editable": editable,
    }
    print(json.dumps(environment))


def recorded_files(record: str) -> list[str]:
    """The lines of an installed package's files, each with its hash; without scripts, which name the environment."""
    lines = record.splitlines()
    return [line for line in lines if ",sha256=" in line and ".dist-info/" not in line and not line.startswith("..")]


def code_below(root: Path) -> list[str]:
    """Path and hash of each file of a project that holds code; not of environments and hidden folders in it."""
    lines = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        paths = [Path(folder, name) for name in files if name.endswith(CODE)]
        lines += [f"{path.relative_to(root)},{sha256(path.read_bytes()).hexdigest()}" for path in paths]
    return lines


def digest_of(lines: list[str]) -> str:
    """A digest of lines, whatever their order."""
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()[:DIGEST_LETTERS]


if __name__ == "__main__":
    main()
