"""Where the gate decides: after each block there is a verdict, or another block is measured. Pure.

After any block: errors have risen, *regression*; too many unusable blocks, *invalid*, unless errors may have risen and
more blocks can tell. From the sixth block on, in this order:

1. A metric above its floor is suspected, if there is time for six fresh blocks. If these confirm it, *regression*; else
   all blocks are looked at again.
2. All required metrics have passed, and errors are not in doubt: *pass*.
3. There is no time for another block: *inconclusive*.

The chance of a false regression, where no metric is above its floor and errors are as likely on one side as on the
other, is at most 4.5 % for the whole gate:

- `bounds.ALPHA_SUSPECT`, 5 %, that any metric is ever suspected, over all metrics and looks; times the chance that any
  suspicion is confirmed. The blocks of a try are fresh, so whatever led to it, that try errs with its own level, over
  all suspected metrics; the levels 0.2, 0.1, 0.05, ... add up to less than 0.4. Together 2 %.
- `errors.ALPHA_ERRORS`, 2.5 %, for a rise of errors, over all looks.

The chance of a false pass, where a required metric is at its limit or above, is at most `bounds.ALPHA_PASS`, 2.5 %:
a pass needs that metric to pass, and over all looks it does so with no larger chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bakeoff.analysis import max_t_p
from bakeoff.gate.bounds import SEED, Fractions, MetricBounds, look, measured_in_all, samples
from bakeoff.gate.effects import BlockCounts, BlockEffects, Effects, MetricKey
from bakeoff.gate.errors import excess, may_have_risen
from bakeoff.gate.state import GateState, Suspicion
from bakeoff.model import GateMetric, Role, Tolerance

FIRST_LOOK_BLOCKS = 6
CONFIRMING_BLOCKS = 6
"""Fresh blocks that test a suspicion. Time for them is reserved."""
ALPHA_CONFIRM = 0.2
"""Probability that the first fresh blocks confirm any of the suspected metrics where all are at their floors. Each
further try has half the level of the one before, so all tries together have less than twice this one."""
MAX_UNUSABLE_SHARE = 0.5
"""Share of unusable blocks above which the machine is not fit for a gate."""
MAX_UNUSABLE_ANYWAY = 3
"""Unusable blocks that are accepted whatever their share."""


def decide(state: GateState, block: BlockEffects, elapsed_s: float, block_s: float) -> GateState:
    """The state after one more block, which took ``block_s`` and ended ``elapsed_s`` after the gate began."""
    state = _look_at_errors(state.with_counts(block.counts, elapsed_s, block_s).with_block(block))
    if state.verdict is not None:
        return state
    if state.suspicion is not None:
        return _test_suspicion(state, state.suspicion)
    return _look(state)


def leave_out(state: GateState, reason: str, counts: BlockCounts, elapsed_s: float, block_s: float) -> GateState:
    """The state after a block whose errors count and whose effects do not, for the reason given."""
    state = _look_at_errors(state.with_counts(counts, elapsed_s, block_s).with_unusable(reason))
    if state.verdict is not None:
        return state
    count, total = len(state.unusable), len(state.counts)
    errors_may_decide = may_have_risen(state.counts) and state.blocks_to_come
    if count > max(MAX_UNUSABLE_ANYWAY, MAX_UNUSABLE_SHARE * total) and not errors_may_decide:
        return state.invalid(f"{count} of {total} blocks could not be used: {reason}")
    if state.suspicion is not None:
        return _test_suspicion(state, state.suspicion)
    return _inconclusive_if_spent(state)


def blocks_expected(state: GateState) -> int:
    """An estimate of how many more blocks there will be, at least one, for a progress bar."""
    confirming = CONFIRMING_BLOCKS if state.suspicion else 0
    return max(1, 2 * FIRST_LOOK_BLOCKS - len(state.blocks)) + confirming


def _look_at_errors(state: GateState) -> GateState:
    """A regression if the head has more errors than the base."""
    differences = excess(state.counts)
    if len(state.counts) < 2 or not differences.any():
        return state
    tests = state.tests.for_blocks(len(state.counts))
    _, errors = tests.errors.look(differences, _fraction(state, len(state.counts)))
    state = replace(state, tests=replace(tests, errors=errors))
    return replace(state, verdict="regression") if errors.rejected else state


def _look(state: GateState) -> GateState:
    """Suspect a regression, pass, or measure on."""
    if len(state.blocks) < FIRST_LOOK_BLOCKS:
        return _inconclusive_if_spent(state)
    blocks = len(state.blocks)
    fractions = Fractions(suspect=_fraction(state, blocks, CONFIRMING_BLOCKS), passing=_fraction(state, blocks))
    bounds, tests = look(state.effects, fractions, state.tests, state.settings.tolerances)
    state = replace(state, bounds=bounds, tests=tests)
    suspected = tuple(metric.key for metric in bounds if metric.regressed)
    if suspected and state.blocks_to_come >= CONFIRMING_BLOCKS:
        return replace(state, suspicion=Suspicion(suspected, after_blocks=len(state.blocks)))
    if not not_passed(bounds, state.settings.tolerances) and not may_have_risen(state.counts):
        return replace(state, verdict="pass")
    return _inconclusive_if_spent(state)


def _fraction(state: GateState, blocks: int, reserved: int = 0) -> float:
    """The blocks so far, as a share of all blocks that fit into the budget, without the reserved ones."""
    to_come = max(0, state.blocks_to_come - reserved)
    return blocks / (blocks + to_come)


def _test_suspicion(state: GateState, suspicion: Suspicion) -> GateState:
    """Once there are enough fresh blocks, or no time for more: a regression, or another look at all blocks."""
    fresh = state.effects[suspicion.after_blocks :]
    if len(fresh) < CONFIRMING_BLOCKS and state.blocks_to_come:
        return state
    level = ALPHA_CONFIRM / 2**state.rejections
    regressed = confirmed(fresh, suspicion.metrics, state.settings.tolerances, level)
    if not regressed:
        return _look(replace(state, suspicion=None, rejections=state.rejections + 1))
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
    fresh: Sequence[Effects],
    suspected: Sequence[MetricKey],
    tolerances: Mapping[GateMetric, Tolerance],
    level: float = ALPHA_CONFIRM,
) -> tuple[MetricKey, ...]:
    """The suspected metrics that fresh blocks, by themselves, show to be above their floors.

    ``level`` is the probability that any of them is confirmed where all are at their floors.
    """
    measured = set(measured_in_all(fresh))
    keys = [key for key in suspected if key in measured]
    above_floor = samples(fresh, keys, [tolerances[key.metric].floor for key in keys])
    p_values = max_t_p(
        [dict(enumerate(row)) for row in above_floor.tolist()],
        [1.0] * len(keys),
        np.random.default_rng(SEED),
        alternative="greater",
    )
    return tuple(key for key, p_value in zip(keys, p_values, strict=True) if p_value <= level)
