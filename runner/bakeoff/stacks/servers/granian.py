"""Granian, for WSGI and ASGI: HTTP in Rust, the app in Python.

* The stack's threads are its blocking threads for WSGI, half the backlog if it were left alone: with one, requests
  are served one by one as by gunicorn's ``sync`` worker. For ASGI there is one, always.
* It takes uvloop if it is installed. An idle connection is kept for as long as headers may take: 30 s.
* Each worker listens for itself (``SO_REUSEPORT``): the kernel deals connections out by hash, so few connections may
  leave a worker without any.
* By default it waits for ever for workers that do not stop.
* Every option has an environment variable ``GRANIAN_…``; whoever starts the command must remove them.
"""

from __future__ import annotations

from bakeoff.model import Interface, Stack
from bakeoff.stacks.servers import _common

PACKAGE = "granian"
INTERFACES: tuple[Interface, ...] = ("wsgi", "asgi")
ENVIRONMENT = ("GRANIAN_",)

_NEGATABLE = (
    "access-log",
    "factory",
    "http1-keep-alive",
    "http1-pipeline-flush",
    "http2-adaptive-window",
    "log",
    "metrics",
    "reload",
    "reload-ignore-worker-failure",
    "respawn-failed-workers",
    "ssl-client-verify",
    "ws",
)


def command(stack: Stack, host: str, port: int, python: str) -> list[str]:
    """``python -m granian …``; see ``bakeoff.stacks.servers.Adapter``."""
    _common.check_interface(stack, INTERFACES)
    if stack.interface == "asgi":
        _common.check_threads(stack)
    options = _common.combined(
        stack,
        fixed={
            "host": host,
            "port": port,
            "interface": stack.interface,
            "workers": stack.workers,
            "blocking-threads": stack.threads,
        },
        defaults={
            "backlog": _common.BACKLOG,
            "workers-kill-timeout": _common.GRACE_S,
            "log-level": _common.LOG_LEVEL,
            "access-log": False,
        },
        negatable=_NEGATABLE,
    )
    return [python, "-m", "granian", *_common.rendered(options, _NEGATABLE), _common.app_path(stack)]
