"""A program in the place of uv: it resolves and "installs" as uv does, from a made-up index and without a network.

The index is the JSON file ``INDEX`` beside the program: the versions of each package, oldest first. What is installed
becomes ``installed.json`` in the environment: a version, or for a directory the content of its file ``says``. Each
installation is a line of ``installations`` beside the program. A line ``!COMMAND`` among the requirements is run by the
shell when they are installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

HERE = Path(sys.argv[0]).parent


def resolve(files: list[str], constraints: list[str]) -> dict[str, dict[str, str]]:
    """Version or directory of each package."""
    packages: dict[str, dict[str, str]] = {}
    pinned: dict[str, str] = {}
    index = json.loads((HERE / "INDEX").read_text("utf-8"))
    lines = [line for file in files for line in lines_of(Path(file))]
    lines += [f"-c {line}" for file in constraints for line in lines_of(Path(file))]
    for line in lines:
        name, _, version = line.removeprefix("-c ").partition("==")
        if version:
            pinned[name] = version
    for line in lines:
        name = line.partition("==")[0]
        if line.startswith(("-e ", ".")):
            directory = Path(line.removeprefix("-e ").partition("[")[0]).resolve()
            packages[directory.name] = {"directory": str(directory)}
        elif not line.startswith(("-c ", "!")):
            if name not in index:
                sys.exit(f"error: no solution\n  because there is no {name}\nhint: look elsewhere")
            packages[name] = {"version": pinned.get(name, index[name][-1])}
    return packages


def lines_of(file: Path) -> list[str]:
    """The lines of a file and of those that it includes; constraints begin with ``-c``."""
    lines = []
    for line in file.read_text("utf-8").split("\n"):
        option, _, name = line.partition(" ")
        if option == "-r":
            lines += lines_of(file.parent / name)
        elif option == "-c":
            lines += [f"-c {line}" for line in lines_of(file.parent / name)]
        elif line:
            lines.append(line)
    return lines


def lock(packages: dict[str, dict[str, str]]) -> str:
    """The packages as ``pylock.toml``."""
    text = 'lock-version = "1.0"\n'
    for name, package in packages.items():
        text += f'[[packages]]\nname = "{name}"\n'
        if "directory" in package:
            text += f'directory = {{ path = "{package["directory"]}" }}\n'
        else:
            text += f'version = "{package["version"]}"\nsdist = {{ hashes = {{ sha256 = "{package["version"]}" }} }}\n'
    return text


def create(home: Path, python: str) -> None:
    """An environment whose interpreter runs, and has no packages."""
    (home / "bin").mkdir(parents=True)
    (home / "lib" / "python3.0" / "site-packages").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(python)


def install(home: Path, files: list[str], constraints: list[str], editable: list[str]) -> None:
    """Write what would be installed."""
    for file in files:
        for line in lines_of(Path(file)):
            if line.startswith("!") and subprocess.call(line[1:], shell=True):
                sys.exit("error: a build failed\nhint: read the output above")
    packages = resolve(files, constraints) | {Path(path).name: {"directory": path} for path in editable}
    installed = {
        name: package.get("version") or Path(package["directory"], "says").read_text("utf-8")
        for name, package in packages.items()
    }
    (home / "installed.json").write_text(json.dumps(installed), "utf-8")


def main(arguments: list[str]) -> None:
    """Run a command."""
    values = {name: value for name, value in pairwise(arguments) if name.startswith("-")}
    files = [value for name, value in pairwise(arguments) if name in ("-r", "--requirement")]
    if arguments[0] == "venv":
        create(Path(arguments[-1]), values["--python"])
    elif arguments[1] == "compile":
        print(lock(resolve([name for name in arguments[2:] if name.endswith(".txt")], [])))
    else:
        with (HERE / "installations").open("a") as log:
            log.write(" ".join(arguments) + "\n")
        constraints = [values["--constraint"]] if "--constraint" in values else []
        editable = [value.partition("[")[0] for name, value in pairwise(arguments) if name == "--editable"]
        install(Path(values["--python"]).parent.parent, files, constraints, editable)


if __name__ == "__main__":
    main(sys.argv[1:])
