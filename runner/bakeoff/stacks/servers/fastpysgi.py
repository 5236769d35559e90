"""FastPySGI, for WSGI: HTTP in C (libuv and llhttp). Young: its options may change with the next version.

* A worker serves one request at a time; it has no threads.
* It also serves ASGI, but version 0.6 ends by a segmentation fault when an app that awaits is asked after a client has
  closed its connection, so this adapter does not offer that.
* Its command line has no workers, so it is started by a few lines of Python. The app is imported once, before the
  workers are forked.
* Its backlog is 2048 unless ``backlog`` is set. It writes no access log below the log level 6.
* Options are the attributes of its ``server``: numbers, as in ``options = { tcp_nodelay = 1 }``.
* Its manual recommends no settings.

Source: github.com/remittor/fastpysgi (README, fastpysgi.py).
"""

from __future__ import annotations

from bakeoff.model import Interface, Stack
from bakeoff.stacks.servers import _common

PACKAGE = "fastpysgi"
INTERFACES: tuple[Interface, ...] = ("wsgi",)
ENVIRONMENT: tuple[str, ...] = ()

_START = """
import importlib, sys, fastpysgi
*options, path = sys.argv[1:]
pairs = (option[2:].partition("=") for option in options)
settings = {name: (int(value) if value.isdigit() else value) if equals else True for name, equals, value in pairs}
address = {name: settings.pop(name) for name in ("host", "port", "workers")}
vars(fastpysgi.server).update(settings)
module, _, attribute = path.partition(":")
fastpysgi.run(getattr(importlib.import_module(module), attribute), **address)
"""


def command(stack: Stack, host: str, port: int, python: str) -> list[str]:
    """``python -c … `` with options that the line of Python reads; see `Adapter`."""
    _common.check_interface(stack, INTERFACES)
    _common.check_no_threads(stack)
    options = _common.combined_options(
        stack,
        fixed={"host": host, "port": port, "workers": stack.workers},
        defaults={"backlog": _common.BACKLOG},
    )
    return [python, "-c", _START, *_common.arguments(options), _common.app_path(stack)]
