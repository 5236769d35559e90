"""Waitress, for WSGI: one process, one thread for the network and the stack's threads for the app.

* Several workers do not exist; the stack is refused.
* It accepts 100 connections at once by default, and waits for descriptors with ``select``, which ends at 1024. Both
  are lifted, to what gunicorn's workers accept. Idle connections are kept for 120 s.
* It logs a warning whenever a request has to wait for a thread, so for nearly every request under load. Only its
  logger can turn that off, so it is started through a line of Python instead of ``-m waitress``.
"""

from __future__ import annotations

from bakeoff.model import Interface, Stack
from bakeoff.stacks.servers import _common

PACKAGE = "waitress"
INTERFACES: tuple[Interface, ...] = ("wsgi",)
ENVIRONMENT: tuple[str, ...] = ()

CONNECTIONS = 1000
"""Connections open at once."""

_NEGATABLE = ("expose-tracebacks", "ipv4", "ipv6", "log-socket-errors")
_START = (
    "import logging, sys; from waitress.runner import run; "
    "logging.getLogger('waitress').setLevel('WARNING'); "
    "logging.getLogger('waitress.queue').setLevel('ERROR'); "
    "sys.exit(run())"
)


def command(stack: Stack, host: str, port: int, python: str) -> list[str]:
    """``python -c … `` with Waitress's own arguments; see ``bakeoff.stacks.servers.Adapter``."""
    _common.check_interface(stack, INTERFACES)
    if stack.workers > 1:
        raise _common.StackError(stack, "waitress runs one process; set workers = 1 and use threads")
    options = _common.combined(
        stack,
        fixed={"host": host, "port": port, "threads": stack.threads},
        defaults={
            "backlog": _common.BACKLOG,
            "connection-limit": CONNECTIONS,
            "asyncore-use-poll": True,
        },
        negatable=_NEGATABLE,
    )
    return [python, "-c", _START, *_common.rendered(options, _NEGATABLE), _common.app_path(stack)]
