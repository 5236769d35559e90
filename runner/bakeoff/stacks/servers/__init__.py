"""Server adapters: each file of this folder turns a stack into the command line of one server. Pure.

To add a server, add a file named after it that fulfils ``Adapter``; nothing else has to know.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from typing import Protocol, cast

from bakeoff.model import Interface, Stack, UserError


class Adapter(Protocol):
    """What the file of a server defines."""

    @property
    def PACKAGE(self) -> str:  # noqa: N802 - a module's constant
        """The distribution to install, whose version is recorded."""

    @property
    def INTERFACES(self) -> tuple[Interface, ...]:  # noqa: N802 - a module's constant
        """What the server can serve."""

    @property
    def ENVIRONMENT(self) -> tuple[str, ...]:  # noqa: N802 - a module's constant
        """Prefixes of environment variables that change the server's settings behind Bakeoff's back."""

    def command(self, stack: Stack, host: str, port: int, python: str) -> list[str]:
        """The arguments that start the server on an address, run by the interpreter at ``python``.

        Raises:
            UserError: the server cannot do what the stack asks; one line.
        """


class UnknownServerError(UserError, LookupError):
    """No adapter has this name; one line with those that exist."""


def names() -> tuple[str, ...]:
    """The servers there are, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def adapter(name: str) -> Adapter:
    """The adapter of a server.

    Raises:
        UnknownServerError: there is none.
    """
    known = names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f'; did you mean "{close[0]}"?' if close else ";"
        raise UnknownServerError(f'unknown server "{name}"{hint} known servers: {", ".join(known)}')
    return cast(Adapter, importlib.import_module(f"{__name__}.{name}"))
