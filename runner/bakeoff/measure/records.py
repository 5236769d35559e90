"""What a driven slice leaves, as it is recorded: the same for a stack that had the machine to itself and for a duet."""

from __future__ import annotations

from bakeoff.load.messages import Driven, Second
from bakeoff.model import GeneratorUse, Histogram, Interval, ServerUse
from bakeoff.stacks.usage import Unknown, Usage


def server_use(before: Usage | Unknown, after: Usage | Unknown, others_cpu_s: float) -> ServerUse | Unknown:
    """What a stack used between two readings, or why that is not known."""
    if isinstance(before, Unknown):
        return before
    if isinstance(after, Unknown):
        return after
    return ServerUse(
        cpu_s=after.cpu_s - before.cpu_s,
        rss_bytes=after.rss_bytes,
        processes=after.processes,
        threads=after.threads,
        others_cpu_s=others_cpu_s,
    )


def generator_use(driven: Driven) -> GeneratorUse:
    """What the generators used for a slice."""
    return GeneratorUse(
        cpu_s=driven.cpu_s,
        window_s=driven.window_s,
        connections_opened=driven.connections_opened,
        requests_sent=driven.requests_sent,
        generators=driven.generators,
        opened_within_s=driven.opened_within_s,
    )


def interval(block: int, position: int, endpoint: str, driven: Driven, second: Second) -> Interval:
    """One histogram in its place; the last second of a window may be a part of one."""
    return Interval(
        block=block,
        position=position,
        endpoint=endpoint,
        kind=second.kind,
        start_s=float(second.second),
        length_s=min(1.0, max(0.0, driven.window_s - second.second)),
        histogram=Histogram.decode(second.blob),
    )
