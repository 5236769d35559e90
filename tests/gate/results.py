"""Invented results of gates, in summaries."""

from __future__ import annotations

from typing import Any

from bakeoff.model import Certificate, Counts, Estimate, GateComparison, GateResult, GateVerdict, Hotspot, Summary


def finding(
    metric: Any = "cpu_per_request", point: float = 1.03, verdict: GateVerdict = "pass", **changes: Any
) -> GateComparison:
    """One metric, known to within 1 %."""
    fields: dict[str, Any] = {
        "metric": metric,
        "endpoint": "*",
        "role": "required",
        "ratio": Estimate(point=point, low=point - 0.01, high=point + 0.01, level=0.95, n=9),
        "lower": point - 0.015,
        "upper": point + 0.015,
        "limit": 0.02,
        "floor": 0.005,
        "smallest_visible": 0.018,
        "verdict": verdict,
    }
    return GateComparison(**{**fields, **changes})


def summary(*findings: GateComparison, verdict: GateVerdict = "pass", **changes: Any) -> Summary:
    """A gate's summary."""
    fields: dict[str, Any] = {
        "verdict": verdict,
        "exit_code": {"pass": 0, "regression": 1}.get(verdict, 3),
        "base": "v1 (0123abcde)",
        "head": "working tree",
        "stack": "flask",
        "metrics": findings,
        "blocks": 9,
        "seconds": 71.0,
        "noise_floor": {},
        "users": 32,
        "rate_rps": 140.0,
        "errors": {"base": Counts(requests=900, errors=0), "head": Counts(requests=901, errors=2)},
    }
    return Summary(
        run_id="20260101T000000Z-bakery-gate",
        experiment="bakery",
        profile="gate",
        baseline="base",
        results=(),
        comparisons=(),
        generator=Certificate(certified=True),
        gate=GateResult(**{**fields, **changes}),
    )


PASSED = summary(finding(point=1.001), finding("latency_p50", 0.999))
REGRESSED = summary(
    finding(point=1.05, verdict="regression"),
    finding("latency_p50", 1.04, "regression", endpoint="/cake<script>"),
    finding("latency_p99", 1.01, "inconclusive", role="advisory"),
    finding("start_up", 1.0, role="informational"),
    verdict="regression",
    confirmed=True,
    look_at_first="burn (overhead.py), where a request spends 0.100 ms more",
    hotspots=(Hotspot(function="burn|<b> (overhead.py)", base_ms=0.0, head_ms=0.1),),
)
INVALID = summary(verdict="invalid", reasons=("head did not start: no module\nnamed 'x' \x00",))
