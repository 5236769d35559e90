"""Where the gate decides: after each block there is a verdict, or another block is measured. Pure.

After any block: head has more errors than base, *regression*; too many unusable blocks, *invalid*. From the sixth block
on, in this order:

1. A metric above its floor is suspected, if there is time for six fresh blocks. If these confirm it, *regression*; else
   all blocks are looked at again.
2. All required metrics have passed: *pass*.
3. There is no time for another block: *inconclusive*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from bakeoff.analysis import sign_flip_p
from bakeoff.gate.bounds import SEED, Fractions, MetricBounds, look, measured_in_all, samples
from bakeoff.gate.effects import BlockEffects, Effects, MetricKey
from bakeoff.gate.state import GateState, Suspicion
from bakeoff.model import Counts, GateMetric, Role, Tolerance

FIRST_LOOK_BLOCKS = 6
CONFIRMING_BLOCKS = 6
"""Fresh blocks that test a suspicion. Time for them is reserved."""
ALPHA_CONFIRM = 0.2
"""Probability that fresh blocks confirm a change exactly as large as the floor; times `bounds.ALPHA_SUSPECT`, 1 %."""
ALPHA_ERRORS = 1e-4
MIN_BLOCKS_WITH_ERRORS = 2
"""Blocks in which head must have more errors than base: those of a single block may have another cause."""
MAX_UNUSABLE_SHARE = 0.5
"""Share of unusable blocks above which the machine is not fit for a gate."""
MAX_UNUSABLE_ANYWAY = 3
"""Unusable blocks that are accepted whatever their share."""


def decide(state: GateState, block: BlockEffects, elapsed_s: float, block_s: float) -> GateState:
    """The state after one more block, which took ``block_s`` and ended ``elapsed_s`` after the gate began."""
    state = state.with_block(block, elapsed_s, block_s)
    if errors_rose([block.base for block in state.blocks], [block.head for block in state.blocks]):
        return replace(state, verdict="regression")
    if state.suspicion is not None:
        return _test_suspicion(state, state.suspicion)
    return _look(state)


def leave_out(state: GateState, reason: str, elapsed_s: float) -> GateState:
    """The state after a block that is not used, for a reason that has to do with neither base nor head."""
    unusable = (*state.unusable, reason)
    state = replace(state, unusable=unusable, elapsed_s=elapsed_s)
    count, total = len(unusable), len(unusable) + len(state.blocks)
    if count > max(MAX_UNUSABLE_ANYWAY, MAX_UNUSABLE_SHARE * total):
        return state.invalid(f"{count} of {total} blocks could not be used: {reason}")
    return replace(state, verdict="inconclusive") if elapsed_s > state.settings.budget_s else state


def blocks_expected(state: GateState) -> int:
    """An estimate of how many more blocks there will be, at least one, for a progress bar."""
    confirming = CONFIRMING_BLOCKS if state.suspicion else 0
    return max(1, 2 * FIRST_LOOK_BLOCKS - len(state.blocks)) + confirming


def _look(state: GateState) -> GateState:
    """Suspect a regression, pass, or measure on."""
    if len(state.blocks) < FIRST_LOOK_BLOCKS:
        return _inconclusive_if_spent(state)
    fractions = Fractions(suspect=_fraction(state, reserved=CONFIRMING_BLOCKS), passing=_fraction(state, reserved=0))
    bounds, tests = look(state.effects, fractions, state.tests, state.settings.tolerances)
    state = replace(state, bounds=bounds, tests=tests)
    suspected = tuple(metric.key for metric in bounds if metric.regressed)
    if suspected and state.blocks_to_come >= CONFIRMING_BLOCKS:
        return replace(state, suspicion=Suspicion(suspected, after_blocks=len(state.blocks)))
    if not not_passed(bounds, state.settings.tolerances):
        return replace(state, verdict="pass")
    return _inconclusive_if_spent(state)


def _fraction(state: GateState, reserved: int) -> float:
    """Blocks measured so far, as a share of all blocks that fit into the budget, without the reserved ones."""
    to_come = max(0, state.blocks_to_come - reserved)
    return len(state.blocks) / (len(state.blocks) + to_come)


def _test_suspicion(state: GateState, suspicion: Suspicion) -> GateState:
    """Once there are enough fresh blocks, or no time for more: a regression, or another look at all blocks."""
    fresh = state.effects[suspicion.after_blocks :]
    if len(fresh) < CONFIRMING_BLOCKS and state.blocks_to_come:
        return state
    regressed = confirmed(fresh, suspicion.metrics, state.settings.tolerances)
    if not regressed:
        return _look(replace(state, suspicion=None, rejected=True))
    bounds, tests = look(state.effects, Fractions(1.0, 1.0), state.tests, state.settings.tolerances)
    return replace(state, regressed=regressed, bounds=bounds, tests=tests, verdict="regression")


def _inconclusive_if_spent(state: GateState) -> GateState:
    return state if state.blocks_to_come else replace(state, verdict="inconclusive")


def not_passed(bounds: Sequence[MetricBounds], tolerances: Mapping[GateMetric, Tolerance]) -> tuple[MetricKey, ...]:
    """The required metrics, over all endpoints, that have not passed or could not be measured."""
    required = [MetricKey(metric) for metric, tolerance in tolerances.items() if tolerance.role is Role.REQUIRED]
    passed = {metric.key for metric in bounds if metric.passed}
    return tuple(key for key in required if key not in passed)


def confirmed(
    fresh: Sequence[Effects], suspected: Sequence[MetricKey], tolerances: Mapping[GateMetric, Tolerance]
) -> tuple[MetricKey, ...]:
    """The suspected metrics that fresh blocks, by themselves, show to be above their floors; each is tested alone."""
    measured = set(measured_in_all(fresh))
    return tuple(
        key
        for key in suspected
        if key in measured and _p_above_floor(fresh, key, tolerances[key.metric]) <= ALPHA_CONFIRM
    )


def _p_above_floor(blocks: Sequence[Effects], key: MetricKey, tolerance: Tolerance) -> float:
    """One-sided p that a metric's effects lie above its floor."""
    (above_floor,) = samples(blocks, [key], [tolerance.floor])
    return sign_flip_p(above_floor, np.random.default_rng(SEED), alternative="greater")


def errors_rose(base: Sequence[Counts], head: Sequence[Counts]) -> bool:
    """Whether head has more errors than base, block by block: in several blocks, and more than chance explains.

    Given how many requests each side got, head's share of all errors is tested against its share of all requests
    (binomial test).
    """
    worse = sum(ours.errors > theirs.errors for ours, theirs in zip(head, base, strict=True))
    if worse < MIN_BLOCKS_WITH_ERRORS:
        return False
    base_requests, head_requests = (sum(counts.requests for counts in side) for side in (base, head))
    base_errors, head_errors = (sum(counts.errors for counts in side) for side in (base, head))
    if head_errors <= base_errors:
        return False
    share = head_requests / (head_requests + base_requests)
    test = stats.binomtest(head_errors, head_errors + base_errors, share, alternative="greater")
    return bool(test.pvalue < ALPHA_ERRORS)
