"""Where a row is withheld: the checks that a result has to pass before it is published. Pure.

Each check is a function that returns what is wrong, as sentences; `CHECKS` is the list of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bakeoff.analysis.metrics import PERCENTILES, latency_ms
from bakeoff.analysis.rows import Row
from bakeoff.model import ALL_ENDPOINTS, Certificate, ClosedLoad, Load, OpenLoad, Record

LITTLE_TOLERANCE = 0.03
"""How far users and throughput x latency may be apart, as a share of the users.

In stored runs with 32 and 64 users, rows were at most 1 % apart, single blocks 2 %; errors may add 1 %.
"""

WAKES_LATE_S = 0.002
"""How much longer than its think time a user may rest: measured were 0.4 to 1.7 ms."""

LATENCIES_PER_SLICE = 10.0
"""A slice lasts at least this many mean latencies."""

TAIL_OBSERVATIONS = 10
"""Requests that must lie beyond a percentile before it is quoted."""

GENERATOR_BUSY = 0.85
"""Share of its core above which the generator, not the server, sets the pace."""

CEILING_SHARE = 0.9
"""Share of the generator's own ceiling above which a throughput may be the generator's."""

LATE_S = 0.005
LATE_SHARE = 0.10
"""Send lag (p99) that spoils a slice: more than 5 ms, and more than a tenth of the latency (p99) it is part of."""

IDLE_CPU_SHARE = 0.05
"""Share of a core that the stacks not under test may use meanwhile."""

UNLOADED_SHARE = 0.5
UNLOADED_NOISE_S = 0.005
"""An answer under load takes at least half as long as one without load, less 5 ms. The latency without load is that of
a few requests, before processor clocks rise and while other stacks may still be busy, so it is not exact."""

ERROR_SHARE = 0.01
"""Share of errors above which a row is not comparable with one that answered."""

RATE_TOLERANCE = 4.0
"""Standard errors that the offered number of Poisson arrivals may be from the number asked for."""


def reasons_to_withhold(row: Row, whole: Row, certificate: Certificate) -> list[str]:
    """Everything that keeps a row from being published; nothing where it may be.

    ``whole`` is the row of all endpoints together, which may be the row itself. What is wrong with it is about whole
    slices, so an endpoint's row is withheld with it.
    """
    failures = [record.failure for record in row.records if record.failure]
    if failures:
        return [f"{failure.stage}: {failure.message}" for failure in dict.fromkeys(failures)]
    if not row.records:
        return ["it was not measured"]
    if not row.total.latency.right.total:
        return [": ".join(["no right answers", *_reasons(row)[:1]])]
    reasons = [reason for check in CHECKS for reason in check(row, certificate)]
    if row.endpoint != ALL_ENDPOINTS:
        of_whole = reasons_to_withhold(whole, whole, certificate)
        return reasons + [f"all endpoints together: {reason}" for reason in of_whole if reason not in reasons]
    return reasons + [reason for check in CHECKS_OF_ALL_ENDPOINTS for reason in check(row, certificate)]


def accounting(records: Iterable[Record]) -> list[str]:
    """Offered must equal the sum of the outcomes, exactly, for every endpoint of every slice."""
    return [
        f"{counts.endpoint}: {counts.offered} requests offered but {counts.outcomes.offered} accounted for"
        for record in records
        for counts in record.endpoints
        if counts.offered != counts.outcomes.offered
    ]


def all_users_ran(records: Iterable[Record]) -> list[str]:
    """Every user of a closed loop ran until the window closed: one that has ended is not replaced.

    A new user in its place would connect and run ``on_start`` within the window, and end like the one before.
    """
    ended = [
        (use.users, record.load.users, use.user_error)
        for record in records
        if isinstance(record.load, ClosedLoad)
        if (use := record.generator) and use.users is not None and use.users < record.load.users
    ]
    if not ended:
        return []
    left, users, error = min(ended, key=lambda use: use[0])
    because = f"; the first error in a user's code: {error}" if error else ""
    return [f"only {left} of {users} users were running at the end of a slice{because}"]


def errors(offered: int, failed: int, reasons: Iterable[str]) -> list[str]:
    """Errors above 1 %: throughput and latency are then those of another workload."""
    if failed <= ERROR_SHARE * offered:
        return []
    first = next(iter(reasons), "no reason recorded")
    return [f"{failed} of {offered} requests failed, such as: {first}"]


def littles_law(load: Load, throughput_rps: float, mean_latency_s: float, generator_share: float = 0.0) -> list[str]:
    """In a closed loop, users = throughput x (latency + think time) (Little 1961).

    ``mean_latency_s`` is the time of all requests per right answer: users wait for those that fail, too.

    ``generator_share`` is the share of a core that the generator used: so many users, on average, are between an answer
    and the next request, because it serves one at a time.
    """
    if not isinstance(load, ClosedLoad):
        return []
    busy_users = throughput_rps * (mean_latency_s + load.think_s)
    waking_users = throughput_rps * WAKES_LATE_S if load.think_s else 0.0
    tolerance = LITTLE_TOLERANCE * load.users
    if load.users - tolerance - generator_share - waking_users <= busy_users <= load.users + tolerance:
        return []
    return [f"Little's law: {load.users} users, but throughput x latency is {busy_users:.1f}"]


def no_faster_than_unloaded(load: Load, mean_latency_s: float, unloaded_s: float | None) -> list[str]:
    """Load makes no answer faster: a stack that answers much sooner than without load leaves out work.

    In a closed loop its throughput is then above what Little's law allows, users / (unloaded latency + think time),
    although users = throughput x latency holds.
    """
    if unloaded_s is None or mean_latency_s >= UNLOADED_SHARE * (unloaded_s - UNLOADED_NOISE_S):
        return []
    allowed = ""
    if isinstance(load, ClosedLoad):
        most_rps = load.users / (unloaded_s + load.think_s)
        allowed = f", with which {load.users} users make at most {most_rps:,.0f} requests/s"
    return [
        f"an answer takes {unloaded_s * 1e3:.1f} ms without load{allowed}; it took {mean_latency_s * 1e3:.1f} ms under "
        "load, so work was left out (where a cache was empty before, fill it in the scenario's on_start)"
    ]


def outlasts_queue(window_s: float, mean_latency_s: float) -> list[str]:
    """A slice lasts at least ten mean latencies (with a tenth to spare), else its two ends weigh too much."""
    if window_s >= LATENCIES_PER_SLICE * mean_latency_s * 0.9:
        return []
    return [
        f"slices of {window_s:.2f} s are shorter than {LATENCIES_PER_SLICE:g} mean latencies "
        f"of {mean_latency_s:.2f} s; raise max_slice_s"
    ]


def carried(load: Load, offered: int, window_s: float) -> list[str]:
    """An open loop must have offered what it was asked to, over slices of ``window_s`` in all."""
    if not isinstance(load, OpenLoad):
        return []
    expected = load.mean_rate_rps * window_s
    if abs(offered - expected) <= RATE_TOLERANCE * max(expected, 1.0) ** 0.5:
        return []
    return [f"asked for {load.mean_rate_rps:g} arrivals a second, offered {offered / window_s:.1f}"]


def generator_kept_up(records: Iterable[Record]) -> list[str]:
    """The generator had CPU time to spare in every slice, else its limit is measured and not the server's."""
    busy = max((use.cpu_s / use.window_s for record in records if (use := record.generator)), default=0.0)
    if busy < GENERATOR_BUSY:
        return []
    return [f"the load generator was busy for {busy:.0%} of a slice: the result may be its own limit, not the server's"]


