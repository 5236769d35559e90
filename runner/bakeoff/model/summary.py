"""What is concluded: the content of ``summary.json``, on which other programs rely."""

from __future__ import annotations

from typing import Literal

from bakeoff.model.base import SCHEMA_VERSION, Estimate, Interface, Metric, Profile, Struct, Verdict
from bakeoff.model.experiment import Load
from bakeoff.model.gate import GateResult
from bakeoff.model.manifest import Timeline
from bakeoff.model.record import Failure


class Latency(Struct, frozen=True, kw_only=True):
    """Percentiles of all requests in milliseconds; ``None`` where there are too few to quote one.

    `Result.withheld` has the reasons.
    """

    p50: Estimate | None
    p90: Estimate | None
    p99: Estimate | None
    p999: Estimate | None
    max: float | None
    at_least: tuple[str, ...] = ()
    """Which of these fields are only lower bounds: they fall among requests that got no right answer."""


class Bound(Struct, frozen=True, kw_only=True):
    """The highest throughput that the operational laws allow, and which of them sets it."""

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
    """Two-sided, over blocks, corrected for all comparisons of the run (step-down max-T)."""
    verdict: Verdict
    headline: bool = False
    """Whether it is one of those that the answer is made of; they weigh more in the correction."""


class OracleCheck(Struct, frozen=True, kw_only=True):
    """What an oracle was asked to do, and what the generator measured of it: milliseconds, or a count."""

    case: str
    what: str
    asked: float
    measured: float | None
    ok: bool


class Certificate(Struct, frozen=True, kw_only=True):
    """What the load generator was measured to be capable of, and whether its measurements agree with the oracle's."""

    closed_ceiling_rps: float | None = None
    open_ceiling_rps: float | None = None
    send_lag_us: dict[str, float] = {}
    oracle: tuple[OracleCheck, ...] = ()
    certified: bool = False
    failed: bool = False
    """Whether it miscounted, measured wrong times, or its oracle ended: nothing it measures is published."""
    reasons: tuple[str, ...] = ()
    """Why it is not certified."""


class RelativeRatio(Struct, frozen=True, kw_only=True):
    """The quoted candidate against the best other stack that serves the baseline's app."""

    stack: str
    ratio: Estimate
    """Candidate's throughput over this stack's."""


class Headline(Struct, frozen=True, kw_only=True):
    """The answer of a run in one sentence, and the numbers in it; only text and reasons where nothing was compared."""

    text: str
    metric: Metric | None = None
    scenario: str | None = None
    load: Load | None = None
    baseline: str | None = None
    candidate: str | None = None
    ratio: Estimate | None = None
    """Candidate over baseline."""
    verdict: Verdict | None = None
    relative: RelativeRatio | None = None
    reasons: tuple[str, ...] = ()
    """Why there is no valid comparison."""


FindingKind = Literal["bottleneck", "diagnosis", "mismatch"]
"""What limits a stack at a load, a common mistake that shows, or a difference in what the stacks worked with."""
Evidence = dict[str, float | int | str | bool]
"""The observed values behind a statement, by name, with units in the names."""


class Finding(Struct, frozen=True, kw_only=True):
    """A statement with its evidence."""

    kind: FindingKind
    name: str
    """What it is, in a few words: ``too few threads``, ``slots``."""
    stack: str | None
    """``None`` where it concerns several stacks."""
    scenario: str | None = None
    load: Load | None = None
    text: str
    """The statement, with the numbers that it rests on."""
    remedy: str = ""
    """What would change it, where that is known."""
    evidence: Evidence = {}


class Summary(Struct, frozen=True, kw_only=True):
    """The analysis of a run: the content of ``summary.json``, on which other programs rely."""

    run_id: str
    experiment: str
    profile: Profile
    baseline: str
    results: tuple[Result, ...]
    comparisons: tuple[Comparison, ...]
    generator: Certificate
    answer: Headline | None = None
    """``None`` in files of earlier versions and after a gate."""
    findings: tuple[Finding, ...] = ()
    timeline: tuple[Timeline, ...] = ()
    failures: tuple[Failure, ...] = ()
    gate: GateResult | None = None
    schema_version: int = SCHEMA_VERSION
