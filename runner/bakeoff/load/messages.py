"""What the harness and its load-generating child say to each other: one JSON object a line over a socket pair."""

from __future__ import annotations

from typing import Any

import msgspec

from bakeoff.model import HistogramKind, Load, Scenario, Struct, Tally


class UseScenario(Struct, frozen=True, kw_only=True, tag="use"):
    """Load a scenario's Locust file, or build one from its requests."""

    scenario: Scenario


class Ask(Struct, frozen=True, kw_only=True, tag="ask"):
    """Run every task of a scenario once against a target, and say what it answered."""

    scenario: str
    url: str


class Drive(Struct, frozen=True, kw_only=True, tag="drive"):
    """Drive one slice."""

    scenario: str
    url: str
    load: Load
    seed: int
    warmup_s: float
    slice_s: float
    latencies_per_slice: float
    """A slice lasts at least this many mean latencies, as seen in the warm-up."""
    max_slice_s: float
    timeout_s: float
    max_connections: int
    queue_limit_s: float


class Stop(Struct, frozen=True, kw_only=True, tag="stop"):
    """End the child."""


Order = UseScenario | Ask | Drive | Stop


class Ready(Struct, frozen=True, kw_only=True, tag="ready"):
    """The child, or the scenario it was told to use, is ready."""


class Answer(Struct, frozen=True, kw_only=True):
    """One answer, to be compared between stacks."""

    endpoint: str
    method: str
    path: str
    status: int
    body: str
    problem: str | None = None
    """Why it is no right answer, if it is none."""


class Answers(Struct, frozen=True, kw_only=True, tag="answers"):
    """All answers to an `Ask`, in the order of the scenario's tasks."""

    answers: tuple[Answer, ...]


class WindowOpened(Struct, frozen=True, kw_only=True, tag="opened"):
    """The warm-up is over; from now on requests count."""

    slice_s: float


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
    tallies: tuple[Tally, ...]
    around: tuple[Tally, ...] = ()
    """Requests that began before or after the window; with ``tallies`` all that the target was ever sent."""
    origin_ns: int = 0
    """Open loop: the moment from which arrival times count, on the clock of ``time.perf_counter_ns``."""
    opened_ns: int = 0
    """When the window opened, on the same clock."""


class Trouble(Struct, frozen=True, kw_only=True, tag="trouble"):
    """The child could not do what it was told, through no fault of the target."""

    message: str
    users_mistake: bool = False


Report = Ready | Answers | WindowOpened | WindowClosed | Tick | Second | Driven | Trouble

order_decoder = msgspec.json.Decoder(Order)
report_decoder = msgspec.json.Decoder(Report)


def line(message: Any) -> bytes:
    """A message as one line."""
    return msgspec.json.encode(message) + b"\n"
