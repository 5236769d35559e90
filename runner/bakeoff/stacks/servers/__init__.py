"""Servers: each file of this folder makes the command line of one server from a stack. Pure.

To add a server, add a file named after it that defines what `Adapter` asks for. ``tests/stacks/servers`` runs its
contract over every file.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from typing import Protocol, cast

from bakeoff.model import Interface, Stack, UserError

__all__ = ["Adapter", "UnknownServerError", "adapter", "command_line", "names"]


class Adapter(Protocol):
    """What the file of a server defines.

    It may also define ``SINCE``: arguments of its command, and the version of the server that was the first to know
    each. They are left out for an older one.
    """

    @property
    def PACKAGE(self) -> str:  # noqa: N802 - a module's constant
        """The distribution to install, whose version is recorded."""

    @property
    def INTERFACES(self) -> tuple[Interface, ...]:  # noqa: N802 - a module's constant
        """What the server can serve."""

    @property
    def ENVIRONMENT(self) -> tuple[str, ...]:  # noqa: N802 - a module's constant
        """Prefixes of the environment variables that change the server's settings; they are not passed on to it."""

    def command(self, stack: Stack, host: str, port: int, python: str) -> list[str]:
        """The arguments that start the server on an address, run by the interpreter at ``python``.

        Raises:
            UserError: the server cannot do what the stack asks.
        """


class UnknownServerError(UserError, LookupError):
    """No adapter has this name; the message lists those that exist."""


def names() -> tuple[str, ...]:
    """The known servers, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def adapter(name: str) -> Adapter:
    """The adapter of a server. Raises `UnknownServerError` if there is none."""
    known = names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f'; did you mean "{close[0]}"?' if close else ";"
        raise UnknownServerError(f'unknown server "{name}"{hint} known servers: {", ".join(known)}')
    return cast(Adapter, importlib.import_module(f"{__name__}.{name}"))


def command_line(stack: Stack, host: str, port: int, python: str, version: str | None = None) -> list[str]:
    """The arguments that start a stack on an address: its own command, or the one its server's adapter makes.

    Args:
        stack: The stack.
        host: The address.
        port: The address's port.
        python: The interpreter that runs the server.
        version: That of the server, where it is known; otherwise it is taken for a current one.

    Raises:
        UserError: the server cannot do what the stack asks.
    """
    if stack.command:
        values = {"{host}": host, "{port}": str(port), "{python}": python}
        return [re.sub(r"\{(?:host|port|python)\}", lambda match: values[match[0]], part) for part in stack.command]
    assert stack.server is not None
    server = adapter(stack.server)
    since: dict[str, str] = getattr(server, "SINCE", {})
    command = server.command(stack, host, port, python)
    return [argument for argument in command if not (version and _is_older(version, since.get(argument, "0")))]


def _is_older(version: str, other: str) -> bool:
    """Whether a version is older than another; only their first three numbers count."""
    mine, others = ([int(number) for number in re.findall(r"\d+", text)[:3]] for text in (version, other))
    return mine < others
