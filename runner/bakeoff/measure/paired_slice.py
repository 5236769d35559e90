"""One load on both sides of a duet at once, from rest to rest.

What both sides used is read before the first request and after the last answer, and every request counts, those of the
warm-up included. So each request's CPU time is counted whole: in a window cut out of a steady load, the requests under
way at its two ends are worth as much as a difference of 1 %.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from bakeoff.gate.effects import SIDES
from bakeoff.load.generator import LoadGenerator, Watcher
from bakeoff.load.messages import Drive, Driven, Second
from bakeoff.measure.records import server_use
from bakeoff.measure.run import MAX_CONNECTIONS, QUEUE_LIMIT_S, TIMEOUT_S, LineUp
from bakeoff.model import EndpointCounts, Load, ServerUse, merged_counts
from bakeoff.stacks import Unknown, Usage

WARMUP_S = 0.2
MAX_WARMUP_S = 10.0
LATENCIES = 2.0
"""A window lasts at least so many mean latencies; it need not be longer, since its edges are the same for both."""
MOST_S = 15.0


@dataclass(frozen=True)
class Driving:
    """How both sides are to be loaded."""

    scenario: str
    load: Load
    least_s: float
    """The window is longer where latency demands it."""
    seed: int


@dataclass(frozen=True)
class Drove:
    """What became of it."""

    driven: Driven
    """Its window is that of the histograms."""
    seconds: list[Second]
    began_unix_s: float
    use: Mapping[str, ServerUse | Unknown]
    """What each side used."""

    def endpoints(self, side: str) -> Iterator[EndpointCounts]:
        """All requests that a side was sent, by endpoint; every right answer of theirs is one that was completed."""
        for counts in merged_counts((*self.driven.warmup, *self.driven.endpoints, *self.driven.drain)):
            owner, endpoint = side_of(counts.endpoint)
            if owner == side:
                yield msgspec.structs.replace(counts, endpoint=endpoint, completed=counts.outcomes.right)

    def completed(self, side: str) -> int:
        """All right answers of a side."""
        return sum(counts.completed for counts in self.endpoints(side))


def side_of(endpoint: str) -> tuple[str, str]:
    """The side, and the endpoint proper, of an endpoint as the generator of a duet counts it."""
    side, _, rest = endpoint.partition(" ")
    return side, rest


def drive(line_up: LineUp, generator: LoadGenerator, driving: Driving) -> Drove:
    """Both sides under one load."""
    order = Drive(
        scenario=driving.scenario,
        targets={side: line_up.running[side].url for side in SIDES},
        load=driving.load,
        seed=driving.seed,
        warmup_s=WARMUP_S,
        max_warmup_s=MAX_WARMUP_S,
        timeout_s=TIMEOUT_S,
        max_connections=MAX_CONNECTIONS,
        queue_limit_s=QUEUE_LIMIT_S,
    )
    began_unix_s, before = time.time(), _usage(line_up)
    driven, seconds = generator.drive(order, _Length(driving.least_s))
    after = _usage(line_up)
    use = {side: server_use(before[side], after[side], others_cpu_s=0.0) for side in SIDES}
    return Drove(driven=driven, seconds=seconds, began_unix_s=began_unix_s, use=use)


def _usage(line_up: LineUp) -> dict[str, Usage | Unknown]:
    return {side: line_up.running[side].usage() for side in SIDES}


class _Length(Watcher):
    def __init__(self, least_s: float) -> None:
        self._least_s = least_s

    def warm(self, mean_latency_s: float) -> float:
        """Long enough for requests to come and go."""
        return min(MOST_S, max(self._least_s, LATENCIES * mean_latency_s))
