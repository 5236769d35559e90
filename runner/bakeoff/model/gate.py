"""What a gate concludes."""

from __future__ import annotations

from bakeoff.model.base import Estimate, GateMetric, GateVerdict, Struct
from bakeoff.model.experiment import Role

SIDES = BASE, HEAD = "base", "head"
"""The two revisions of a paired measurement."""


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
