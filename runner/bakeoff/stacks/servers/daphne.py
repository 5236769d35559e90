"""Daphne, Django's server, for ASGI: HTTP in pure Python (Twisted), on asyncio's own event loop.

* One process: several need a process manager, or a proxy over several ports. A stack with several workers is refused.
* It writes an access log at its usual verbosity; verbosity 0 leaves warnings.
* Only an endpoint description can set the backlog, which is 50 by default; so the address is one, and ``bind`` and
  ``port`` are not used.
* Its manual recommends no settings for HTTP/1.1. Twisted's TLS extra, which it depends on, is for HTTP/2.

Sources: github.com/django/daphne (README), docs.twisted.org (endpoints).
"""

from __future__ import annotations

from bakeoff.model import Interface, Stack
from bakeoff.stacks.servers import _common

PACKAGE = "daphne"
INTERFACES: tuple[Interface, ...] = ("asgi",)
ENVIRONMENT: tuple[str, ...] = ()


def command(stack: Stack, host: str, port: int, python: str) -> list[str]:
    """``python -m daphne …``; see `Adapter`."""
    _common.check_interface(stack, INTERFACES)
    _common.check_no_threads(stack)
    _common.check_one_process(stack)
    options = _common.combined_options(
        stack,
        fixed={
            "endpoint": _endpoint(host, port),
            "bind": False,
            "port": False,
            "fd": False,
            "unix-socket": False,
        },
        defaults={"verbosity": 0},
    )
    return [python, "-m", "daphne", *_common.arguments(options), _common.app_path(stack)]


def _endpoint(host: str, port: int) -> str:
    """An address as Twisted writes it: colons within a value are escaped."""
    kind, interface = ("tcp6", host.replace(":", r"\:")) if ":" in host else ("tcp", host)
    return f"{kind}:port={port}:interface={interface}:backlog={_common.BACKLOG}"
