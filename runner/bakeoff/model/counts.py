"""Adding up what became of requests. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bakeoff.model.record import EndpointCounts, Outcomes


def total_outcomes(endpoint_counts: Iterable[EndpointCounts]) -> Outcomes:
    """The outcomes of several endpoint_counts added up."""
    several = [counts.outcomes for counts in endpoint_counts]
    kinds = {kind for outcomes in several for kind in outcomes.failed}
    return Outcomes(
        right=sum(outcomes.right for outcomes in several),
        wrong=sum(outcomes.wrong for outcomes in several),
        failed={kind: sum(outcomes.failed.get(kind, 0) for outcomes in several) for kind in sorted(kinds)},
        timed_out=sum(outcomes.timed_out for outcomes in several),
        dropped=sum(outcomes.dropped for outcomes in several),
        unfinished=sum(outcomes.unfinished for outcomes in several),
    )


def merged_counts(endpoint_counts: Iterable[EndpointCounts]) -> tuple[EndpointCounts, ...]:
    """One counts for each endpoint, in the order of their names."""
    by_endpoint: dict[str, list[EndpointCounts]] = {}
    for counts in endpoint_counts:
        by_endpoint.setdefault(counts.endpoint, []).append(counts)
    return tuple(
        EndpointCounts(
            endpoint=endpoint,
            offered=sum(counts.offered for counts in several),
            outcomes=total_outcomes(several),
            completed=sum(counts.completed for counts in several),
            received_bytes=sum(counts.received_bytes for counts in several),
            reason=next((counts.reason for counts in several if counts.reason), None),
        )
        for endpoint, several in sorted(by_endpoint.items())
    )
