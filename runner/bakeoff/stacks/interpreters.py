"""The interpreters that stacks run on, and what is installed in them: without its versions no result is repeated."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from bakeoff.model import Stack, UserError
from bakeoff.stacks import servers
from bakeoff.stacks.host import PACKAGES

ASK = """
import json, platform, sys
from importlib import metadata
found = {one.name.lower(): one.version for one in metadata.distributions() if one.name}
known = {name: found[name] for name in sys.argv[1:] if name in found}
print(json.dumps({"Python": platform.python_version(), **known}))
"""
"""What an interpreter runs to tell its packages; the names asked for are its arguments."""

Remedy = Callable[[str, str], str]
"""What to do about a package (its name first) that is not in an interpreter (its path)."""


def pip_install(package: str, python: str) -> str:
    """The remedy where the environment is the user's own."""
    return f"install it with: {python} -m pip install {package}"


def read(answer: str) -> dict[str, str]:
    """Versions by package, from the answer to `ASK`."""
    return dict(json.loads(answer))


def told(versions: Mapping[str, str]) -> str:
    """Versions in words: ``Python 3.13.1, flask 3.1.2``."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def interpreters(stacks: Sequence[Stack], remedy: Remedy = pip_install) -> dict[str, str]:
    """What is installed in the interpreter of each stack, in words, by the stack's name.

    Raises:
        UserError: an interpreter does not run, or has not the server of a stack.
    """
    found = {python: _ask(python, stacks) for python in {_python(stack) for stack in stacks}}
    for stack in stacks:
        _check_server(stack, found[_python(stack)], remedy)
    return {stack.name: told(found[_python(stack)]) for stack in stacks}


def _python(stack: Stack) -> str:
    return stack.python or sys.executable


def _package(stack: Stack) -> str | None:
    return None if stack.server is None else servers.adapter(stack.server).PACKAGE


def _ask(python: str, stacks: Sequence[Stack]) -> dict[str, str]:
    names = {*PACKAGES, *filter(None, map(_package, stacks))}
    try:
        done = subprocess.run([python, "-c", ASK, *sorted(names)], capture_output=True, text=True)
    except OSError as error:
        raise UserError(f"python {python!r} does not run: {error.strerror}") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise UserError(f"python {python!r} does not run: {said[-1]}")
    return read(done.stdout)


def _check_server(stack: Stack, found: Mapping[str, str], remedy: Remedy) -> None:
    package = _package(stack)
    if package is not None and package not in found:
        python = _python(stack)
        raise UserError(f"stack {stack.name!r}: {python} has no {package}; {remedy(package, python)}")
