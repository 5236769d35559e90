"""Upper bounds on throughput, from the operational laws. Pure.

With S the unloaded latency, C the CPU time of a request, k the slots and m the CPU seconds that the servers can use in
a second (their CPUs, or a quota below that), no stack can serve more than
min(users / (S + think time), k / S, m / C) requests a second (Denning and Buzen, *The operational analysis of queueing
network models*, 1978).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from bakeoff.model import ALL_ENDPOINTS, BlockResult, Bound, Load, OpenLoad, Record, Stack

ONE_A_THREAD = ("sync", "gthread")
"""gunicorn's worker classes in which a request has a thread to itself; in others, a thread serves many at a time."""

ASYNC_CORES = ("gevent", "asyncio", "async")
"""uWSGI's options that replace threads by so many requests at a time."""


def unloaded_latency_s(
    stack: str, records: Iterable[Record], blocks: Iterable[BlockResult], endpoint: str = ALL_ENDPOINTS
) -> float | None:
    """The latency without load of an endpoint, or of all requests in some records: the mean, weighted by requests.

    ``None`` where it was not measured for every endpoint.
    """
    by_block = [latencies for block in blocks if (latencies := block.unloaded_s.get(stack))]
    endpoint_counts = [
        counts for record in records for counts in record.endpoints if endpoint in (ALL_ENDPOINTS, counts.endpoint)
    ]
    offered = sum(counts.offered for counts in endpoint_counts)
    if not by_block or not offered:
        return None
    endpoints = {counts.endpoint for counts in endpoint_counts}
    if any(endpoints - latencies.keys() for latencies in by_block):
        return None
    median_s = {name: statistics.median(latencies[name] for latencies in by_block) for name in endpoints}
    return sum(counts.offered * median_s[counts.endpoint] / offered for counts in endpoint_counts)


def slots(stack: Stack) -> int | None:
    """How many requests a stack can handle at a time; ``None`` where nothing that is declared limits it."""
    is_declared = stack.interface == "wsgi" and not stack.command and not stack.url
    if not is_declared or stack.options.get("worker-class", "sync") not in ONE_A_THREAD:
        return None
    cores = next((stack.options[name] for name in ASYNC_CORES if name in stack.options), None)
    return stack.workers * (cores if isinstance(cores, int) else stack.threads)


def bound(stack: Stack, load: Load, unloaded_s: float | None, cpu_s: float | None, cores: float) -> Bound | None:
    """The lowest of the bounds, and which it is; ``None`` where the unloaded latency is not known."""
    if not unloaded_s:
        return None
    at_once = slots(stack)
    offered_rps = load.mean_rate_rps if isinstance(load, OpenLoad) else load.users / (unloaded_s + load.think_s)
    bounds = [Bound(rps=offered_rps, by="load")]
    bounds += [Bound(rps=at_once / unloaded_s, by="slots")] if at_once else []
    bounds += [Bound(rps=cores / cpu_s, by="cpu")] if cpu_s else []
    return min(bounds, key=lambda candidate: candidate.rps)
