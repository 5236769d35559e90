"""uvicorn, for ASGI.

* It uses uvloop and httptools if they are installed (``uvicorn[standard]``); the options ``loop`` and ``http`` choose
  both. Connections are kept for 5 s.
* One worker is the process itself; more are children of a supervisor.
* With several workers, asyncio's own loop does not set ``TCP_NODELAY`` (as of 0.54): on Linux, an answer on a
  connection that is kept takes about 40 ms longer. uvloop sets it.
* Its maintainers recommend ``uvicorn[standard]``, and its own supervisor for several workers.
* It also serves WSGI, but deprecates that, so this adapter does not offer it.
* Every option can also be set by an environment variable ``UVICORN_…``.

Sources: uvicorn.org (deployment, settings), github.com/Kludex/uvicorn/issues/3149.
"""

from __future__ import annotations

from bakeoff.model import Interface, Stack
from bakeoff.stacks.servers import _common

PACKAGE = "uvicorn"
INTERFACES: tuple[Interface, ...] = ("asgi",)
ENVIRONMENT = ("UVICORN_", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS")

_NEGATABLE = ("access-log", "date-header", "proxy-headers", "server-header", "use-colors")


def command(stack: Stack, host: str, port: int, python: str) -> list[str]:
    """``python -m uvicorn …``; see `Adapter`."""
    _common.check_interface(stack, INTERFACES)
    _common.check_no_threads(stack)
    options = _common.combined_options(
        stack,
        fixed={"host": host, "port": port, "workers": stack.workers},
        defaults={
            "backlog": _common.BACKLOG,
            "timeout-graceful-shutdown": _common.GRACE_S,
            "log-level": _common.LOG_LEVEL,
            "access-log": False,
        },
        negatable=_NEGATABLE,
    )
    return [python, "-m", "uvicorn", *_common.arguments(options, _NEGATABLE), _common.app_path(stack)]
