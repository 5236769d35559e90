"""Messages between the harness and a generator: orders one way, reports the other; one JSON object a line."""

from __future__ import annotations

from typing import Any

import msgspec

from bakeoff.model import Answer, EndpointCounts, HistogramKind, Load, Scenario, Struct

NOT_SENT = "(not sent)"
"""The endpoint of arrivals that never reached a task, because no connection became free in time."""


TASK = "(task)"
"""The endpoint of errors that a user's code raises, apart from its requests, each of which has its own outcome."""


class UseScenario(Struct, frozen=True, kw_only=True, tag="use"):
    """Load a scenario's Locust file, or build a user class from its requests."""

    scenario: Scenario


class ListSources(Struct, frozen=True, kw_only=True, tag="list-sources"):
    """List the Python files that were imported from some folders."""

    root: str
    """Paths in the answer are relative to this folder."""
    folders: tuple[str, ...]


class Ask(Struct, frozen=True, kw_only=True, tag="ask"):
    """Run every task of a scenario against a target, one request at a time, and return its answers."""

    scenario: str
    url: str
    task_within_s: float = 120.0
    """How long a task may take."""


class Drive(Struct, frozen=True, kw_only=True, tag="drive"):
    """Drive one slice, or one generator's share of it: start, warm up, and report `Warm`."""

    scenario: str
    targets: dict[str, str]
    """URLs by name. Several take turns in a closed loop, and are drawn by each task in an open one; their endpoints are
    counted as ``NAME ENDPOINT``."""
    load: Load
    seed: int
    warmup_s: float
    max_warmup_s: float = 10.0
    """A closed loop's warm-up lasts until every user has had an answer, and no longer than this."""
    timeout_s: float = 10.0
    """How long a slice drains; also after what time the histograms of a second are final."""
    max_connections: int = 256
    """An open loop opens no more."""
    queue_limit_s: float = 5.0
    """An arrival that waits longer for a connection is dropped."""
    share: int = 0
    shares: int = 1
    """Generators that drive one slice together have equal orders, except for their ``share`` of ``shares``."""


class OpenWindow(Struct, frozen=True, kw_only=True, tag="open"):
    """The answer to `Warm`: measure from now on, for ``slice_s`` seconds."""

    slice_s: float


class Stop(Struct, frozen=True, kw_only=True, tag="stop"):
    """End the process."""


Order = UseScenario | ListSources | Ask | Drive | OpenWindow | Stop


class Ready(Struct, frozen=True, kw_only=True, tag="ready"):
    """The generator has started, or has loaded the scenario."""


class Sources(Struct, frozen=True, kw_only=True, tag="sources"):
    """The answer to `ListSources`."""

    digests: dict[str, str]
    """SHA-256 of each file's content, by its relative path."""


class Asked(Struct, frozen=True, kw_only=True, tag="asked"):
    """One more task has run: the generator has not stopped."""


class Answers(Struct, frozen=True, kw_only=True, tag="answers"):
    """The answer to `Ask`, in the order of the scenario's tasks."""

    answers: tuple[Answer, ...]


class Warm(Struct, frozen=True, kw_only=True, tag="warm"):
    """The warm-up is over; the generator waits for `OpenWindow`."""

    mean_latency_s: float
    """As seen in the warm-up; by Little's law in a closed loop."""


class WindowOpened(Struct, frozen=True, kw_only=True, tag="opened"):
    """Requests that begin from now on count."""


class WindowClosed(Struct, frozen=True, kw_only=True, tag="closed"):
    """Requests that begin from now on no longer count."""


class Tick(Struct, frozen=True, kw_only=True, tag="tick"):
    """The rate so far, for the progress bar."""

    elapsed_s: float
    rate_rps: float


class Second(Struct, frozen=True, kw_only=True, tag="second"):
    """A finished histogram: one second of one endpoint."""

    second: int
    endpoint: str
    kind: HistogramKind
    blob: str


class Driven(Struct, frozen=True, kw_only=True, tag="driven"):
    """The slice is over and drained."""

    window_s: float
    warmup_s: float
    cpu_s: float
    """The generator's own CPU time in the window."""
    connections_opened: int
    requests_sent: int
    waited: int
    """Arrivals that found no free connection and had to wait."""
    endpoints: tuple[EndpointCounts, ...]
    warmup: tuple[EndpointCounts, ...] = ()
    drain: tuple[EndpointCounts, ...] = ()
    """Requests that began before and after the window; with ``endpoints`` all that the target was sent."""
    opened_ns: int = 0
    """When the window opened, by ``time.perf_counter_ns`` of the harness's machine; 0 if generators ran elsewhere."""
    generators: int = 1
    """Processes that drove the slice together."""
    opened_within_s: float = 0.0
    """The time within which the windows of all of them opened."""
    users: int | None = None
    """Users of a closed loop that were running when the window closed."""
    user_error: str | None = None
    """The first exception in a user's code, and where it was raised."""
    turns_s: dict[str, float] = {}
    """Where targets took turns: the seconds that all tasks of each took, at the rate of the middle of its turns."""


class GeneratorProblem(Struct, frozen=True, kw_only=True, tag="problem"):
    """The generator could not carry out an order, and the target is not the cause."""

    message: str
    user_error: bool = False


Report = (
    Ready | Sources | Asked | Answers | Warm | WindowOpened | WindowClosed | Tick | Second | Driven | GeneratorProblem
)


class Lost(Struct, frozen=True, kw_only=True):
    """A generator is gone. Never sent: the channel to a generator reports it, and the coordinator a void slice."""

    message: str


order_decoder = msgspec.json.Decoder(Order)
report_decoder = msgspec.json.Decoder(Report)


def line(message: Any) -> bytes:
    """A message as one line of JSON."""
    return msgspec.json.encode(message) + b"\n"
