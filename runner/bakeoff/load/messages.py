"""What the harness and its load-generating child say to each other: one JSON object a line over a socket pair."""

from __future__ import annotations

from typing import Any

import msgspec

from bakeoff.model import Answer, EndpointCounts, HistogramKind, Load, Scenario, Struct

NOT_SENT = "(not sent)"
"""The endpoint of arrivals that never reached a task, because no connection came free in time."""


class UseScenario(Struct, frozen=True, kw_only=True, tag="use"):
    """Load a scenario's Locust file, or build one from its requests."""

    scenario: Scenario


class Ask(Struct, frozen=True, kw_only=True, tag="ask"):
    """Run every task of a scenario against a target, one request at a time, and say what it answered."""

    scenario: str
    url: str


class Drive(Struct, frozen=True, kw_only=True, tag="drive"):
    """Drive one slice, or one generator's share of it: start, warm up, and say so."""

    scenario: str
    targets: dict[str, str]
    """URLs by name. Several are a duet: each task draws its target, and endpoints are counted as ``NAME ENDPOINT``."""
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
    """Several generators that drive one slice together have equal orders, but for their ``share`` of ``shares``."""


class OpenWindow(Struct, frozen=True, kw_only=True, tag="open"):
    """The answer to `Warm`: measure from now on, for so long."""

    slice_s: float


class Stop(Struct, frozen=True, kw_only=True, tag="stop"):
    """End the child."""


Order = UseScenario | Ask | Drive | OpenWindow | Stop


class Ready(Struct, frozen=True, kw_only=True, tag="ready"):
    """The child, or the scenario it was told to use, is ready."""


class Answers(Struct, frozen=True, kw_only=True, tag="answers"):
    """All answers to an `Ask`, in the order of the scenario's tasks."""

    answers: tuple[Answer, ...]


class Warm(Struct, frozen=True, kw_only=True, tag="warm"):
    """The warm-up is over; the window opens when told to."""

    mean_latency_s: float
    """As seen in the warm-up; by Little's law in a closed loop."""


class WindowOpened(Struct, frozen=True, kw_only=True, tag="opened"):
    """From now on requests count."""


class WindowClosed(Struct, frozen=True, kw_only=True, tag="closed"):
    """Requests that begin from now on no longer count."""


class Tick(Struct, frozen=True, kw_only=True, tag="tick"):
    """What is going on, for the progress bar."""

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
    """The child's own CPU time in the window."""
    connections_opened: int
    requests_sent: int
    waited: int
    """Arrivals that found no free connection and had to wait."""
    endpoints: tuple[EndpointCounts, ...]
    warmup: tuple[EndpointCounts, ...] = ()
    drain: tuple[EndpointCounts, ...] = ()
    """Requests that began before and after the window; with ``endpoint_counts`` all that the target was ever sent."""
    opened_ns: int = 0
    """When the window opened, on the clock of ``time.perf_counter_ns``; its arrival times count from this moment."""
    generators: int = 1
    """Processes that drove the slice together."""
    opened_within_s: float = 0.0
    """The time within which the windows of all of them opened."""


class Trouble(Struct, frozen=True, kw_only=True, tag="trouble"):
    """The child could not do what it was told, through no fault of the target."""

    message: str
    users_mistake: bool = False


class Lost(Struct, frozen=True, kw_only=True, tag="lost"):
    """One of several generators ended in the middle of a slice, which is void; those that are left are ready."""

    message: str


Report = Ready | Answers | Warm | WindowOpened | WindowClosed | Tick | Second | Driven | Trouble | Lost

order_decoder = msgspec.json.Decoder(Order)
report_decoder = msgspec.json.Decoder(Report)


def line(message: Any) -> bytes:
    """A message as one line."""
    return msgspec.json.encode(message) + b"\n"
