"""Granian, for WSGI and ASGI: HTTP in Rust, the app in Python.

* For WSGI, the stack's threads are its blocking threads (by default half the backlog): with one, requests are served
  one by one, as by gunicorn's ``sync`` worker. For ASGI there is always one.
* It uses uvloop if that is installed. Idle connections are kept for 30 s, the time that headers may take.
* Each worker listens on its own (``SO_REUSEPORT``): the kernel distributes connections by hash, so with few connections
  a worker may have none.
* By default it waits without limit for workers that do not stop.
* It takes a directory with an ``__init__.py`` for a package, and imports the app from the directory above it.
* Its maintainers recommend as many workers as cores, and for WSGI to leave blocking threads alone and to limit requests
  by ``backpressure``, unless an app answers within a millisecond. Here blocking threads are set all the same, because
  it has to be known how many requests run at once: an app that waits needs a stack with many ``threads``.
* Every option can also be set by an environment variable ``GRANIAN_…``.

Source: github.com/emmett-framework/granian (README, sections on workers and threads, backlog, backpressure).
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
    """``python -m granian …``; see `Adapter`."""
    _common.check_interface(stack, INTERFACES)
    if stack.interface == "asgi":
        _common.check_no_threads(stack)
    options = _common.combined_options(
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
    return [python, "-m", "granian", *_common.arguments(options, _NEGATABLE), _common.app_path(stack)]
