"""The two sides of a gate, and its result."""

from __future__ import annotations

from bakeoff.model.base import Estimate, GateMetric, GateVerdict, Struct
from bakeoff.model.experiment import Role

SIDES = BASE, HEAD = "base", "head"
"""Names of the two stacks of a paired measurement: the revision compared with, and the one that is judged."""


class GateComparison(Struct, frozen=True, kw_only=True):
    """Head against base on one metric. The ratio is head over base."""

    metric: GateMetric
    endpoint: str
    role: Role
    ratio: Estimate
    """With Student's interval, which takes no account of repeated looks."""
    lower: float | None
    """Lower bound of the ratio at the gate's own error rate over all its looks; ``None`` while there is none."""
    upper: float | None
    """Upper bound of the ratio, likewise."""
    limit: float
    floor: float
    smallest_visible: float | None
    """The relative change that would have been detected with 95 % probability."""
    verdict: GateVerdict


class Hotspot(Struct, frozen=True, kw_only=True):
    """A function and the CPU time that a request spends in it, without its callees, in milliseconds."""

    function: str
    base_ms: float
    head_ms: float


class Counts(Struct, frozen=True, kw_only=True):
    """Requests, and how many of them got no right answer."""

    requests: int
    errors: int
    reason: str | None = None
    """Why the first of them got none."""


class MetricChange(Struct, frozen=True, kw_only=True):
    """The head's metric over that of an earlier gate's head."""

    metric: GateMetric
    endpoint: str
    ratio: Estimate


class AgainstEarlier(Struct, frozen=True, kw_only=True):
    """A gate's head against an earlier gate's head: weaker evidence, since they were measured at different times."""

    run_id: str
    mismatches: tuple[str, ...]
    """What else differs between the two gates."""
    findings: tuple[MetricChange, ...]


class PackageChange(Struct, frozen=True, kw_only=True):
    """A package, or the interpreter, that differs between the environments of base and head."""

    package: str
    base: str | None
    """The version; ``None`` where it is not installed."""
    head: str | None


class GateResult(Struct, frozen=True, kw_only=True):
    """A gate's verdict and the evidence for it."""

    verdict: GateVerdict
    exit_code: int
    base: str
    head: str
    stack: str
    metrics: tuple[GateComparison, ...]
    blocks: int
    """Blocks that the verdict rests on."""
    seconds: float
    noise_floor: dict[str, float]
    """The smallest change that would have been detected, by metric, over all endpoints."""
    users: int
    rate_rps: float
    errors: dict[str, Counts]
    """Requests and errors of ``base`` and of ``head``."""
    confirmed: bool | None = None
    """Whether fresh blocks confirmed a suspected regression; ``None`` where none was suspected."""
    reasons: tuple[str, ...] = ()
    """Why the gate is invalid or inconclusive, and other notes for the reader."""
    differences: tuple[str, ...] = ()
    """How the head's answers differ from the base's: the two do not do the same work."""
    broken_head: str | None = None
    """How the head failed where the base did not: it did not start, ended, or answered wrongly."""
    look_at_first: str | None = None
    against: AgainstEarlier | None = None
    environment_changes: tuple[PackageChange, ...] | None = None
    """What is installed otherwise for the head than for the base; ``None`` where it is not known."""
    hotspots: tuple[Hotspot, ...] = ()
    """Where the CPU time went, the largest differences first: after a regression, where py-spy is installed."""
