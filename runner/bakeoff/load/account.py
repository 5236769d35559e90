"""The accounts of several generators that drove one slice, added up. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.load.messages import Driven
from bakeoff.model import merged_counts


def merged(parts: Sequence[Driven]) -> Driven:
    """The account of several generators on one clock. Each has a window of its own; their mean length counts."""
    first_ns = min(part.opened_ns for part in parts)
    return Driven(
        window_s=sum(part.window_s for part in parts) / len(parts),
        warmup_s=max(part.warmup_s for part in parts),
        cpu_s=max(part.cpu_s for part in parts),
        connections_opened=sum(part.connections_opened for part in parts),
        requests_sent=sum(part.requests_sent for part in parts),
        waited=sum(part.waited for part in parts),
        endpoints=merged_counts(counts for part in parts for counts in part.endpoints),
        warmup=merged_counts(counts for part in parts for counts in part.warmup),
        drain=merged_counts(counts for part in parts for counts in part.drain),
        opened_ns=first_ns,
        generators=len(parts),
        opened_within_s=(max(part.opened_ns for part in parts) - first_ns) / 1e9,
    )
