"""A lean HTTP/1.1 client for users on gevent: one connection, kept open, and no copies on the way.

A complete answer with a content length, the common case, is cut out of the received bytes; everything else (chunked
bodies, answers in pieces, interim answers) goes through `AnswerReader`.

A task never gets an exception from the network: the error is in the answer's ``error``, and the request's outcome. An
answer is believed only if it is complete and HTTP/1.1 to the letter; a request is never sent twice.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import gevent
import msgspec

from bakeoff.load.messages import TASK
from bakeoff.load.reading import AnswerReader
from bakeoff.load.recorder import EndpointLog, Sink
from bakeoff.load.response import RequestError, Response
from bakeoff.load.traffic import Traffic, nothing, now_ns
from bakeoff.load.wire import PlainWire, TlsWire, Wire

MAX_IDLE_NS = 1_000_000_000
"""An idle connection older than this is not used again, lest the server close it at the same moment.

Below the keep-alive times of gunicorn (2 s) and uvicorn (5 s).
"""

FAILURE_PAUSE_S = 0.001
"""How long a user pauses after a request without an answer."""

Check = Callable[[Response], bool | str | None]
"""Decides whether an answer is right: ``None`` or ``True`` when it is; ``False`` or a reason when it is not."""


def default_check(response: Response) -> bool | str:
    """An answer is right when its status is below 400."""
    return response.status_code < 400 or f"status {response.status_code}"


class Client:
    """What a user calls: ``self.client.get("/cake")``. One connection; one request at a time."""

    def __init__(
        self,
        base_url: str,
        traffic: Traffic,
        check: Check = default_check,
        timeout_s: float = 10.0,
        *,
        label: str = "",
    ) -> None:
        """``base_url`` is ``http[s]://host[:port][/prefix]``; ``timeout_s`` bounds each request unless it has its own.

        ``label`` is put before the name of each endpoint. Raises ``ValueError`` for any other URL.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{base_url!r} is not an http or https URL, such as http://127.0.0.1:8000")
        parts.hostname.encode("idna")  # Raises UnicodeError, which is a ValueError.
        self.base_url = base_url.rstrip("/")
        self._label = label
        self._intended_ns = 0
        """The intended send time of the next request; 0 for "now"."""
        self.log: EndpointLog | None = None
        """Where the request under way is accounted; ``None`` between requests."""
        self.deadline_ns = 0
        self.wire: Wire | None = None
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._address = (parts.hostname, parts.port or (443 if self._tls else 80))
        self._prefix = parts.path.rstrip("/")
        self._host = parts.netloc.rpartition("@")[2].encode()
        self._traffic = traffic
        self._check = check
        self._timeout_ns = int(timeout_s * 1e9)
        self._on_connected: Callable[[], None] = nothing
        self.last_used_ns = 0
        """When the last request ended; 0 before that."""
        self._requests: dict[tuple[str, str], bytes] = {}
        traffic.clients.add(self)

    def schedule(self, intended_ns: int) -> None:
        """Set the intended send time of the next request, on the clock of `now_ns`."""
        self._intended_ns = intended_ns

    def when_connected(self, callback: Callable[[], None]) -> None:
        """Call back whenever an attempt to connect has ended, successful or not."""
        self._on_connected = callback

    def get(self, path: str, **options: Any) -> Response:
        """GET. The options are those of `request`."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Response:
        """POST."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Response:
        """PUT."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Response:
        """PATCH."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Response:
        """DELETE."""
        return self.request("DELETE", path, **options)

    def head(self, path: str, **options: Any) -> Response:
        """HEAD."""
        return self.request("HEAD", path, **options)

    def request(
        self,
        method: str,
        path: str,
        *,
        name: str | None = None,
        check: Check | None = None,
        timeout: float | None = None,
        **content: Any,
    ) -> Response:
        """Send one request, wait for its answer, account for it, and return the answer.

        A check that raises has rejected the answer. A mistake in the arguments raises, and then nothing was offered.

        ``name`` is the endpoint it is counted under (the path without its query by default), ``check`` decides whether
        the answer is right, ``timeout`` is in seconds. ``content`` may hold ``params``, ``headers``, ``json`` or
        ``data``.
        """
        message = self._message(method, path, content)
        sink, intended_ns = self._take_intended()
        log = sink.log_of(method, self._label + (name or path.partition("?")[0]))
        log.offered += 1
        self.log = log
        self.deadline_ns = intended_ns + (self._timeout_ns if timeout is None else int(timeout * 1e9))
        sent_ns = intended_ns
        try:
            wire = self._connected(log)
            sent_ns = now_ns()
            wire.send(message)
            response = self._receive(wire, method)
            done_ns = wire.received_ns
        except (OSError, RequestError) as error:
            response = Response(0, b"", b"", self._failed(error))
            done_ns = now_ns()
        except BaseException:  # The user is killed, or the task limits itself by a `gevent.Timeout`.
            log.record_unfinished(intended_ns, now_ns())
            self.log = None
            self.close()  # A late answer could be taken for that of the next request.
            raise
        self.last_used_ns = done_ns
        self.log = None
        response.url = path
        response.elapsed_s = (done_ns - intended_ns) / 1e9
        if response.error is not None:
            log.record_failure(response.error.kind, intended_ns, done_ns, str(response.error))
            # A refused connection fails without waiting: let others run, or a dead server would stop the whole loop.
            gevent.sleep(FAILURE_PAUSE_S)
            return response
        try:
            verdict = (check or self._check)(response)
        except Exception as error:
            verdict = f"the check raised {type(error).__name__}: {error}"
        except BaseException:  # Likewise: a check may wait.
            log.record_unfinished(intended_ns, done_ns)
            raise
        if verdict is None or verdict is True:
            log.record_right(intended_ns, sent_ns, done_ns, len(response.content))
        else:
            log.record_wrong(intended_ns, done_ns, verdict or "the scenario's check returned False")
        return response

    def record_task_error(self, reason: str) -> None:
        """Count an exception in a task as a failed request: that of an arrival, if the task had not sent it yet."""
        sink, intended_ns = self._take_intended()
        log = sink.log_of("TASK", self._label + TASK)
        log.offered += 1
        log.record_failure("task", intended_ns, now_ns(), reason)

    def _take_intended(self) -> tuple[Sink, int]:
        """The intended send time of a request that begins now, and where it is accounted."""
        traffic = self._traffic
        intended_ns = self._intended_ns
        if not intended_ns:
            return traffic.sink, now_ns()
        self._intended_ns = 0
        if intended_ns < traffic.sink_since_ns:  # It waited in the queue while the slice went on.
            return traffic.sink_at(intended_ns), intended_ns
        return traffic.sink, intended_ns

    def expire(self, at_ns: int) -> None:
        """Abort the request under way if its deadline has passed."""
        if self.log is not None and at_ns > self.deadline_ns and self.wire is not None:
            self.wire.abort(RequestError("timeout", "no answer in time"))

    def leave(self) -> None:
        """Close the connection and stop watching deadlines: the user has stopped."""
        self.close()
        self._traffic.clients.discard(self)

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    def _message(self, method: str, path: str, content: Mapping[str, Any]) -> bytes:
        if content:
            return self._build(method, path, **content)
        key = (method, path)
        message = self._requests.get(key)
        if message is None:
            if len(self._requests) > 1000:
                self._requests.clear()
            message = self._requests[key] = self._build(method, path)
        return message

    def _build(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: str | bytes | Mapping[str, Any] | None = None,
    ) -> bytes:
        fields = {"host": self._host.decode(), "user-agent": "bakeoff", "accept": "*/*"}
        body = b""
        if json is not None:
            body = msgspec.json.encode(json)
            fields["content-type"] = "application/json"
        elif isinstance(data, Mapping):
            body = urlencode(data, doseq=True).encode()
            fields["content-type"] = "application/x-www-form-urlencoded"
        elif data is not None:
            body = data.encode() if isinstance(data, str) else data
        if body or method in ("POST", "PUT", "PATCH"):
            fields["content-length"] = str(len(body))
        fields.update((key.lower(), value) for key, value in (headers or {}).items())
        target = self._prefix + path
        if params:
            target += ("&" if "?" in target else "?") + urlencode(params, doseq=True)
        lines = [f"{method} {target} HTTP/1.1", *(f"{key}: {value}" for key, value in fields.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1") + body

    def _connected(self, log: EndpointLog) -> Wire:
        wire = self.wire
        if wire is not None:
            if wire.usable and now_ns() - self.last_used_ns < MAX_IDLE_NS:
                return wire
            self.close()
        log.connections += 1
        timeout_s = max(0.001, (self.deadline_ns - now_ns()) / 1e9)
        inbox = self._traffic.inbox
        try:
            with gevent.Timeout(timeout_s, RequestError("timeout", "no connection in time")):
                wire = (
                    PlainWire(self._address, inbox) if self._tls is None else TlsWire(self._address, inbox, self._tls)
                )
        finally:
            self._on_connected()
        self.wire = wire
        return wire

    def _receive(self, wire: Wire, method: str) -> Response:
        heads = self._traffic.heads
        data = wire.receive()
        end = data.find(b"\r\n\r\n")
        if end > 0 and method != "HEAD":
            head = heads[data[:end]]
            if head.whole_bytes == len(data) - end - 4:
                return Response(head.status, head.fields, data[end + 4 :])
        reader = AnswerReader(wire, heads, data, self.deadline_ns)
        response = reader.read(method)
        if not reader.keeps_alive:
            self.close()
        return response

    def _failed(self, error: Exception) -> RequestError:
        self.close()
        if isinstance(error, RequestError):
            return error
        if isinstance(error, TimeoutError):
            return RequestError("timeout", "no connection in time")
        kinds = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "reset", errno.EPIPE: "reset"}
        number = error.errno if isinstance(error, OSError) else None
        return RequestError(kinds.get(number or 0, "network"), str(error))
