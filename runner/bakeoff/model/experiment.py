"""What users write: stacks, scenarios, loads, the gate's settings, and the experiment that holds them.

Constraints are checked when a value is decoded or converted (`msgspec.Meta`), rules over several fields also when it is
constructed; then they raise `ValueError`.
"""

from __future__ import annotations

import enum
import re
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from bakeoff.model.base import Arrivals, Compare, GateMetric, Interface, Metric, Struct

Count = Annotated[int, Meta(ge=1)]
Positive = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
Port = Annotated[int, Meta(ge=1, le=65_535)]

_URL = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?/?")


class Stack(Struct, frozen=True, kw_only=True):
    """An app, the server that runs it, and the server's settings."""

    name: str
    interface: Interface
    app: str | None = None
    """Import path of the application, ``module:attribute``."""
    server: str | None = None
    """Name of a server adapter; ``None`` when ``command`` is given."""
    workers: Count = 1
    threads: Count = 1
    options: dict[str, str | int | float | bool] = {}
    """Passed to the server as its own command-line options."""
    env: dict[str, str] = {}
    command: tuple[str, ...] = ()
    """A whole command line instead of ``app`` and ``server``; ``{host}``, ``{port}`` and ``{python}`` are
    filled in."""
    ready: str | None = None
    """Path that answers with a status of success (2xx) as soon as the stack can serve; without one, any answer to
    ``first_path`` will do."""
    first_path: str = "/"
    """Path of the first request that the experiment declares."""
    port: Port | None = None
    """A fixed port; by default a free one is drawn."""
    directory: str = "."
    """Absolute path the server is started in, and from which the app is imported."""
    python: str | None = None
    """The interpreter that runs the server, as a path or a version (``3.12``); by default that of the project's own
    ``.venv``, or else the one that runs Bakeoff."""
    packages: tuple[str, ...] = ()
    """Requirements of an environment of the stack's own: ``uvicorn==0.34``, ``.``, ``-r requirements.txt``."""
    url: str | None = None
    """Where the stack runs already, ``https://staging.example``: nothing is started or stopped."""

    def __post_init__(self) -> None:
        if self.url is not None:
            own = (self.app, self.server, self.options, self.env, self.command, self.port, self.python, self.packages)
            if any(own) or self.workers > 1 or self.threads > 1:
                raise ValueError("a stack with a url runs already; besides url it has interface and ready only")
            if not _URL.fullmatch(self.url):
                raise ValueError("url must be scheme and host only, such as https://staging.example:8443")
        if self.command and (self.app or self.server):
            raise ValueError("has both a command and an app with a server; keep one of the two")
        if self.command and not any("{port}" in argument for argument in self.command):
            raise ValueError("command must say {port} where the port goes")


class Request(Struct, frozen=True, kw_only=True):
    """One request of a scenario that needs no Python."""

    method: str
    path: str
    weight: Count = 1
    name: str | None = None
    json: Any = None
    data: str | None = None
    headers: dict[str, str] = {}
    status: int = 200
    """The status that counts as a right answer."""
    compare: Compare | None = None
    """What has to be equal on all stacks; by default what the scenario says."""

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError("path must begin with /")


class Scenario(Struct, frozen=True, kw_only=True):
    """What clients do: a Locust file, or a list of requests."""

    name: str
    locustfile: str | None = None
    """Absolute path."""
    requests: tuple[Request, ...] = ()
    compare: Compare | None = None
    """What has to be equal on all stacks; by default what the experiment says."""

    def __post_init__(self) -> None:
        if self.locustfile is not None and self.requests:
            raise ValueError("has both a locustfile and requests; keep one of the two")


class ClosedLoad(Struct, frozen=True, kw_only=True, tag="users", tag_field="kind"):
    """A fixed number of users, each of which sends its next request when it has the answer to the last."""

    users: Count
    think_s: NonNegative = 0.0


class Stage(Struct, frozen=True, kw_only=True):
    """A stretch of an open loop: a step where the two rates are equal, else a ramp."""

    for_s: Positive
    rate_rps: NonNegative
    to_rps: NonNegative


class OpenLoad(Struct, frozen=True, kw_only=True, tag="rate", tag_field="kind"):
    """Arrivals at a given rate, whatever the server does."""

    rate_rps: Positive
    """The rate; with stages, that after the last of them."""
    arrivals: Arrivals = "poisson"
    stages: tuple[Stage, ...] = ()
    """Rates that change within the slice, which then lasts as long as they do."""

    def __post_init__(self) -> None:
        if self.stages and not any(stage.rate_rps or stage.to_rps for stage in self.stages):
            raise ValueError("at least one stage must have a rate above 0")

    @property
    def mean_rate_rps(self) -> float:
        """Arrivals a second over a whole slice: with stages, their mean rate weighted by their lengths."""
        if not self.stages:
            return self.rate_rps
        arrivals = sum((stage.rate_rps + stage.to_rps) / 2 * stage.for_s for stage in self.stages)
        return arrivals / sum(stage.for_s for stage in self.stages)


Load = ClosedLoad | OpenLoad


class Condition(NamedTuple):
    """One scenario at one load, under which every stack is measured."""

    scenario: str
    load: Load

    @property
    def main_metric(self) -> Metric:
        """What tells stacks apart: throughput when users wait for answers, else how long an answer takes."""
        return "throughput" if isinstance(self.load, ClosedLoad) else "latency_p50"


def load_title(load: Load) -> str:
    """A load as a short title, different for any two loads: ``64 users``, ``50/s``, ``10 to 200/s over 4 s``."""
    return _described(load, "/s")


def load_words(load: Load) -> str:
    """A load within a sentence: ``64 users``, ``50 requests a second``, ``10 to 200 requests a second over 4 s``."""
    return _described(load, " requests a second")


