"""The interpreters that stacks run on, and the packages installed in them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

from bakeoff.model import Stack, UserError
from bakeoff.stacks import servers
from bakeoff.stacks.machine import PACKAGES

LIST_VERSIONS = """
import json, platform, sys
from importlib import metadata
installed = {package.name.lower(): package.version for package in metadata.distributions() if package.name}
versions = {name: installed[name] for name in sys.argv[1:] if name in installed}
print(json.dumps({"Python": platform.python_version(), **versions}))
"""
"""A program for ``python -c`` that prints the versions of the packages named by its arguments, as JSON."""

PIP_INSTALL = "install it with: {python} -m pip install {package}"
"""The remedy for a package that is missing in an environment of the user's own."""


def parse_versions(output: str) -> dict[str, str]:
    """Versions by package, from what `LIST_VERSIONS` printed."""
    return dict(json.loads(output))


def describe_versions(versions: Mapping[str, str]) -> str:
    """Versions as text: ``Python 3.13.1, flask 3.1.2``."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def interpreters(stacks: Sequence[Stack], remedy: str = PIP_INSTALL) -> dict[str, str]:
    """What is installed in the interpreter of each stack, as text, by the stack's name.

    ``remedy`` says what to do about a missing server; ``{package}`` and ``{python}`` are filled in.

    Raises:
        UserError: an interpreter does not run, or lacks the server of a stack.
    """
    versions = {python: _versions(python, stacks) for python in {_python(stack) for stack in stacks}}
    for stack in stacks:
        python, package = _python(stack), _server_package(stack)
        if package is not None and package not in versions[python]:
            hint = remedy.format(package=package, python=python)
            raise UserError(f"stack {stack.name!r}: {python} has no {package}; {hint}")
    return {stack.name: describe_versions(versions[_python(stack)]) for stack in stacks}


def _python(stack: Stack) -> str:
    return stack.python or sys.executable


def _server_package(stack: Stack) -> str | None:
    return None if stack.server is None else servers.adapter(stack.server).PACKAGE


def _versions(python: str, stacks: Sequence[Stack]) -> dict[str, str]:
    packages = {*PACKAGES, *filter(None, map(_server_package, stacks))}
    try:
        process = subprocess.run([python, "-c", LIST_VERSIONS, *sorted(packages)], capture_output=True, text=True)
    except OSError as error:
        raise UserError(f"python {python!r} does not run: {error.strerror}") from None
    if process.returncode:
        problem = process.stderr.strip().splitlines() or [f"status {process.returncode}"]
        raise UserError(f"python {python!r} does not run: {problem[-1]}")
    return parse_versions(process.stdout)
