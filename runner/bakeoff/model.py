"""The words of the project as frozen types: what users write, what is stored, what is reported.

Nothing here reads a clock, a file or a socket. Units are in the names. The same definitions read the TOML, write the
stored JSON and print the published JSON Schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from bakeoff.histogram import Histogram

SCHEMA_VERSION = 1
"""Version of ``manifest.json``, ``record.json`` and ``summary.json``. 1: first release."""

ALL_ENDPOINTS = "*"
"""The endpoint name under which every endpoint of a scenario is taken together."""

Interface = Literal["wsgi", "asgi"]
Arrivals = Literal["poisson", "constant"]
Metric = Literal["throughput", "latency_p50", "latency_p90", "latency_p99", "cpu_per_request"]
Verdict = Literal["faster", "slower", "same", "inconclusive"]
RunState = Literal["running", "complete", "failed"]
HistogramKind = Literal["latency", "service", "lag"]
Profile = Literal["smoke", "quick", "full", "gate"]
BackendName = Literal["local", "compose"]
GateMetric = Literal["cpu_per_request", "latency_p50", "latency_p90", "latency_p99", "memory", "throughput", "start_up"]
GateVerdict = Literal["pass", "regression", "inconclusive", "invalid"]
Role = Literal["deciding", "confirmable", "shown"]


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every type here: immutable, keyword-only, and strict about unknown fields.

    Subclasses repeat ``frozen`` and ``kw_only``: msgspec does not hand the second down, and mypy not the first.
    """


# --- what is compared ------------------------------------------------------------------------------------------------


class Stack(Struct, frozen=True, kw_only=True):
    """An app, the server that runs it, and the server's settings."""

    name: str
    interface: Interface
    app: str | None = None
    """Import path of the application, ``module:attribute``."""
    server: str | None = None
    """Name of a server adapter; ``None`` when ``command`` is given."""
    workers: int = 1
    threads: int = 1
    options: dict[str, str | int | float | bool] = {}
    """Passed to the server as its own command-line options."""
    env: dict[str, str] = {}
    command: tuple[str, ...] = ()
    """A whole command line instead of ``app`` and ``server``; ``{host}``, ``{port}`` and ``{python}`` are
    filled in."""
    ready: str = "/healthz"
    """Path that answers 200 as soon as the stack can serve."""
    port: int | None = None
    """A fixed port; by default a free one is drawn."""
    directory: str = "."
    """Absolute path the server is started in, and from which the app is imported."""
    python: str | None = None
    """The interpreter that runs the server; by default the one that runs Bakeoff."""
    url: str | None = None
    """Where the stack runs already, ``https://staging.example``: nothing is started or stopped."""


class Request(Struct, frozen=True, kw_only=True):
    """One request of a scenario that needs no Python."""

    method: str
    path: str
    weight: int = 1
    name: str | None = None
    json: Any = None
    data: str | None = None
    headers: dict[str, str] = {}
    status: int = 200
    """The status that counts as a right answer."""


class Scenario(Struct, frozen=True, kw_only=True):
    """What clients do: a Locust file, or a list of requests."""

    name: str
    locustfile: str | None = None
    """Absolute path."""
    requests: tuple[Request, ...] = ()


class ClosedLoad(Struct, frozen=True, kw_only=True, tag="users", tag_field="kind"):
    """A fixed number of users, each of which waits for its answer before it asks again."""

    users: int
    think_s: float = 0.0


class Stage(Struct, frozen=True, kw_only=True):
    """A stretch of an open loop: a step where the two rates are equal, else a ramp."""

    for_s: float
    rate_rps: float
    to_rps: float


class OpenLoad(Struct, frozen=True, kw_only=True, tag="rate", tag_field="kind"):
    """Arrivals at a given rate, whatever the server does."""

    rate_rps: float
    """The rate; with stages, that after the last of them."""
    arrivals: Arrivals = "poisson"
    stages: tuple[Stage, ...] = ()
    """Rates that change within the slice, which then lasts as long as they do."""


Load = ClosedLoad | OpenLoad


def label(load: Load) -> str:
    """A load in a reader's words: ``64 users`` or ``50/s``."""
    if isinstance(load, ClosedLoad):
        return f"{load.users} users" if load.users != 1 else "1 user"
    if load.stages:
        return "/s, ".join(f"{stage.rate_rps:g} to {stage.to_rps:g}" for stage in load.stages) + "/s"
    return f"{load.rate_rps:g}/s"


class Tolerance(Struct, frozen=True, kw_only=True):
    """How much worse the head may be on one metric of a gate, as shares of the base's value."""

    limit: float
    """What is tolerated: a pass shows that the change is smaller."""
    floor: float
    """What is noise by definition: a regression shows that the change is larger."""
    role: Role = "deciding"
    """``deciding``: a pass needs it. ``confirmable``: it may regress, a pass does not need it. ``shown``: neither."""


