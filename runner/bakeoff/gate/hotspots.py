"""Two CPU profiles side by side: in which functions the head spends more of a request's time. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from bakeoff.model import Hotspot

SHOWN = 8
LEAST_MS = 0.005
"""Differences below this are not worth looking at."""
_LINE_NUMBER = re.compile(r":\d+\)$")


def own_samples(stacks: str) -> Counter[str]:
    """Samples of each function without what it calls, from collapsed stacks (Gregg): ``outer;inner 12`` a line.

    Functions go by name and file: their lines are others in the other revision.
    """
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        found[_LINE_NUMBER.sub(")", frames.rpartition(";")[2])] += int(count)
    return found


def hotspots(base: str, head: str, cpu_ms: Mapping[str, float]) -> tuple[Hotspot, ...]:
    """The functions that differ most, from the collapsed stacks of both and their CPU milliseconds per request."""
    before, after = own_samples(base), own_samples(head)
    if not before or not after:
        return ()
    found = [
        Hotspot(
            function=function,
            base_ms=cpu_ms["base"] * before[function] / before.total(),
            head_ms=cpu_ms["head"] * after[function] / after.total(),
        )
        for function in before | after
    ]
    worse = [one for one in found if one.head_ms - one.base_ms >= LEAST_MS]
    return tuple(sorted(worse, key=lambda one: (one.base_ms - one.head_ms, one.function))[:SHOWN])
