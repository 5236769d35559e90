"""Adding up what became of requests. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bakeoff.model import Fates, Tally


def total_fates(tallies: Iterable[Tally]) -> Fates:
    """The fates of several tallies added up."""
    several = [tally.fates for tally in tallies]
    kinds = {kind for fates in several for kind in fates.failed}
    return Fates(
        right=sum(fates.right for fates in several),
        wrong=sum(fates.wrong for fates in several),
        failed={kind: sum(fates.failed.get(kind, 0) for fates in several) for kind in sorted(kinds)},
        timed_out=sum(fates.timed_out for fates in several),
        dropped=sum(fates.dropped for fates in several),
        unfinished=sum(fates.unfinished for fates in several),
    )


def merged_tallies(tallies: Iterable[Tally]) -> tuple[Tally, ...]:
    """One tally for each endpoint, in the order of their names."""
    by_endpoint: dict[str, list[Tally]] = {}
    for tally in tallies:
        by_endpoint.setdefault(tally.endpoint, []).append(tally)
    return tuple(
        Tally(
            endpoint=endpoint,
            offered=sum(tally.offered for tally in several),
            fates=total_fates(several),
            completed=sum(tally.completed for tally in several),
            received_bytes=sum(tally.received_bytes for tally in several),
            reason=next((tally.reason for tally in several if tally.reason), None),
        )
        for endpoint, several in sorted(by_endpoint.items())
    )