def below_ceiling(load: Load, throughput_rps: float, closed_rps: float | None, open_rps: float | None) -> list[str]:
    """The throughput stays below what the generator itself can reach, as its certificate says."""
    ceiling_rps = closed_rps if isinstance(load, ClosedLoad) else open_rps
    if ceiling_rps is None or throughput_rps < CEILING_SHARE * ceiling_rps:
        return []
    return [f"{throughput_rps:,.0f} requests/s is the generator's own ceiling ({ceiling_rps:,.0f}/s), not the server's"]


def sent_on_time(load: Load, lag_p99_s: float | None, latency_p99_s: float | None) -> list[str]:
    """In an open loop, requests were sent when they were due, else the generator's delay is measured."""
    if not isinstance(load, OpenLoad) or lag_p99_s is None or latency_p99_s is None:
        return []
    if lag_p99_s <= max(LATE_S, LATE_SHARE * latency_p99_s):
        return []
    return [f"requests were sent late (p99 {lag_p99_s * 1e3:.1f} ms): the generator was the bottleneck"]


def idle_means_idle(records: Iterable[Record]) -> list[str]:
    """Stacks that wait for their turn do not use the CPU of the one under test."""
    shares = [use.others_cpu_s / record.window_s for record in records if (use := record.server) and record.window_s]
    share = sum(shares) / len(shares) if shares else 0.0
    if share <= IDLE_CPU_SHARE:
        return []
    return [f"the idle stacks used {share:.0%} of a core meanwhile"]


