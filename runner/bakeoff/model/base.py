"""The base of all types, estimates, and the names that several modules share."""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA_VERSION = 2
"""Version of ``manifest.json``, ``record.json`` and ``summary.json``.

1: first release. 2: percentiles are those of all requests, those without a right answer too, not means over blocks, and
may be lower bounds; p-values are corrected for all
comparisons of a run, not for the candidates of one metric; comparisons say whether they are headlines.
"""
ALL_ENDPOINTS = "*"
"""The name that stands for all endpoints of a scenario together."""
Interface = Literal["wsgi", "asgi"]
Arrivals = Literal["poisson", "constant"]
Metric = Literal["throughput", "latency_p50", "latency_p90", "latency_p99", "cpu_per_request"]
Verdict = Literal["faster", "slower", "same", "inconclusive"]
RunState = Literal["running", "complete", "failed"]
HistogramKind = Literal["latency", "service", "lag", "error"]
"""Of right answers: from intended send to answer, from send to answer, and from intended send to send. ``error``: of
all other requests, from intended send until they were given up, or answered wrongly."""
Profile = Literal["smoke", "quick", "full", "gate"]
BackendName = Literal["local", "compose"]
Compare = Literal["body", "status"]
"""What of an answer has to be equal on all stacks."""
GateMetric = Literal["cpu_per_request", "latency_p50", "latency_p90", "latency_p99", "memory", "throughput", "start_up"]
GateVerdict = Literal["pass", "regression", "inconclusive", "invalid"]


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all types of the model: immutable, keyword-only, and strict about unknown fields.

    Subclasses repeat ``frozen`` and ``kw_only``, because msgspec does not inherit the second, and mypy not the first.
    """


class Estimate(Struct, frozen=True, kw_only=True):
    """A number with its confidence interval over blocks (never over requests)."""

    point: float
    low: float | None
    high: float | None
    level: float
    n: int
    """Blocks."""
