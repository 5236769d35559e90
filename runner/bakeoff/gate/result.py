"""What a gate reports: its verdict and the evidence for it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set

import numpy as np

from bakeoff.analysis import METRICS, ratio_estimate
from bakeoff.gate.bounds import MetricBounds
from bakeoff.gate.decision import not_passed
from bakeoff.gate.effects import MetricKey
from bakeoff.gate.errors import may_have_risen, total
from bakeoff.gate.state import GateState
from bakeoff.model import (
    ALL_ENDPOINTS,
    BASE,
    HEAD,
    Environment,
    GateComparison,
    GateMetric,
    GateResult,
    GateVerdict,
    Hotspot,
    PackageChange,
    Role,
)

EXIT_CODES: dict[GateVerdict, int] = {"pass": 0, "regression": 1, "inconclusive": 3, "invalid": 3}


def gate_result(
    state: GateState, base: str, head: str, seconds: float, hotspots: tuple[Hotspot, ...] = ()
) -> GateResult:
    """The result of a gate that has ended; ``base`` and ``head`` are the revisions' labels."""
    verdict = state.verdict or "invalid"
    errors = total(state.counts)
    comparisons = tuple(_comparison(bounds, state) for bounds in state.bounds if bounds.key in state.measured)
    return GateResult(
        verdict=verdict,
        exit_code=EXIT_CODES[verdict],
        base=base,
        head=head,
        stack=state.settings.stack or "",
        metrics=comparisons,
        blocks=len(state.blocks),
        seconds=seconds,
        noise_floor={
            comparison.metric: comparison.smallest_visible
            for comparison in comparisons
            if comparison.endpoint == ALL_ENDPOINTS and comparison.smallest_visible is not None
        },
        users=state.settings.users,
        rate_rps=state.rate_rps,
        errors={BASE: errors.base, HEAD: errors.head},
        confirmed=True if state.regressed else False if state.rejections else None,
        reasons=(*state.notes, *_reasons(state), *_doubts(verdict, comparisons)),
        differences=state.differences,
        broken_head=state.broken_head,
        look_at_first=_look_at_first(comparisons, hotspots),
        hotspots=hotspots,
    )


def environment_changes(environments: Mapping[str, Environment]) -> tuple[PackageChange, ...] | None:
    """What is installed otherwise for the head than for the base; ``None`` if that is unknown.

    The interpreter comes first, then the packages of the base by name, then those that the head adds. A project that
    both have as editable is what is compared, and no part of its environment.
    """
    if BASE not in environments or HEAD not in environments:
        return None
    base, head = environments[BASE], environments[HEAD]
    rebuilt = {
        name
        for name, version in base.packages.items()
        if version == head.packages.get(name) and base.contents.get(name) != head.contents.get(name)
    }
    before, after = _versions(base, rebuilt), _versions(head, rebuilt)
    return tuple(
        PackageChange(package=name, base=before.get(name), head=after.get(name))
        for name in before | after
        if before.get(name) != after.get(name) and not (name in base.editable and name in head.editable)
    )


def _versions(environment: Environment, rebuilt: Set[str]) -> dict[str, str]:
    """The interpreter, then the packages by name; of those ``rebuilt`` under one version, with their files' digest."""
    packages = {
        name: f"{version} (files {environment.contents.get(name)})" if name in rebuilt else version
        for name, version in sorted(environment.packages.items())
    }
    return {"interpreter": environment.python, **packages}


def _comparison(bounds: MetricBounds, state: GateState) -> GateComparison:
    """A metric as it is reported: effects are above zero for what is worse, ratios are simply head over base."""
    effects = np.array([block[bounds.key] for block in state.effects])
    lower, upper = bounds.lower, bounds.upper
    ratio = ratio_estimate(effects)
    verdict = _verdict(bounds, ratio.high, state)
    if METRICS[bounds.key.metric].more_is_better:
        ratio, lower, upper = ratio_estimate(-effects), -upper, -lower
    return GateComparison(
        metric=bounds.key.metric,
        endpoint=bounds.key.endpoint,
        role=bounds.tolerance.role,
        ratio=ratio,
        lower=_exp(lower),
        upper=_exp(upper),
        limit=bounds.tolerance.limit,
        floor=bounds.tolerance.floor,
        smallest_visible=bounds.smallest_visible,
        verdict=verdict,
    )