def in_order(percentiles: Sequence[float]) -> list[str]:
    """A higher percentile is no lower than the one before it."""
    if list(percentiles) == sorted(percentiles):
        return []
    return ["percentiles are not in order"]


def generator_believed(certificate: Certificate) -> list[str]:
    """The generator did not fail its examination. One that was not examined is not withheld for that."""
    if not certificate.failed:
        return []
    return [f"the load generator failed its examination: {next(iter(certificate.reasons), 'no reason recorded')}"]


Check = Callable[[Row, Certificate], list[str]]

CHECKS: tuple[Check, ...] = (
    lambda _, certificate: generator_believed(certificate),
    lambda row, _: errors(row.total.offered, row.total.errors, _reasons(row)),
    lambda row, _: accounting(row.records),
    lambda row, _: no_faster_than_unloaded(row.condition.load, row.total.latency.right.mean_s or 0.0, row.unloaded_s),
    lambda row, _: in_order([latency_ms(row.total, name) or 0.0 for name in PERCENTILES]),
)
"""The checks of every row."""

CHECKS_OF_ALL_ENDPOINTS: tuple[Check, ...] = (
    lambda row, _: littles_law(
        row.condition.load,
        row.total.throughput_rps,
        row.total.latency.s_per_right_answer or 0.0,
        _generator_share(row.records),
    ),
    lambda row, _: outlasts_queue(row.total.window_s / len(row.records), row.total.latency.right.mean_s or 0.0),
    lambda row, _: carried(row.condition.load, row.total.offered, row.total.window_s),
    lambda row, _: sent_on_time(
        row.condition.load, row.total.lag.quantile_s(0.99), row.total.latency.right.quantile_s(0.99)
    ),
    lambda row, certificate: below_ceiling(
        row.condition.load,
        row.total.throughput_rps,
        certificate.closed_ceiling_rps,
        certificate.open_ceiling_rps,
    ),
    lambda row, _: all_users_ran(row.records),
    lambda row, _: generator_kept_up(row.records),
    lambda row, _: idle_means_idle(row.records),
)
"""Further checks of the row of all endpoints together, because they are about whole slices."""


def _generator_share(records: Iterable[Record]) -> float:
    """The mean share of a core that the generator used, over all slices; of several generators, their sum."""
    uses = [record.generator for record in records if record.generator]
    return sum(use.cpu_s * use.generators for use in uses) / sum(use.window_s for use in uses) if uses else 0.0


def _reasons(row: Row) -> list[str]:
    """Why requests of the row's endpoint got no right answer."""
    here = (counts for record in row.records for counts in record.endpoints)
    return [counts.reason for counts in here if counts.reason and row.endpoint in (ALL_ENDPOINTS, counts.endpoint)]


def enough_for(quantile: float, requests: int) -> str | None:
    """Why a percentile cannot be quoted from so few requests, or ``None`` when it can."""
    needed = round(TAIL_OBSERVATIONS / (1 - quantile))
    if requests >= needed:
        return None
    return f"p{quantile * 100:g} needs {needed:,} requests, there were {requests:,}"
