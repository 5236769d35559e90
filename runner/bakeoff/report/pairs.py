"""Two stacks side by side, block by block, where neither is the baseline."""

from __future__ import annotations

import math

from bakeoff import stats
from bakeoff.model import Estimate
from bakeoff.report import lookup
from bakeoff.report.lookup import Case
from bakeoff.run import Run


def throughput_ratio(run: Run, case: Case, candidate: str, other: str) -> Estimate | None:
    """The throughput of a candidate over another's, over the blocks that have both; ``None`` where none has."""
    ours, theirs = _by_block(run, case, candidate), _by_block(run, case, other)
    both = sorted(ours.keys() & theirs.keys())
    return stats.ratio_estimate([math.log(ours[block] / theirs[block]) for block in both]) if both else None


def _by_block(run: Run, case: Case, stack: str) -> dict[int, float]:
    """Right answers a second in each block; a block without any is left out."""
    answered: dict[int, int] = {}
    window_s: dict[int, float] = {}
    for each in lookup.records_of(run, case, stack):
        if each.failure is None:
            answered[each.block] = answered.get(each.block, 0) + sum(tally.completed for tally in each.tallies)
            window_s[each.block] = window_s.get(each.block, 0.0) + each.window_s
    return {block: amount / window_s[block] for block, amount in answered.items() if amount and window_s[block]}
