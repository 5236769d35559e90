"""The interpreters that stacks run on, and the packages installed in them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from bakeoff.model import Environment, Stack, UserError
from bakeoff.stacks import list_packages, servers
from bakeoff.stacks.machine import PACKAGES

LIST_PACKAGES = Path(list_packages.__file__).read_text("utf-8")
"""A program for ``python -c`` that prints an `Environment` as JSON."""
LIST_WITHIN_S = 60.0

PIP_INSTALL = "install it with: {python} -m pip install {package} (or add --install)"
"""The remedy for a package that is missing in an environment of the user's own."""


def parse_environment(output: str) -> Environment:
    """What `LIST_PACKAGES` printed; an interpreter may print more before it, when it starts."""
    return msgspec.json.decode(output.strip().splitlines()[-1], type=Environment)


def describe_environment(environment: Environment, packages: Iterable[str] = PACKAGES) -> str:
    """The interpreter and some of its packages as text: ``Python 3.13.1, flask 3.1.2``."""
    listed = [f"{name} {environment.packages[name]}" for name in sorted(packages) if name in environment.packages]
    return ", ".join([environment.python, *listed])


def interpreters(stacks: Sequence[Stack], remedy: str = PIP_INSTALL) -> dict[str, Environment]:
    """What is installed for the interpreter of each stack, by the stack's name.

    ``remedy`` says what to do about a missing server; ``{package}`` and ``{python}`` are filled in.

    Raises:
        UserError: an interpreter does not run, or lacks the server of a stack.
    """
    environments = _environments(stacks)
    for stack, python, package in _missing(stacks, environments):
        hint = remedy.format(package=package, python=python)
        raise UserError(f"stack {stack.name!r}: {python} has no {package}; {hint}")
    return environments


def server_versions(stacks: Sequence[Stack], environments: Mapping[str, Environment]) -> dict[str, str]:
    """The version of the server of each stack that has one, by the stack's name."""
    packages = {stack.name: _server_package(stack) for stack in stacks}
    return {name: environments[name].packages[package] for name, package in packages.items() if package is not None}


def missing_servers(stacks: Sequence[Stack]) -> list[tuple[Stack, str, str]]:
    """Each stack whose interpreter lacks its server, with the interpreter and the server's package.

    Raises `UserError` when an interpreter does not run.
    """
    started = [stack for stack in stacks if not stack.url]
    return list(_missing(started, _environments(started)))


def _missing(stacks: Sequence[Stack], environments: dict[str, Environment]) -> Iterator[tuple[Stack, str, str]]:
    for stack in stacks:
        package = _server_package(stack)
        if package is not None and package not in environments[stack.name].packages:
            yield stack, _python(stack), package


def _environments(stacks: Sequence[Stack]) -> dict[str, Environment]:
    """What is installed for the interpreter of each stack, by the stack's name; each interpreter is asked once."""
    # The variables of a stack are part of the key, because PYTHONPATH adds packages.
    environments = {(_python(stack), *sorted(stack.env.items())): stack for stack in stacks}
    listed = {key: _environment(_python(stack), stack.env) for key, stack in environments.items()}
    return {stack.name: listed[_python(stack), *sorted(stack.env.items())] for stack in stacks}


def _server_package(stack: Stack) -> str | None:
    """The distribution of a stack's server; ``None`` where its command starts another."""
    return None if stack.server is None else servers.adapter(stack.server).PACKAGE


def _python(stack: Stack) -> str:
    return stack.python or sys.executable


def _environment(python: str, variables: dict[str, str]) -> Environment:
    try:
        process = subprocess.run(
            [python, "-c", LIST_PACKAGES],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=os.environ | variables,
            timeout=LIST_WITHIN_S,
        )
    except OSError as error:
        raise UserError(f"python {python!r} does not run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"python {python!r} does not list its packages within {LIST_WITHIN_S:g} s") from None
    if process.returncode:
        problem = process.stderr.strip().splitlines() or [f"status {process.returncode}"]
        raise UserError(f"python {python!r} does not run: {problem[-1]}")
    return msgspec.structs.replace(parse_environment(process.stdout), path=python)
