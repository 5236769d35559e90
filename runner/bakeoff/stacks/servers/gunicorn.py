"""gunicorn, for WSGI and, with its own ``asgi`` worker, for ASGI.

* Worker classes: ``sync`` for WSGI, ``gthread`` if the stack has threads, ``asgi`` for ASGI; the option
  ``worker-class`` chooses another. ``sync`` closes every connection after one answer, the others keep it for 2 s.
* The ``asgi`` worker uses uvloop if that is installed. Its HTTP parser is pure Python unless ``gunicorn[fast]`` is
  installed, while uvicorn brings httptools: the options ``asgi-loop`` and ``http-parser`` choose both.
* The ``asgi`` worker listens with asyncio's own backlog of 100 and accepts any number of connections; ``backlog`` and
  ``worker-connections`` have no effect. It checks for a stop signal once a second.
* The worker class ``gevent`` serves up to 1000 requests at a time in each worker, and needs ``gunicorn[gevent]``. It
  patches the app's sockets and sleeps. It has no threads, nor has ``tornado``.
* Its maintainers recommend two to four workers a core for ``sync``, threads for apps that wait, and a proxy before
  ``sync``; workers and threads are the stack's own settings. They also recommend ``worker-tmp-dir = "/dev/shm"`` where
  ``/tmp`` is on a disk.
* The control socket is off: it costs a thread, and all gunicorns of a user share one path in the home directory.
* Environment variables add options (``GUNICORN_CMD_ARGS``) or defaults, or pass on sockets. A ``gunicorn.conf.py`` in
  the stack's directory counts too, where it does not contradict the command line: it belongs to the app, and so to
  what is compared.

Sources: gunicorn.org (design, settings, FAQ).
"""

from __future__ import annotations

from bakeoff.model import Interface, Stack
from bakeoff.stacks.servers import _common

PACKAGE = "gunicorn"
INTERFACES: tuple[Interface, ...] = ("wsgi", "asgi")
ENVIRONMENT = ("GUNICORN_", "WEB_CONCURRENCY", "PORT", "SENDFILE", "FORWARDED_ALLOW_IPS", "LISTEN_FDS", "LISTEN_PID")

SINCE = {"--no-control-socket": "25.1"}

_NEGATABLE = ("control-socket", "sendfile")
_WITHOUT_THREADS = ("gevent", "tornado")
_WSGI_ONLY = ("sync", "gthread", "gevent", "tornado")


def command(stack: Stack, host: str, port: int, python: str) -> list[str]:
    """``python -m gunicorn …``; see `Adapter`."""
    _common.check_interface(stack, INTERFACES)
    if stack.interface == "asgi":
        _common.check_no_threads(stack)
    options = _common.combined_options(
        stack,
        fixed={
            "bind": _common.address(host, port),
            "workers": stack.workers,
            "threads": stack.threads,
            "daemon": False,  # a daemon leaves its session and could not be stopped
        },
        defaults={
            "worker-class": _worker_class(stack),
            "backlog": _common.BACKLOG,
            "graceful-timeout": _common.GRACE_S,
            "log-level": _common.LOG_LEVEL,
            "control-socket": False,
        },
        negatable=_NEGATABLE,
    )
    _check_worker_class(stack, str(options["worker-class"]))
    # Both are on by default and have only a negative form.
    options = {name: value for name, value in options.items() if not (name in _NEGATABLE and value is True)}
    return [python, "-m", "gunicorn", *_common.arguments(options, _NEGATABLE), _common.app_path(stack)]


def _worker_class(stack: Stack) -> str:
    if stack.interface == "asgi":
        return "asgi"
    return "gthread" if stack.threads > 1 else "sync"


def _check_worker_class(stack: Stack, worker_class: str) -> None:
    """Refuse a worker that would start, then fail every request."""
    wrong = _WSGI_ONLY if stack.interface == "asgi" else ("asgi",)
    if worker_class in wrong:
        raise _common.StackError(
            stack,
            f'gunicorn\'s worker class "{worker_class}" cannot serve {stack.interface} apps; remove it from options',
        )
    if worker_class in _WITHOUT_THREADS and stack.threads > 1:
        raise _common.StackError(
            stack, f'gunicorn\'s worker class "{worker_class}" has no threads; remove threads = {stack.threads}'
        )
