"""The operational laws that bound a throughput.

With S the unloaded latency, C the CPU time of a request, k the slots and m the cores, no stack can serve more than
min(users / (S + think time), k / S, m / C) requests a second (Denning and Buzen, *The operational analysis of queueing
network models*, 1978).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from bakeoff.model import BlockResult, Bound, Load, OpenLoad, Record, Stack


def unloaded_latency_s(stack: str, records: Iterable[Record], blocks: Iterable[BlockResult]) -> float | None:
    """The mean latency without load of the requests in some records: each endpoint's, weighted by its share.

    ``None`` where an endpoint was never asked alone.
    """
    asked = [found for block in blocks if (found := block.unloaded_s.get(stack))]
    endpoint_counts = [counts for record in records for counts in record.endpoints]
    known = [counts for counts in endpoint_counts if all(counts.endpoint in found for found in asked)]
    offered = sum(counts.offered for counts in known)
    if not asked or not offered or known != endpoint_counts:
        return None
    return sum(
        counts.offered * statistics.median(found[counts.endpoint] for found in asked) / offered for counts in known
    )


def slots(stack: Stack) -> int | None:
    """How many requests a stack can hold at a time; ``None`` where nothing declared limits it."""
    return stack.workers * stack.threads if stack.interface == "wsgi" and not stack.command and not stack.url else None


def bound(stack: Stack, load: Load, unloaded_s: float | None, cpu_s: float | None, cores: int) -> Bound | None:
    """The least of the bounds, and which it is; ``None`` where the unloaded latency is not known."""
    if not unloaded_s:
        return None
    held = slots(stack)
    offered_rps = load.mean_rate_rps if isinstance(load, OpenLoad) else load.users / (unloaded_s + load.think_s)
    bounds = [Bound(rps=offered_rps, by="load")]
    bounds += [Bound(rps=held / unloaded_s, by="slots")] if held else []
    bounds += [Bound(rps=cores / cpu_s, by="cpu")] if cpu_s else []
    return min(bounds, key=lambda one: one.rps)