def default_tolerances() -> dict[GateMetric, Tolerance]:
    """What a gate tolerates where the file does not say."""
    return {
        "cpu_per_request": Tolerance(limit=0.02, floor=0.005),
        "latency_p50": Tolerance(limit=0.03, floor=0.01),
        "latency_p90": Tolerance(limit=0.05, floor=0.02, role="confirmable"),
        "latency_p99": Tolerance(limit=0.10, floor=0.03, role="confirmable"),
        "memory": Tolerance(limit=0.10, floor=0.03, role="confirmable"),
        "throughput": Tolerance(limit=0.05, floor=0.02, role="shown"),
        "start_up": Tolerance(limit=0.25, floor=0.10, role="shown"),
    }


class GateSettings(Struct, frozen=True, kw_only=True):
    """``[gate]``: how a base and a head are compared."""

    stack: str | None = None
    """The stack whose app is compared; by default the only one, or the baseline."""
    scenario: str | None = None
    requirements: tuple[str, ...] = ()
    """Requirement files, relative to a revision's root, that its environment is built from; by default looked for."""
    budget_s: float = 120.0
    users: int = 32
    rate_rps: float | None = None
    """Arrivals a second of the open loop; by default a share of what a probe finds."""
    closed_s: float = 1.2
    """Length of the windows of a block's closed loop, its rounds taken together."""
    open_s: float = 1.5
    tolerances: dict[GateMetric, Tolerance] = msgspec.field(default_factory=default_tolerances)


class Experiment(Struct, frozen=True, kw_only=True):
    """Stacks x scenarios x loads x blocks: everything that is asked, with every default filled in."""

    name: str
    baseline: str
    stacks: tuple[Stack, ...]
    scenarios: tuple[Scenario, ...]
    loads: tuple[Load, ...]
    blocks: int
    passes: int
    """Slices per stack and load in a block. Two make a palindrome (ABBA); one is a random order."""
    slice_s: float
    """The least length of a slice; a slice is longer where latency demands it (see ``plan.slice_length_s``)."""
    warmup_s: float
    max_slice_s: float
    volatile: tuple[str, ...] = ()
    """JSON keys whose values may differ between equal answers: timings, process ids."""
    alpha: float = 0.05
    """Chance of a false difference that is accepted, over all candidates of one metric and load."""
    margin: float = 0.05
    """Relative difference below which two stacks count as the same."""
    timeline: tuple[str, ...] = ()
    """Paths requested at the same moment from a single worker of each stack, to see who waited for whom."""
    gate: GateSettings = GateSettings()
    path: str | None = None
    """The file this came from."""


# --- what is planned -------------------------------------------------------------------------------------------------


class Slice(Struct, frozen=True, kw_only=True):
    """One uninterrupted stretch of load on one stack."""

    position: int
    stack: str
    scenario: str
    load: Load
    seed: int


class Block(Struct, frozen=True, kw_only=True):
    """One fresh start of every stack, measured in slices, then stopped."""

    number: int
    start_order: tuple[str, ...]
    hash_seed: int
    """``PYTHONHASHSEED`` of every server in this block."""
    port_seed: int
    slices: tuple[Slice, ...]


# --- what is recorded ------------------------------------------------------------------------------------------------


class Fates(Struct, frozen=True, kw_only=True):
    """What became of the requests whose intended send time lies in a slice; each has exactly one fate."""

    right: int = 0
    wrong: int = 0
    """Answered, but not as the scenario's check demands."""
    failed: dict[str, int] = {}
    """No answer, by kind of failure."""
    timed_out: int = 0
    dropped: int = 0
    """Open loop: never sent, because no connection came free within the stated limit."""
    unfinished: int = 0
    """Still without an answer when the slice was drained."""

    @property
    def offered(self) -> int:
        """The sum of all fates."""
        return self.right + self.errors

    @property
    def errors(self) -> int:
        """Every fate but a right answer."""
        return self.wrong + sum(self.failed.values()) + self.timed_out + self.dropped + self.unfinished


class Tally(Struct, frozen=True, kw_only=True):
    """Counts of one endpoint in one slice."""

    endpoint: str
    offered: int
    """Counted at the intended send time, independently of the fates."""
    fates: Fates
    completed: int
    """Right answers that arrived inside the measured window, whenever they were sent: the basis of throughput."""
    received_bytes: int = 0
    reason: str | None = None
    """Why the first wrong answer was wrong."""


