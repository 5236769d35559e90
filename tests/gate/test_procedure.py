"""What the whole gate guarantees, on simulated gates; ``benchmarks/gate/procedure.py`` is the long form."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from bakeoff.gate.decision import ALPHA_CONFIRM, CONFIRMING_BLOCKS, confirmed
from bakeoff.model import default_tolerances
from benchmarks.gate.procedure import (
    AT_THE_FLOOR,
    AT_THE_LIMIT,
    JUDGED,
    MAX_FALSE_PASSES,
    MAX_FALSE_REGRESSIONS,
    Case,
    at,
    rates,
)
from benchmarks.gate.simulation import BLOCK_S, after_block, block, new_gate

GATES = 30
"""Of each case: few, but enough for a rate that is far too high."""
SUSPICIONS = 80


def too_many(count: int, of: int, bound: float) -> bool:
    """Whether a count is larger than chance explains, where its probability is at most ``bound``."""
    return bool(stats.binomtest(count, of, bound, alternative="greater").pvalue < 0.001)


@pytest.mark.parametrize("case", AT_THE_FLOOR, ids=lambda case: case.name)
def test_no_more_gates_at_the_floor_are_regressions_than_promised(case: Case) -> None:
    """Several metrics and endpoints, correlated or not, heavy tails, short and long budgets, errors in bursts."""
    assert not too_many(rates(case, GATES).regressions, GATES, MAX_FALSE_REGRESSIONS)


@pytest.mark.parametrize("case", AT_THE_LIMIT, ids=lambda case: case.name)
def test_no_more_gates_at_the_limit_pass_than_promised(case: Case) -> None:
    """In one required metric or in all of them."""
    assert not too_many(rates(case, GATES).passes, GATES, MAX_FALSE_PASSES)


def test_fresh_blocks_confirm_several_metrics_no_more_often_than_one() -> None:
    """Five suspected metrics at their floors: any of them in at most one try of five."""
    rng, floors, wrong = np.random.default_rng(0), at("floor", JUDGED), 0
    for _ in range(SUSPICIONS):
        fresh = [
            {key: floors[key] + spread * rng.standard_normal() for key, spread in JUDGED.items()}
            for _ in range(CONFIRMING_BLOCKS)
        ]
        wrong += bool(confirmed(fresh, tuple(JUDGED), default_tolerances()))
    assert not too_many(wrong, SUSPICIONS, ALPHA_CONFIRM)


def test_a_suspicion_that_returns_again_and_again_is_confirmed_no_more_often() -> None:
    """Six slow blocks at the start keep all metrics suspected; the fresh ones are at the floor. All tries together."""
    rng, floors, ended = np.random.default_rng(0), at("floor", JUDGED), Counter[str | None]()
    rejections = []
    for _ in range(SUSPICIONS):
        state = new_gate(budget_s=200.0)
        while state.verdict is None:
            slow = 0.0 if state.suspicion or state.rejections else 0.5
            effects = {key: floors[key] + slow + spread * rng.standard_normal() for key, spread in JUDGED.items()}
            state = after_block(state, block(effects), BLOCK_S)
        ended[state.verdict] += 1
        rejections.append(state.rejections)
    assert max(rejections) > 2  # There are retries.
    assert not too_many(ended["regression"], SUSPICIONS, 2 * ALPHA_CONFIRM)