def _verdict(bounds: MetricBounds, ratio_high: float | None, state: GateState) -> GateVerdict:
    """A pass must still hold with the blocks that came after the last look, to confirm another metric's regression."""
    if bounds.key in state.regressed:
        return "regression"
    still_below_limit = ratio_high is not None and ratio_high < 1 + bounds.tolerance.limit
    return "pass" if bounds.passed and still_below_limit else "inconclusive"


def _exp(logarithm: float) -> float | None:
    return float(np.exp(logarithm)) if np.isfinite(logarithm) else None


def _reasons(state: GateState) -> list[str]:
    reasons = []
    if state.unusable:
        reasons.append(f"{len(state.unusable)} blocks were left out, for example because {state.unusable[0]}")
    if state.rejections:
        reasons.append("a regression was suspected, and fresh blocks did not confirm it")
    if state.verdict == "regression" and not state.regressed and not state.broken_head:
        reasons.append(_more_errors(state))
    if state.verdict == "inconclusive":
        reasons.append(_why_inconclusive(state))
        if may_have_risen(state.counts):
            reasons.append(f"{_more_errors(state)}; that may be chance")
    return [*reasons, *_not_judged(state)]


def _not_judged(state: GateState) -> list[str]:
    """The percentiles that were not judged because of requests without a right answer."""
    blocks = Counter(metric for block in state.blocks for metric in {key.metric for key in block.censored})
    return [
        f"the {METRICS[metric].label} is not judged: in {count} of {len(state.blocks)} blocks it falls among requests "
        "without a right answer, and is only known from below"
        for metric, count in sorted(blocks.items())
    ]


def _more_errors(state: GateState) -> str:
    reason = next((counts.head.reason for counts in state.counts if counts.head.reason), "no reason recorded")
    return f"the head has more errors than the base, such as: {reason}"


def _why_inconclusive(state: GateState) -> str:
    if not state.bounds:
        return f"{len(state.blocks)} blocks in {state.settings.budget_s:g} s are too few; raise budget_s in [gate]"
    undecided = not_passed(state.bounds, state.settings.tolerances)
    unmeasured = [_name(key) for key in undecided if key not in state.measured]
    if unmeasured:
        return f"a pass requires {', '.join(unmeasured)}, which could not be measured in every block"
    names = ", ".join([*map(_name, undecided), *(["errors"] if may_have_risen(state.counts) else [])])
    return f"neither a pass nor a regression could be shown for {names}; try a quieter machine or a larger budget_s"


def _doubts(verdict: GateVerdict, comparisons: Sequence[GateComparison]) -> list[str]:
    """Advisory metrics that look bad although the gate has passed."""
    if verdict != "pass":
        return []
    return [
        f"the {METRICS[comparison.metric].label} looks worse than its limit, but there are too few blocks to be sure"
        for comparison in comparisons
        if comparison.role is Role.ADVISORY and comparison.endpoint == ALL_ENDPOINTS
        if comparison.ratio.point > 1 + comparison.limit
    ]


def _name(key: MetricKey) -> str:
    label = f"the {METRICS[key.metric].label}"
    return label if key.endpoint == ALL_ENDPOINTS else f"{label} of {key.endpoint}"


def _look_at_first(comparisons: Sequence[GateComparison], hotspots: Sequence[Hotspot]) -> str | None:
    """Advice on the regression that is largest relative to its limit; that of a single endpoint comes first."""
    regressed = [comparison for comparison in comparisons if comparison.verdict == "regression"]
    if not regressed:
        return None
    worst = max(
        regressed,
        key=lambda comparison: (
            comparison.endpoint != ALL_ENDPOINTS,
            abs(comparison.ratio.point - 1) / comparison.limit,
        ),
    )
    if worst.metric == "cpu_per_request" and hotspots:
        return f"{hotspots[0].function}, where a request spends {hotspots[0].head_ms - hotspots[0].base_ms:.3f} ms more"
    return _ADVICE[worst.metric] + ("" if worst.endpoint == ALL_ENDPOINTS else f", at {worst.endpoint}")


_ADVICE: dict[GateMetric, str] = {
    "cpu_per_request": "what the server computes for each request: compare the two CPU profiles",
    "latency_p50": "what every request waits for: a query, a call to another service, a sleep, a lock",
    "latency_p90": "what some requests wait for: cache misses, an exhausted connection pool",
    "latency_p99": "what a few requests wait for: garbage collection, a timeout, a retry",
    "memory": "what is kept in memory: an unbounded cache, a larger import",
    "throughput": "what requests wait for when there are many of them",
    "start_up": "what is imported or connected to before the first answer",
}
