"""Accounts for requests in Locust's own statistics, when a scenario runs under plain ``locust -f``."""

from __future__ import annotations

from locust.env import Environment
from locust.exception import CatchResponseError


class LocustLog:
    """One endpoint's requests, each reported to Locust's listeners as it ends."""

    def __init__(self, environment: Environment, method: str, endpoint: str) -> None:
        self.offered = 0
        self.connections = 0
        self._environment = environment
        self._method = method
        self._endpoint = endpoint

    def record_right(self, intended_ns: int, sent_ns: int, done_ns: int, size_bytes: int) -> None:
        """Report a right answer."""
        self._report(done_ns - intended_ns, size_bytes, None)

    def record_wrong(self, intended_ns: int, done_ns: int, reason: str) -> None:
        """Report an answer that the check rejected."""
        self._report(done_ns - intended_ns, 0, CatchResponseError(reason))

    def record_failure(self, kind: str, intended_ns: int, done_ns: int, message: str) -> None:
        """Report a request without an answer."""
        self._report(done_ns - intended_ns, 0, CatchResponseError(f"{kind}: {message}"))

    def record_unfinished(self, intended_ns: int, done_ns: int) -> None:
        """Report nothing: Locust does not count requests that are cut off when it stops."""

    def _report(self, latency_ns: int, size_bytes: int, exception: Exception | None) -> None:
        self._environment.events.request.fire(  # type: ignore[no-untyped-call]
            request_type=self._method,
            name=self._endpoint,
            response_time=latency_ns / 1e6,
            response_length=size_bytes,
            exception=exception,
            context={},
        )


class LocustSink:
    """Logs that report to Locust, one an endpoint and method."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._logs: dict[tuple[str, str], LocustLog] = {}

    def log_of(self, method: str, endpoint: str) -> LocustLog:
        """The log of an endpoint, made at its first request."""
        key = (method, endpoint)
        log = self._logs.get(key)
        if log is None:
            log = self._logs[key] = LocustLog(self._environment, method, endpoint)
        return log
