"""uWSGI, for WSGI: HTTP and processes in C. ``pyuwsgi`` is the same as a Python extension, in wheels.

* It is exposed directly, so ``http`` is used, as its maintainers advise: a process of its own speaks HTTP, keeps
  connections open, and passes requests on to the workers. Behind a proxy they advise ``http-socket``, where workers
  speak HTTP themselves and close every connection: that takes a stack with a ``command``.
* From "Things to know" and from the production notes of a large user that its manual recommends: a master, threads that
  run beside requests, one interpreter, an end where the app cannot be imported or an option is not known, and a lock
  around ``accept``, so that one connection does not wake every worker.
* Answers without a length are sent in chunks; otherwise they would end with their connection, and it could not be kept.
* It does not start with a backlog above ``net.core.somaxconn``: where that is small, set the option ``listen``.
* The app is imported once, before the workers are forked, so that they share its memory; ``lazy-apps`` changes that.
* Every option can also be set by an environment variable ``UWSGI_…``.

Sources: uwsgi-docs.readthedocs.io (ThingsToKnow, HTTP, articles/SerializingAccept).
"""

from __future__ import annotations

from bakeoff.model import Interface, Stack
from bakeoff.stacks.servers import _common

PACKAGE = "pyuwsgi"
INTERFACES: tuple[Interface, ...] = ("wsgi",)
ENVIRONMENT = ("UWSGI_",)

_START = "import pyuwsgi; pyuwsgi.run()"


def command(stack: Stack, host: str, port: int, python: str) -> list[str]:
    """``python -c … `` with uWSGI's own arguments; see `Adapter`."""
    _common.check_interface(stack, INTERFACES)
    options = _common.combined_options(
        stack,
        fixed={
            "http": _common.address(host, port),
            "workers": stack.workers,
            "threads": stack.threads,
            "daemonize": False,  # a daemon leaves its session and could not be stopped
        },
        defaults={
            "listen": _common.BACKLOG,
            "http-keepalive": True,
            "http-auto-chunked": True,
            "master": True,
            "enable-threads": True,
            "single-interpreter": True,
            "need-app": True,
            "strict": True,
            "thunder-lock": True,
            "disable-logging": True,
        },
    )
    return [python, "-c", _START, *_common.arguments(options), f"--module={_common.app_path(stack)}"]
