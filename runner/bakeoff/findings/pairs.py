"""The throughputs of two stacks compared block by block, where neither need be the baseline."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from bakeoff.analysis import excludes_one, ratio_estimate, same_within
from bakeoff.model import Comparison, Condition, Estimate, Run

Standing = Literal["tied", "unsettled", "apart"]


class Rival(NamedTuple):
    """A stack, and a candidate's throughput over its own."""

    stack: str
    ratio: Estimate


def throughput_ratio(run: Run, condition: Condition, candidate: str, other: str) -> Estimate | None:
    """The throughput of a candidate over another's, over the blocks that have both; ``None`` where none has."""
    numerator, denominator = _rps_by_block(run, condition, candidate), _rps_by_block(run, condition, other)
    both = sorted(numerator.keys() & denominator.keys())
    log_ratios = [math.log(numerator[block] / denominator[block]) for block in both]
    return ratio_estimate(log_ratios) if log_ratios else None


def best_relative(run: Run, comparison: Comparison) -> Rival | None:
    """The best other stack that serves the baseline's app, and the candidate's throughput over its own."""
    baseline = run.stack(comparison.baseline)
    if baseline is None or baseline.app is None or comparison.metric != "throughput":
        return None
    relatives = []
    for rival in rivals(run, Condition(comparison.scenario, comparison.load), comparison.candidate):
        stack = run.stack(rival.stack)
        if stack and stack.app == baseline.app and stack.name != comparison.baseline:
            relatives.append(rival)
    return min(relatives, key=lambda rival: rival.ratio.point, default=None)


def rivals(run: Run, condition: Condition, candidate: str) -> tuple[Rival, ...]:
    """Every other stack with a valid row, and the candidate's throughput over its own."""
    valid = [name for name in run.stack_names if name != candidate and run.is_valid(condition, name)]
    ratios = {name: throughput_ratio(run, condition, candidate, name) for name in valid}
    return tuple(Rival(name, ratio) for name, ratio in ratios.items() if ratio is not None)


def standing(ratio: Estimate, margin: float) -> Standing:
    """Whether two stacks are the same to within a margin, undecided, or apart."""
    if same_within(ratio, margin):
        return "tied"
    return "apart" if excludes_one(ratio) else "unsettled"


def _rps_by_block(run: Run, condition: Condition, stack: str) -> dict[int, float]:
    """Right answers a second in each block; a block without any is left out."""
    completed: dict[int, int] = {}
    window_s: dict[int, float] = {}
    for record in run.records_of(condition, stack):
        if record.failure is None:
            amount = sum(counts.completed for counts in record.endpoints)
            completed[record.block] = completed.get(record.block, 0) + amount
            window_s[record.block] = window_s.get(record.block, 0.0) + record.window_s
    return {block: amount / window_s[block] for block, amount in completed.items() if amount and window_s[block]}
