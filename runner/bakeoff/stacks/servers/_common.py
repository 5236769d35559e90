"""What server adapters share: the checks on a stack and the way options are written. Pure.

Servers are made equal where a default would decide the comparison, and left alone elsewhere:

* access logs are off and the log level is ``warning``: a log line for every request is work that some servers do by
  default and others do not;
* the backlog is the same, so that no server refuses a burst which another one queues;
* keep-alive times are each server's own. Bakeoff's clients do not reuse a connection that has been idle for longer
  than the shortest of them, so these times decide nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bakeoff.model import Interface, Stack, UserError

Option = str | int | float | bool

BACKLOG = 2048
"""Connections that may wait to be accepted. The kernel cuts it down to ``net.core.somaxconn``."""

GRACE_S = 2
"""Seconds that a server may take to finish its requests when it is stopped. They are drained by then."""

LOG_LEVEL = "warning"


class StackError(UserError, ValueError):
    """A stack asks its server for something that it cannot do; one line, with a remedy."""

    def __init__(self, stack: Stack, problem: str) -> None:
        super().__init__(f'stack "{stack.name}": {problem}')


def check_interface(stack: Stack, interfaces: Collection[Interface]) -> None:
    """Refuse an app that the server cannot serve."""
    if stack.interface not in interfaces:
        served = " and ".join(interfaces)
        raise StackError(stack, f"{stack.server} serves {served} apps, not {stack.interface}; choose another server")


def check_threads(stack: Stack) -> None:
    """Refuse threads where the server has no use for them: the report would show slots that do not exist."""
    if stack.threads > 1:
        problem = f"{stack.server} has no threads for {stack.interface} apps; remove threads = {stack.threads}"
        raise StackError(stack, problem)


def app_path(stack: Stack) -> str:
    """The import path of the stack's app."""
    if stack.app is None:
        raise StackError(stack, f'{stack.server} needs an app to serve; set app = "module:attribute"')
    return stack.app


def address(host: str, port: int) -> str:
    """``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def combined(
    stack: Stack,
    *,
    fixed: Mapping[str, Option],
    defaults: Mapping[str, Option],
    negatable: Collection[str] = (),
) -> dict[str, Option]:
    """All options of a server: Bakeoff's defaults, over them the stack's own, and those that only Bakeoff sets.

    ``no-x = true`` means ``x = false`` where ``x`` is one of ``negatable``, so that it replaces a default for ``x``.
    """
    own = dict(_positive(name, value, negatable) for name, value in stack.options.items())
    for name in fixed:
        if name in own:
            remedy = "remove it from options; workers, threads and port are settings of the stack itself"
            raise StackError(stack, f'option "{name}" of {stack.server} is set by Bakeoff; {remedy}')
    return {**fixed, **defaults, **own}


def _positive(name: str, value: Option, negatable: Collection[str]) -> tuple[str, Option]:
    positive = name.removeprefix("no-")
    if positive != name and positive in negatable and isinstance(value, bool):
        return positive, not value
    return name, value


def rendered(options: Mapping[str, Option], negatable: Collection[str] = ()) -> list[str]:
    """Options as arguments: ``--name=value``, or ``--name`` when true; when false, ``--no-name`` if there is one.

    Name and value are one argument, because a value of its own that starts with a dash would pass for an option.
    """
    arguments = []
    for name, value in options.items():
        if value is True:
            arguments.append(f"--{name}")
        elif value is not False:
            arguments.append(f"--{name}={value}")
        elif name in negatable:
            arguments.append(f"--no-{name}")
    return arguments
