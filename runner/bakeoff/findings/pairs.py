"""Two stacks side by side, block by block, where neither is the baseline."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from bakeoff.analysis import stats
from bakeoff.model import Comparison, Condition, Estimate, Run

Standing = Literal["tied", "unsettled", "apart"]


class Beside(NamedTuple):
    """A stack, and the throughput of another over its own."""

    stack: str
    ratio: Estimate


def throughput_ratio(run: Run, case: Condition, candidate: str, other: str) -> Estimate | None:
    """The throughput of a candidate over another's, over the blocks that have both; ``None`` where none has."""
    ours, theirs = _by_block(run, case, candidate), _by_block(run, case, other)
    both = sorted(ours.keys() & theirs.keys())
    return stats.ratio_estimate([math.log(ours[block] / theirs[block]) for block in both]) if both else None


def best_relative(run: Run, compared: Comparison) -> Beside | None:
    """The best of the other stacks that serve the baseline's app, and what the candidate's throughput is to it."""
    app = _app_of(run, compared.baseline)
    if app is None or compared.metric != "throughput":
        return None
    found = others(run, Condition(compared.scenario, compared.load), compared.candidate)
    relatives = [each for each in found if each.stack != compared.baseline and _app_of(run, each.stack) == app]
    return min(relatives, key=lambda each: each.ratio.point, default=None)


def others(run: Run, case: Condition, candidate: str) -> tuple[Beside, ...]:
    """Every other stack that is valid in a case, with what the candidate's throughput is to it."""
    valid = [name for name in run.stack_names if name != candidate and run.is_valid(case, name)]
    ratios = {name: throughput_ratio(run, case, candidate, name) for name in valid}
    return tuple(Beside(name, found) for name, found in ratios.items() if found is not None)


def standing(found: Estimate, margin: float) -> Standing:
    """Whether two are the same to within a margin, undecided, or apart."""
    if found.low is None or found.high is None:
        return "unsettled"
    if found.low >= 1 / (1 + margin) and found.high <= 1 + margin:
        return "tied"
    return "unsettled" if found.low <= 1 <= found.high else "apart"


def _app_of(run: Run, name: str) -> str | None:
    stack = run.stack(name)
    return stack.app if stack else None


def _by_block(run: Run, case: Condition, stack: str) -> dict[int, float]:
    """Right answers a second in each block; a block without any is left out."""
    answered: dict[int, int] = {}
    window_s: dict[int, float] = {}
    for each in run.records_of(case, stack):
        if each.failure is None:
            answered[each.block] = answered.get(each.block, 0) + sum(counts.completed for counts in each.endpoints)
            window_s[each.block] = window_s.get(each.block, 0.0) + each.window_s
    return {block: amount / window_s[block] for block, amount in answered.items() if amount and window_s[block]}
