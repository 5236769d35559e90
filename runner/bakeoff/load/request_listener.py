"""Accounts for the requests of plain Locust users, which are only known from the event when they end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from locust.env import Environment

from bakeoff.load.traffic import Traffic, now_ns


@contextmanager
def listening(environment: Environment, traffic: Traffic) -> Iterator[None]:
    """Meanwhile, each request that a Locust client reports is accounted in the sink that was current when it began.

    Its intended time is its end minus its response time, so latency and service time are equal. A request that the end
    of a slice cuts off is never reported, so it is not counted as offered either.
    """

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

    environment.events.request.add_listener(on_request)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        environment.events.request.remove_listener(on_request)  # type: ignore[no-untyped-call]
