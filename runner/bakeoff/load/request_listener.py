"""Accounts for what only Locust's events tell: the requests of plain Locust users, and exceptions in users' code."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import locust
from locust import User
from locust.env import Environment

from bakeoff.load.client import Client
from bakeoff.load.messages import TASK
from bakeoff.load.traffic import Traffic, now_ns

_OWN_FOLDERS = tuple(str(Path(module_file).parent) for module_file in (locust.__file__, Path(__file__).parent))
"""Code that calls tasks: that of Locust, and of Bakeoff."""


class ErrorsOfUsers:
    """Exceptions that users' code raised in a slice."""

    def __init__(self) -> None:
        self.first: str | None = None
        """What the first was, and where."""


@contextmanager
def listening(environment: Environment, traffic: Traffic) -> Iterator[ErrorsOfUsers]:
    """Meanwhile, each request that a Locust client reports is accounted in the sink that was current when it began.

    Its intended time is its end minus its response time, so latency and service time are equal. A request that the end
    of a slice cuts off is never reported, so it is not counted as offered either.

    An exception in a task or in ``on_start`` counts as a failed request, of the target that the user was using.
    """
    errors = ErrorsOfUsers()

    def on_request(
        request_type: str,
        name: str,
        response_time: float,
        response_length: int,
        exception: BaseException | None = None,
        response: Any = None,
        **_: Any,
    ) -> None:
        done_ns = now_ns()
        began_ns = done_ns - int(response_time * 1e6)
        log = traffic.sink_at(began_ns).log_of(request_type, name)
        log.offered += 1
        if exception is None:
            log.record_right(began_ns, began_ns, done_ns, response_length)
        elif getattr(response, "status_code", 0):
            log.record_wrong(began_ns, done_ns, str(exception))
        else:
            log.record_failure(type(exception).__name__, began_ns, done_ns, str(exception))

    def on_user_error(user_instance: User, exception: BaseException, tb: TracebackType | None, **_: Any) -> None:
        reason = described(exception, tb)
        errors.first = errors.first or reason
        client = getattr(user_instance, "client", None)
        if isinstance(client, Client):
            client.record_task_error(reason)
        else:
            log = traffic.sink.log_of("TASK", TASK)
            log.offered += 1
            at_ns = now_ns()
            log.record_failure("task", at_ns, at_ns, reason)

    environment.events.request.add_listener(on_request)  # type: ignore[no-untyped-call]
    environment.events.user_error.add_listener(on_user_error)  # type: ignore[no-untyped-call]
    try:
        yield errors
    finally:
        environment.events.user_error.remove_listener(on_user_error)  # type: ignore[no-untyped-call]
        environment.events.request.remove_listener(on_request)  # type: ignore[no-untyped-call]


def described(error: BaseException, tb: TracebackType | None) -> str:
    """``KeyError: 'cake', raised in buy (shop.py, line 12)``: the function is the user's own, whatever it called."""
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(tb)]
    own = [place for place in frames if not place[0].co_filename.startswith(_OWN_FOLDERS)]
    message = f"{type(error).__name__}: {error}".removesuffix(": ")
    if not frames:
        return message
    code, line = own[0] if own else frames[-1]
    return f"{message}, raised in {code.co_name} ({Path(code.co_filename).name}, line {line})"
