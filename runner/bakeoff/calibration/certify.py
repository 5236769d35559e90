"""Is the load generator to be believed? What it measured of an oracle, against what the oracle really did. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bakeoff.analysis.audit import enough_for
from bakeoff.model import EndpointCounts, OracleCheck, total_outcomes

RELATIVE_TOLERANCE = 0.03
ABSOLUTE_TOLERANCE_S = 0.0003
"""A measured percentile may be off by 3 % or 0.3 ms, whichever is larger."""

LAG_P50_S = 0.0005
LAG_P99_S = 0.005
"""Send lag beyond which latencies measured from the intended time are the generator's rather than the server's."""

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}


def true_latencies_s(intended_ns: NDArray[np.int64], answered_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """The latency of each arrival as the server's account has it, in seconds.

    The nth request to arrive is taken for the nth intended: arrivals in order give the same multiset of latencies where
    every answer takes equally long, which is how the check's oracle is set.
    """
    return (np.sort(answered_ns) - np.sort(intended_ns)) / 1e9


def check_percentiles(
    case: str, measured_s: Mapping[str, float | None], truth_s: NDArray[np.float64]
) -> tuple[OracleCheck, ...]:
    """Each measured percentile against the true one, where there are requests enough to quote it."""
    return tuple(
        _check(case, name, float(np.quantile(truth_s, quantile, method="inverted_cdf")), measured_s[name])
        for name, quantile in QUANTILES.items()
        if enough_for(quantile, len(truth_s)) is None
    )


def _check(case: str, what: str, asked_s: float, measured_s: float | None) -> OracleCheck:
    tolerance_s = max(ABSOLUTE_TOLERANCE_S, RELATIVE_TOLERANCE * asked_s)
    ok = measured_s is not None and abs(measured_s - asked_s) <= tolerance_s
    return OracleCheck(
        case=case, what=what, asked=asked_s * 1e3, measured=None if measured_s is None else measured_s * 1e3, ok=ok
    )


def check_accounting(
    case: str, endpoint_counts: Sequence[EndpointCounts], served: Mapping[str, int]
) -> tuple[OracleCheck, ...]:
    """The generator's account against the oracle's: every request on both sides, in the same class.

    ``served`` counts the oracle's outcomes: ``right``, ``chunked`` and ``last`` are right answers, ``wrong`` and
    ``status`` wrong ones, ``closed`` failures; those it never answered or could not finish end as time-outs or
    unfinished.
    """
    outcomes = total_outcomes(endpoint_counts)
    offered = sum(counts.offered for counts in endpoint_counts)
    rights = served["right"] + served["chunked"] + served["last"]
    unanswered = served["never"] + served["lost"] + served["pending"]
    pairs = {
        "offered = sum of outcomes": (offered, outcomes.offered),
        "right": (rights, outcomes.right),
        "wrong": (served["wrong"] + served["status"], outcomes.wrong),
        "closed": (served["closed"], sum(outcomes.failed.values())),
        "unanswered": (unanswered, outcomes.timed_out + outcomes.unfinished),
    }
    return tuple(
        OracleCheck(case=case, what=what, asked=float(asked), measured=float(measured), ok=asked == measured)
        for what, (asked, measured) in pairs.items()
    )


def shortcomings(checks: Iterable[OracleCheck], lag_s: Mapping[str, float | None]) -> tuple[str, ...]:
    """Why a generator is not certified; nothing when it is."""
    found = [
        f"{check.case}: {check.what} is {_shown(check.measured)}, should be {_shown(check.asked)}"
        for check in checks
        if not check.ok
    ]
    for name, limit_s in (("p50", LAG_P50_S), ("p99", LAG_P99_S)):
        lag = lag_s.get(name)
        if lag is None or lag > limit_s:
            shown = _shown(None if lag is None else lag * 1e3)
            found.append(f"send lag {name} is {shown} ms, limit {limit_s * 1e3:g} ms")
    return tuple(found)


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.4g}"
