"""cheroot, CherryPy's server, for WSGI: one process, one thread for the network and the stack's threads for the app.

* It has no workers; a stack with several is refused. Its threads do not become more under load.
* It keeps at most ten idle connections open, which no option changes: with more clients than that, most requests need a
  connection of their own. Idle connections are kept for 10 s.
* Its own backlog is 5, the smallest of all servers. It writes no access log.
* Its manual recommends no settings beyond the number of threads.

Source: cheroot.cherrypy.dev (cheroot.cli, cheroot.server).
"""

from __future__ import annotations

from bakeoff.model import Interface, Stack
from bakeoff.stacks.servers import _common

PACKAGE = "cheroot"
INTERFACES: tuple[Interface, ...] = ("wsgi",)
ENVIRONMENT: tuple[str, ...] = ()


def command(stack: Stack, host: str, port: int, python: str) -> list[str]:
    """``python -m cheroot …``; see `Adapter`."""
    _common.check_interface(stack, INTERFACES)
    _common.check_one_process(stack)
    options = _common.combined_options(
        stack,
        fixed={"bind": _common.address(host, port), "threads": stack.threads},
        defaults={"request-queue-size": _common.BACKLOG, "shutdown-timeout": _common.GRACE_S},
    )
    return [python, "-m", "cheroot", *_common.arguments(options), _common.app_path(stack)]