def _described(load: Load, unit: str) -> str:
    if isinstance(load, ClosedLoad):
        users = "1 user" if load.users == 1 else f"{load.users} users"
        return users + (f", {load.think_s:g} s apart" if load.think_s else "")
    rates = ", then ".join(_stage_described(stage, unit) for stage in load.stages) or f"{load.rate_rps:g}{unit}"
    return rates + (", evenly spaced" if load.arrivals == "constant" else "")


def _stage_described(stage: Stage, unit: str) -> str:
    if stage.rate_rps == stage.to_rps:
        return f"{stage.rate_rps:g}{unit} for {stage.for_s:g} s"
    return f"{stage.rate_rps:g} to {stage.to_rps:g}{unit} over {stage.for_s:g} s"


class Role(enum.StrEnum):
    """What a metric means for a gate's verdict."""

    REQUIRED = "required"
    """A pass needs it."""
    ADVISORY = "advisory"
    """It may be a regression, but a pass does not need it."""
    INFORMATIONAL = "informational"
    """It is reported and never decides."""

    @classmethod
    def _missing_(cls, value: object) -> Role | None:
        """The role by the name that it had in earlier versions."""
        earlier = {"deciding": cls.REQUIRED, "confirmable": cls.ADVISORY, "shown": cls.INFORMATIONAL}
        return earlier.get(value) if isinstance(value, str) else None


class Tolerance(Struct, frozen=True, kw_only=True):
    """How much worse the head may be on one metric of a gate, as shares of the base's value."""

    limit: float
    """What is tolerated: a pass shows that the change is smaller."""
    floor: float
    """What is noise by definition: a regression shows that the change is larger."""
    role: Role = Role.REQUIRED

    def __post_init__(self) -> None:
        if not 0 <= self.floor < self.limit:
            raise ValueError(f"floor ({self.floor:g}) must be at least 0 and below limit ({self.limit:g})")


def default_tolerances() -> dict[GateMetric, Tolerance]:
    """What a gate tolerates where the file does not say."""
    return {
        "cpu_per_request": Tolerance(limit=0.02, floor=0.005),
        "latency_p50": Tolerance(limit=0.03, floor=0.01),
        "latency_p90": Tolerance(limit=0.05, floor=0.02, role=Role.ADVISORY),
        "latency_p99": Tolerance(limit=0.10, floor=0.03, role=Role.ADVISORY),
        "memory": Tolerance(limit=0.10, floor=0.03, role=Role.ADVISORY),
        "throughput": Tolerance(limit=0.05, floor=0.02, role=Role.INFORMATIONAL),
        "start_up": Tolerance(limit=0.25, floor=0.10, role=Role.INFORMATIONAL),
    }


class GateSettings(Struct, frozen=True, kw_only=True):
    """``[gate]``: how a base and a head are compared."""

    stack: str | None = None
    """The stack whose app is compared; by default the only one, or the baseline."""
    scenario: str | None = None
    requirements: tuple[str, ...] = ()
    """Requirement files, relative to a revision's root, that its environment is built from, and nothing else; by
    default each revision is installed as its own files say."""
    extras: tuple[str, ...] = ()
    """Extras of the project that are installed too."""
    groups: tuple[str, ...] = ()
    """Groups of dependencies that are installed too."""
    install: str | None = None
    """A command that installs a revision into the environment that is active when it runs."""
    budget_s: Positive = 120.0
    users: Count = 32
    rate_rps: Positive | None = None
    """Arrivals a second of the open loop; by default a share of the throughput that a probe measures."""
    closed_s: Positive = 0.6
    """Length of the window of a block's closed loop, in which base and head take turns."""
    open_s: Positive = 2.4
    """Length of the window of a block's open loop."""
    tolerances: dict[GateMetric, Tolerance] = msgspec.field(default_factory=default_tolerances)


class Experiment(Struct, frozen=True, kw_only=True):
    """Stacks x scenarios x loads x blocks: everything that is to be measured, with every default filled in."""

    name: str
    baseline: str
    stacks: tuple[Stack, ...]
    scenarios: tuple[Scenario, ...]
    loads: tuple[Load, ...] = (ClosedLoad(users=64), OpenLoad(rate_rps=50.0))
    blocks: Count
    passes: Count = 2
    """Slices per stack and load in a block. Two make a palindrome (ABBA); one is a random order."""
    slice_s: Positive = 3.0
    """The least length of a slice; a slice is longer where latency demands it (see ``plan.slice_length_s``)."""
    warmup_s: NonNegative = 0.5
    max_slice_s: NonNegative = 60.0
    volatile: tuple[str, ...] = ()
    """JSON keys whose values may differ between equal answers, besides those that differ between answers of one stack:
    process ids."""
    volatile_patterns: tuple[str, ...] = ()
    """Regular expressions; what they match may differ between equal answers."""
    compare: Compare = "body"
    """What has to be equal on all stacks: answers but for what is volatile, or only their status."""
    alpha: Annotated[float, Meta(gt=1e-9, lt=1)] = 0.05
    """Chance of any false difference that is accepted, over all comparisons of a run together."""
    margin: Positive = 0.05
    """Relative difference below which two stacks count as the same."""
    timeline: tuple[str, ...] = ()
    """Paths requested at the same moment from a single worker of each stack, to see who waited for whom."""
    unmasked: tuple[str, ...] = ()
    """Names of variables and headers whose values may be stored and shown, besides those that are known as harmless."""
    gate: GateSettings = GateSettings()
    path: str | None = None
    """The file this came from."""

    def __post_init__(self) -> None:
        for pattern in self.volatile_patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"volatile_patterns: {pattern!r} is not a regular expression: {error}") from None
