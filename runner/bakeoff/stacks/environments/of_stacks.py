"""The interpreter of each stack: the one that it names, an environment of its packages, or the project's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bakeoff.model import Stack, UserError
from bakeoff.stacks import servers
from bakeoff.stacks.environments.builder import Builder, open_builder
from bakeoff.stacks.environments.pythons import named_python, project_python
from bakeoff.stacks.environments.sources import needs_of_packages
from bakeoff.stacks.interpreters import missing_servers

Note = Callable[[str], None]
"""Receives messages for the user."""


def with_interpreters(
    stacks: Sequence[Stack], note: Note, open_builder: Callable[[Note], Builder] = open_builder
) -> tuple[Stack, ...]:
    """The stacks, each with its interpreter; environments of ``packages`` are built where there are none yet.

    Raises `UserError` when one cannot be built.
    """
    builder = open_builder(note) if any(stack.packages for stack in stacks) else None
    return tuple(msgspec.structs.replace(stack, python=_python_of(stack, builder)) for stack in stacks)


def _python_of(stack: Stack, builder: Builder | None) -> str | None:
    if stack.url:
        return None
    python = named_python(stack.python) or project_python(Path(stack.directory))
    if not stack.packages or builder is None:
        return python
    try:
        return _built(stack, builder, python)
    except UserError as error:
        raise UserError(f"stack {stack.name!r}: {error}") from None


def _built(stack: Stack, builder: Builder, python: str | None) -> str:
    resolved = builder.resolve(needs_of_packages(stack.packages, Path(stack.directory), python or sys.executable))
    package = None if stack.server is None else servers.adapter(stack.server).PACKAGE
    if package is not None and resolved.version_of(package) is None:
        resolved = builder.with_server(resolved, package)
    return builder.keep(resolved)


def install_missing_servers(stacks: Sequence[Stack], note: Note, may_install: Callable[[str, str], bool]) -> None:
    """Install servers that interpreters of stacks lack, where ``may_install(package, python)`` agrees.

    Raises `UserError` when an interpreter does not run, or an installation fails.
    """
    missing = {(python, package) for _, python, package in missing_servers(stacks)}
    agreed = [(python, package) for python, package in sorted(missing) if may_install(package, python)]
    if agreed:
        builder = open_builder(note)
        for python, package in agreed:
            builder.add(python, package)
