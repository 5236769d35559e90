"""Compares what the generator measured of an oracle with what the oracle logged. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from bakeoff.analysis import PERCENTILES, enough_for
from bakeoff.load.messages import Driven
from bakeoff.model import EndpointCounts, OpenLoad, OracleCheck, arrivals_until_s, total_outcomes, window_rng

RELATIVE_TOLERANCE = 0.03
ABSOLUTE_TOLERANCE_S = 0.0003
"""A measured percentile may be off by 3 % or 0.3 ms, whichever is larger."""

LAG_LIMITS_S = {"p50": 0.0005, "p99": 0.005}
"""Percentiles of the send lag beyond which latencies, measured from the intended time, show the generator's delays."""


def true_latencies_s(load: OpenLoad, seed: int, driven: Driven, answered_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """The true latencies of the requests of a slice's window, from intended time to answer, in seconds.

    The intended times are drawn again from the seed. ``answered_ns`` is the oracle's log of the whole slice, warm-up
    included. The nth answer after the warm-up is paired with the nth intended time: where every request has the same
    delay, this gives the same set of latencies even if requests arrived in another order.
    """
    intended_ns = driven.opened_ns + (arrivals_until_s(window_rng(seed), load, driven.window_s) * 1e9).astype(np.int64)
    warmup = offered(driven.warmup)
    # An arrival at the very end of the window may be in one of the two and not in the other.
    count = min(offered(driven.endpoints), len(intended_ns))
    return (np.sort(answered_ns[warmup : warmup + count]) - np.sort(intended_ns[:count])) / 1e9


def offered(endpoints: Iterable[EndpointCounts]) -> int:
    """Requests offered to all endpoints together."""
    return sum(counts.offered for counts in endpoints)


def check_percentiles(
    case: str, measured_s: Mapping[str, float | None], true_s: NDArray[np.float64]
) -> tuple[OracleCheck, ...]:
    """Compare each measured percentile with the true one, where there are enough requests to quote it."""
    return tuple(
        _check_percentile(case, name, float(np.quantile(true_s, quantile, method="inverted_cdf")), measured_s[name])
        for name, quantile in PERCENTILES.items()
        if enough_for(quantile, len(true_s)) is None
    )


def _check_percentile(case: str, name: str, true_s: float, measured_s: float | None) -> OracleCheck:
    tolerance_s = max(ABSOLUTE_TOLERANCE_S, RELATIVE_TOLERANCE * true_s)
    return OracleCheck(
        case=case,
        what=name,
        asked=true_s * 1e3,
        measured=None if measured_s is None else measured_s * 1e3,
        ok=measured_s is not None and abs(measured_s - true_s) <= tolerance_s,
    )


def check_accounting(case: str, driven: Driven, served: Mapping[str, int]) -> tuple[OracleCheck, ...]:
    """Compare the generator's counts with the oracle's: each request is in both, with the same outcome.

    ``served`` has the oracle's count of each outcome by name (``OracleProcess.outcomes``). A request that the oracle
    did not answer ends as timed out or unfinished.
    """
    endpoints = driven.endpoints + driven.warmup + driven.drain
    outcomes = total_outcomes(endpoints)
    counts = {
        "offered = sum of outcomes": (offered(endpoints), outcomes.offered),
        "right": (served["right"] + served["chunked"] + served["closed_after"], outcomes.right),
        "wrong": (served["wrong_body"] + served["wrong_status"], outcomes.wrong),
        "closed": (served["closed"], sum(outcomes.failed.values())),
        "unanswered": (
            served["unanswered"] + served["lost"] + served["pending"],
            outcomes.timed_out + outcomes.unfinished,
        ),
    }
    return tuple(
        OracleCheck(case=case, what=what, asked=float(asked), measured=float(measured), ok=asked == measured)
        for what, (asked, measured) in counts.items()
    )


def shortcomings(checks: Iterable[OracleCheck], lag_s: Mapping[str, float | None]) -> tuple[str, ...]:
    """Why a generator is not certified; empty when it is. ``lag_s`` has percentiles of its send lag."""
    reasons = [
        f"{check.case}: {check.what} is {_shown(check.measured)}, should be {_shown(check.asked)}"
        for check in checks
        if not check.ok
    ]
    for name, limit_s in LAG_LIMITS_S.items():
        value_s = lag_s.get(name)
        if value_s is None or value_s > limit_s:
            shown = _shown(None if value_s is None else value_s * 1e3)
            reasons.append(f"send lag {name} is {shown} ms, limit {limit_s * 1e3:g} ms")
    return tuple(reasons)


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.4g}"
