"""Hypercorn, for ASGI: HTTP in pure Python (h11), and HTTP/2.

* Its event loop is asyncio's own; ``worker-class = "uvloop"`` chooses the other. Connections are kept for 5 s and
  closed after 1000 requests, which no option changes.
* It queues 100 connections by default, the fewest of all servers, and drops the rest of a burst.
* It also serves WSGI, on a thread pool whose size no option changes. This adapter does not offer that, because a stack
  could not say how many requests run at once.
* Its manual recommends uvloop where that is installed, and no other settings.

Sources: hypercorn.readthedocs.io (configuring, worker types).
"""

from __future__ import annotations

from bakeoff.model import Interface, Stack
from bakeoff.stacks.servers import _common

PACKAGE = "hypercorn"
INTERFACES: tuple[Interface, ...] = ("asgi",)
ENVIRONMENT: tuple[str, ...] = ()


def command(stack: Stack, host: str, port: int, python: str) -> list[str]:
    """``python -m hypercorn …``; see `Adapter`."""
    _common.check_interface(stack, INTERFACES)
    _common.check_no_threads(stack)
    options = _common.combined_options(
        stack,
        fixed={"bind": _common.address(host, port), "workers": stack.workers},
        defaults={
            "backlog": _common.BACKLOG,
            "graceful-timeout": _common.GRACE_S,
            "log-level": _common.LOG_LEVEL,
        },
    )
    return [python, "-m", "hypercorn", *_common.arguments(options), _common.app_path(stack)]
