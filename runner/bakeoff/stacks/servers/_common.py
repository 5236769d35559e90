"""What server adapters share: checks on a stack, and how options are written. Pure.

Servers are configured alike where a default would decide the comparison, and left alone elsewhere:

* access logs are off and the log level is ``warning``: some servers log every request by default, others do not;
* the backlog is the same: no server refuses a burst of connections that another one queues;
* keep-alive times are each server's own. Bakeoff's clients do not reuse a connection that has been idle for longer than
  the shortest of them, so they do not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bakeoff.model import Interface, Stack, UserError

Option = str | int | float | bool

BACKLOG = 2048
"""Connections that may wait to be accepted. The kernel limits it to ``net.core.somaxconn``."""

GRACE_S = 2
"""Seconds that a server may take to finish its requests when it is stopped. None is open by then."""

LOG_LEVEL = "warning"


class StackError(UserError, ValueError):
    """A stack's settings are not possible with its server."""

    def __init__(self, stack: Stack, problem: str) -> None:
        """``problem`` ends with a remedy."""
        super().__init__(f'stack "{stack.name}": {problem}')


def check_interface(stack: Stack, interfaces: Collection[Interface]) -> None:
    """Refuse an app that the server cannot serve. Raises `StackError`."""
    if stack.interface not in interfaces:
        served = " and ".join(interfaces)
        raise StackError(stack, f"{stack.server} serves {served} apps, not {stack.interface}; choose another server")


def check_no_threads(stack: Stack) -> None:
    """Refuse threads that the server would not use: the report would show slots that do not exist.

    Raises `StackError`.
    """
    if stack.threads > 1:
        problem = f"{stack.server} has no threads for {stack.interface} apps; remove threads = {stack.threads}"
        raise StackError(stack, problem)


def check_one_process(stack: Stack) -> None:
    """Refuse workers that the server would not start. Raises `StackError`."""
    if stack.workers > 1:
        remedy = "set workers = 1" + (" and use threads" if stack.interface == "wsgi" else "")
        raise StackError(stack, f"{stack.server} runs one process; {remedy}")


def app_path(stack: Stack) -> str:
    """The import path of the stack's app. Raises `StackError` if it has none."""
    if stack.app is None:
        raise StackError(stack, f'{stack.server} needs an app to serve; set app = "module:attribute"')
    return stack.app


def address(host: str, port: int) -> str:
    """``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def combined_options(
    stack: Stack,
    *,
    fixed: Mapping[str, Option],
    defaults: Mapping[str, Option],
    negatable: Collection[str] = (),
) -> dict[str, Option]:
    """All options of a server: those that only Bakeoff sets, Bakeoff's defaults, and the stack's own over these.

    ``no-x = true`` means ``x = false`` where ``x`` is ``negatable``, so that it replaces a default for ``x``.

    Raises:
        StackError: the stack sets an option that is ``fixed``.
    """
    own = dict(_without_no(name, value, negatable) for name, value in stack.options.items())
    for name in fixed:
        if name in own:
            remedy = "remove it from options; workers, threads and port are settings of the stack itself"
            raise StackError(stack, f'option "{name}" of {stack.server} is set by Bakeoff; {remedy}')
    return {**fixed, **defaults, **own}


def _without_no(name: str, value: Option, negatable: Collection[str]) -> tuple[str, Option]:
    positive = name.removeprefix("no-")
    if positive != name and positive in negatable and isinstance(value, bool):
        return positive, not value
    return name, value


def arguments(options: Mapping[str, Option], negatable: Collection[str] = ()) -> list[str]:
    """Options as arguments: ``--name=value``; ``--name`` for true; for false ``--no-name`` if ``negatable``, else none.

    Name and value are one argument, because a value that starts with a dash would be taken for an option.
    """
    written = []
    for name, value in options.items():
        if value is True:
            written.append(f"--{name}")
        elif value is not False:
            written.append(f"--{name}={value}")
        elif name in negatable:
            written.append(f"--no-{name}")
    return written
