"""Waitress, for WSGI: one process, one thread for the network and the stack's threads for the app.

* It has no workers; a stack with several is refused.
* By default it accepts 100 connections at once, and waits with ``select``, which is limited to 1024 descriptors. Both
  limits are raised to what gunicorn's workers accept. Idle connections are kept for 120 s.
* It logs a warning whenever a request has to wait for a thread, which under load is nearly every request. Only its
  logger can turn that off, so it is started by a line of Python instead of ``-m waitress``.
* Its manual recommends no settings beyond more threads than its four for apps that wait.

Source: docs.pylonsproject.org/projects/waitress (arguments, design).
"""

from __future__ import annotations

from bakeoff.model import Interface, Stack
from bakeoff.stacks.servers import _common

PACKAGE = "waitress"
INTERFACES: tuple[Interface, ...] = ("wsgi",)
ENVIRONMENT: tuple[str, ...] = ()

CONNECTIONS = 1000
"""Open connections at any time."""

_NEGATABLE = ("expose-tracebacks", "ipv4", "ipv6", "log-socket-errors")
_START = (
    "import logging, sys; from waitress.runner import run; "
    "logging.getLogger('waitress').setLevel('WARNING'); "
    "logging.getLogger('waitress.queue').setLevel('ERROR'); "
    "sys.exit(run())"
)


def command(stack: Stack, host: str, port: int, python: str) -> list[str]:
    """``python -c … `` with Waitress's own arguments; see `Adapter`."""
    _common.check_interface(stack, INTERFACES)
    _common.check_one_process(stack)
    options = _common.combined_options(
        stack,
        fixed={"host": host, "port": port, "threads": stack.threads},
        defaults={
            "backlog": _common.BACKLOG,
            "connection-limit": CONNECTIONS,
            "asyncore-use-poll": True,
        },
        negatable=_NEGATABLE,
    )
    return [python, "-c", _START, *_common.arguments(options, _NEGATABLE), _common.app_path(stack)]