class ServerUse(Struct, frozen=True, kw_only=True):
    """What a stack's processes used between the two ends of a slice's window."""

    cpu_s: float
    rss_bytes: int
    processes: int
    threads: int
    others_cpu_s: float
    """CPU time that the other, idle stacks used meanwhile."""


class GeneratorUse(Struct, frozen=True, kw_only=True):
    """What the load generator used, to tell whether it was the bottleneck."""

    cpu_s: float
    window_s: float
    connections_opened: int
    requests_sent: int
    generators: int = 1
    """Processes, here or on other machines, that drove the slice together."""
    opened_within_s: float = 0.0
    """The time within which the windows of all of them opened."""


class Failure(Struct, frozen=True, kw_only=True):
    """Why a stack or a slice has no result: data, not an exception."""

    stage: Literal["start", "answers", "load", "exit"]
    message: str
    log: str = ""
    """The end of the server's log."""


class Record(Struct, frozen=True, kw_only=True):
    """The result of one slice."""

    block: int
    position: int
    stack: str
    scenario: str
    load: Load
    started_unix_s: float
    window_s: float
    warmup_s: float
    tallies: tuple[Tally, ...] = ()
    server: ServerUse | None = None
    server_unknown: str | None = None
    """Why nobody could see what the stack used."""
    generator: GeneratorUse | None = None
    failure: Failure | None = None


class BlockResult(Struct, frozen=True, kw_only=True):
    """What one block left: the content of ``record.json``."""

    number: int
    records: tuple[Record, ...]
    ready_s: dict[str, float] = {}
    """Seconds from start to the first answer, by stack."""
    unloaded_s: dict[str, dict[str, float]] = {}
    """Latency of a single request at a time, by stack and endpoint."""
    extensions: dict[str, tuple[str, ...]] = {}
    """Packages with compiled parts that a stack's processes had loaded, by stack: they tell its loop and parser."""


class Interval(Struct, frozen=True, kw_only=True):
    """One histogram: one second (or the rest of one) of one slice, endpoint and kind."""

    block: int
    position: int
    endpoint: str
    kind: HistogramKind
    start_s: float
    """Seconds since the slice's window opened."""
    length_s: float
    histogram: Histogram


class Step(Struct, frozen=True, kw_only=True):
    """One step of a recipe, in seconds since both requests of a timeline were sent."""

    name: str
    start_s: float
    end_s: float


class TimelineRequest(Struct, frozen=True, kw_only=True):
    """One request of a timeline: its steps in the order in which they ran."""

    endpoint: str
    steps: tuple[Step, ...]


class Timeline(Struct, frozen=True, kw_only=True):
    """A cake and a frosting sent at the same moment to one stack with one worker."""

    stack: str
    interface: Interface
    requests: tuple[TimelineRequest, ...]
    failure: str | None = None


class Machine(Struct, frozen=True, kw_only=True):
    """The facts of a machine that results depend on."""

    hostname: str
    system: str
    kernel: str
    cpu_model: str
    cores: int
    memory_bytes: int
    python: str
    server_cpus: tuple[int, ...]
    generator_cpus: tuple[int, ...]
    versions: dict[str, str]
    warnings: tuple[str, ...] = ()
    """What makes this machine a worse place to measure, each with a remedy."""


class Manifest(Struct, frozen=True, kw_only=True):
    """What was asked, with which seed, where and when: the content of ``manifest.json``."""

    run_id: str
    experiment: Experiment
    profile: Profile
    seed: int
    machine: Machine
    state: RunState
    started_utc: str
    finished_utc: str | None = None
    error: str | None = None
    timelines: tuple[Timeline, ...] = ()
    locustfile_sha256: dict[str, str] = {}
    """Of each scenario that is a Locust file, by its name: its path alone does not say what clients did."""
    resumed_utc: tuple[str, ...] = ()
    """When an interrupted run was taken up again."""
    backend: BackendName = "local"
    place: dict[str, str] = {}
    """What is to be known of where the stacks ran: container engine, images."""
    schema_version: int = SCHEMA_VERSION


# --- what is concluded -----------------------------------------------------------------------------------------------


class Estimate(Struct, frozen=True, kw_only=True):
    """A number and how sure we are of it: a confidence interval over blocks, never over requests."""

    point: float
    low: float | None
    high: float | None
    level: float
    n: int
    """Blocks."""


class Latency(Struct, frozen=True, kw_only=True):
    """Percentiles in milliseconds. A percentile quoted from too few requests is ``None``, with its reason withheld."""

    p50: Estimate | None
    p90: Estimate | None
    p99: Estimate | None
    p999: Estimate | None
    max: float | None


class Bound(Struct, frozen=True, kw_only=True):
    """The most that the operational laws allow, and which of them binds."""

    rps: float
    by: Literal["slots", "cpu", "load"]


