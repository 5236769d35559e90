"""Two CPU profiles side by side: the functions in which head spends more of a request's time. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from bakeoff.model import BASE, HEAD, Hotspot

MAX_SHOWN = 8
MIN_DIFFERENCE_MS = 0.005
"""Smaller differences are not shown."""
_LINE_NUMBER = re.compile(r":\d+\)$")


def own_samples(stacks: str) -> Counter[str]:
    """Samples of each function without its callees, from collapsed stacks (Gregg): ``outer;inner 12`` a line.

    Functions are identified by name and file, because their line numbers differ between revisions.
    """
    samples: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        samples[_LINE_NUMBER.sub(")", frames.rpartition(";")[2])] += int(count)
    return samples


def hotspots(base_stacks: str, head_stacks: str, cpu_ms: Mapping[str, float]) -> tuple[Hotspot, ...]:
    """The functions that differ most, from both sides' collapsed stacks and CPU milliseconds per request."""
    base, head = own_samples(base_stacks), own_samples(head_stacks)
    if not base or not head:
        return ()
    functions = [
        Hotspot(
            function=function,
            base_ms=cpu_ms[BASE] * base[function] / base.total(),
            head_ms=cpu_ms[HEAD] * head[function] / head.total(),
        )
        for function in base | head
    ]
    slower = [function for function in functions if function.head_ms - function.base_ms >= MIN_DIFFERENCE_MS]
    return tuple(sorted(slower, key=lambda hotspot: (hotspot.base_ms - hotspot.head_ms, hotspot.function))[:MAX_SHOWN])
