"""Accounts for users of Locust's own classes, whose requests are only heard of when they end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from locust import User
from locust.env import Environment

from bakeoff.load.traffic import Traffic, now_ns
from bakeoff.load.user import BakeoffUser


def is_foreign(user_class: type[User]) -> bool:
    """Whether a user class sends requests by a client that Bakeoff does not know from the inside."""
    return not issubclass(user_class, BakeoffUser)


@contextmanager
def overheard(environment: Environment, traffic: Traffic) -> Iterator[None]:
    """While this lasts, requests that Locust's clients report are accounted in the sink in which they began.

    Their intended time is reckoned back from the end, so latency and service time are one. A request that is cut off by
    the end of a slice is never reported, and so not offered either.
    """

    def hear(
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

    environment.events.request.add_listener(hear)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        environment.events.request.remove_listener(hear)  # type: ignore[no-untyped-call]