class Result(Struct, frozen=True, kw_only=True):
    """One row: a stack under a scenario and a load, at one endpoint or at all of them (``*``)."""

    stack: str
    interface: Interface
    scenario: str
    endpoint: str
    load: Load
    requests: int
    errors: int
    throughput_rps: Estimate | None
    latency_ms: Latency
    cpu_ms_per_request: Estimate | None
    """Server CPU time; only for all endpoints together, because a process serves them all."""
    rss_mib: float | None
    reuse_ratio: float | None
    """Share of the requests that were sent on a connection already open."""
    bound: Bound | None
    valid: bool
    withheld: tuple[str, ...] = ()


class Comparison(Struct, frozen=True, kw_only=True):
    """A candidate against the baseline on one metric. ``ratio`` is candidate over baseline."""

    metric: Metric
    scenario: str
    endpoint: str
    load: Load
    baseline: str
    candidate: str
    ratio: Estimate
    p_value: float
    """Two-sided, over blocks, corrected for the number of candidates (Holm)."""
    verdict: Verdict


class OracleCheck(Struct, frozen=True, kw_only=True):
    """One thing that an oracle was told to do, and what the generator measured of it: milliseconds, or a count."""

    case: str
    what: str
    asked: float
    measured: float | None
    ok: bool


class Certificate(Struct, frozen=True, kw_only=True):
    """What the load generator was seen to be capable of before it was believed."""

    closed_ceiling_rps: float | None = None
    open_ceiling_rps: float | None = None
    send_lag_us: dict[str, float] = {}
    oracle: tuple[OracleCheck, ...] = ()
    certified: bool = False
    reasons: tuple[str, ...] = ()
    """Why it is not certified."""


class GateFinding(Struct, frozen=True, kw_only=True):
    """What a gate found on one metric. Ratios are head over base; above 1 is worse."""

    metric: GateMetric
    endpoint: str
    role: Role
    ratio: Estimate
    """With Student's interval, as if it had been looked at once."""
    lower: float | None
    """The ratio is above this, at the gate's own error rate over all its looks; ``None`` while nothing can be said."""
    upper: float | None
    """The ratio is below this, likewise."""
    limit: float
    floor: float
    smallest_visible: float | None
    """The relative change that would have been found with 95 % probability."""
    verdict: GateVerdict


class Hotspot(Struct, frozen=True, kw_only=True):
    """A function, and the CPU time of a request spent in it, without what it calls, in milliseconds."""

    function: str
    base_ms: float
    head_ms: float


class Counts(Struct, frozen=True, kw_only=True):
    """Requests, and how many of them were not answered as they should have been."""

    requests: int
    errors: int


class AgainstFinding(Struct, frozen=True, kw_only=True):
    """How the head's metric stands to that of an earlier gate's head: the ratio of now to then."""

    metric: GateMetric
    endpoint: str
    ratio: Estimate


class Against(Struct, frozen=True, kw_only=True):
    """A gate's head against that of an earlier gate: weaker than a duet, since the two were not measured at once."""

    run_id: str
    mismatches: tuple[str, ...]
    """What else differs between the two runs."""
    findings: tuple[AgainstFinding, ...]


class GateResult(Struct, frozen=True, kw_only=True):
    """What a gate decided, and on which grounds."""

    verdict: GateVerdict
    exit_code: int
    base: str
    head: str
    stack: str
    metrics: tuple[GateFinding, ...]
    blocks: int
    """Blocks that were decided on."""
    seconds: float
    noise_floor: dict[str, float]
    """The smallest change that could be seen, by metric, over all endpoints."""
    users: int
    rate_rps: float
    errors: dict[str, Counts]
    """The requests of ``base`` and of ``head``, and those of them that went wrong."""
    confirmed: bool | None = None
    """Whether fresh blocks confirmed a regression; ``None`` where there was none to confirm."""
    reasons: tuple[str, ...] = ()
    """Why it is invalid or inconclusive, and what else a reader should know."""
    look_at_first: str | None = None
    against: Against | None = None
    hotspots: tuple[Hotspot, ...] = ()
    """Where the CPU time went, the largest differences first: after a regression, where py-spy is installed."""


class Summary(Struct, frozen=True, kw_only=True):
    """The analysis of a run: the content of ``summary.json``, on which other programs rely."""

    run_id: str
    experiment: str
    profile: Profile
    baseline: str
    results: tuple[Result, ...]
    comparisons: tuple[Comparison, ...]
    generator: Certificate
    timeline: tuple[Timeline, ...] = ()
    failures: tuple[Failure, ...] = ()
    gate: GateResult | None = None
    schema_version: int = SCHEMA_VERSION
