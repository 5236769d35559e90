"""The base of all types, and the small vocabularies that several of them share."""

from __future__ import annotations

from typing import Literal

import msgspec

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


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every type here: immutable, keyword-only, and strict about unknown fields.

    Subclasses repeat ``frozen`` and ``kw_only``: msgspec does not hand the second down, and mypy not the first.
    """


class Estimate(Struct, frozen=True, kw_only=True):
    """A number and how sure we are of it: a confidence interval over blocks, never over requests."""

    point: float
    low: float | None
    high: float | None
    level: float
    n: int
    """Blocks."""
