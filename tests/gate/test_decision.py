"""A gate on simulated blocks: what it detects, what it lets pass, and when it ends."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from bakeoff.gate.bounds import MetricBounds
from bakeoff.gate.decision import CONFIRMING_BLOCKS, confirmed, decide, leave_out
from bakeoff.gate.effects import BlockCounts, MetricKey
from bakeoff.gate.result import gate_result
from bakeoff.gate.state import GateState
from bakeoff.model import Estimate, GateSettings
from benchmarks.gate.simulation import (
    BLOCK_S,
    CPU,
    MEDIAN,
    MEMORY,
    NO_ERRORS,
    SPREADS,
    START_S,
    TAIL,
    Blocks,
    after_block,
    block,
    gate,
    new_gate,
    verdicts,
)

RUNS = 400
CORRECT = BlockCounts(NO_ERRORS, NO_ERRORS)
ONE_PER_CENT = float(np.log1p(0.01))


def bounds_of(state: GateState, key: MetricKey) -> MetricBounds:
    """A metric's bounds at the last look."""
    (bounds,) = [bounds for bounds in state.bounds if bounds.key == key]
    return bounds


def ratio(state: GateState, key: MetricKey) -> Estimate:
    """A metric's ratio as the gate reports it."""
    metrics = gate_result(state, "base", "head", 60.0).metrics
    (comparison,) = [comparison for comparison in metrics if comparison.metric == key.metric]
    return comparison.ratio


@pytest.fixture(scope="module")
def unchanged() -> list[GateState]:
    """Four hundred A/A gates."""
    rng = np.random.default_rng(0)
    return [gate(rng, Blocks()) for _ in range(RUNS)]


@pytest.fixture(scope="module")
def slightly_slower() -> list[GateState]:
    """Four hundred gates whose head needs one per cent more CPU time."""
    rng = np.random.default_rng(3)
    return [gate(rng, Blocks({CPU: ONE_PER_CENT})) for _ in range(RUNS)]


def test_unchanged_code_passes(unchanged: list[GateState]) -> None:
    """None of the A/A gates finds a regression, and at most one in a hundred is inconclusive."""
    ended = Counter(state.verdict for state in unchanged)
    assert ended["regression"] == 0
    assert ended["pass"] >= 0.99 * RUNS


@pytest.mark.parametrize("key", SPREADS)
def test_ratios_of_unchanged_code_are_one_with_intervals_as_wide_as_the_noise(
    key: MetricKey, unchanged: list[GateState]
) -> None:
    """There is no bias, the estimates scatter as much as the blocks' noise explains, and most intervals hold one."""
    estimates = [ratio(state, key) for state in unchanged]
    logs = np.log([estimate.point for estimate in estimates])
    expected_spread = np.sqrt(np.mean([SPREADS[key] ** 2 / estimate.n for estimate in estimates]))
    assert abs(logs.mean()) < 4 * expected_spread / np.sqrt(RUNS)
    assert logs.std(ddof=1) == pytest.approx(expected_spread, rel=0.15)
    covered = sum(estimate.low <= 1 <= estimate.high for estimate in estimates if estimate.low and estimate.high)
    assert 0.92 * RUNS <= covered <= 0.98 * RUNS


def test_a_change_is_reported_at_its_size(slightly_slower: list[GateState]) -> None:
    """And metrics that did not change stay at one."""
    assert np.mean([ratio(state, CPU).point for state in slightly_slower]) == pytest.approx(1.01, abs=0.0005)
    assert np.mean([ratio(state, MEDIAN).point for state in slightly_slower]) == pytest.approx(1, abs=0.0005)


def test_bounds_hold_the_true_change(slightly_slower: list[GateState]) -> None:
    """The bounds of the last look miss it no more often than both error rates together allow."""
    final = [bounds_of(state, CPU) for state in slightly_slower]
    missed = sum(not bounds.lower <= ONE_PER_CENT <= bounds.upper for bounds in final)
    assert missed <= 0.075 * RUNS + 3 * np.sqrt(0.075 * RUNS)


@pytest.mark.parametrize(
    ("key", "change", "found_at_least"),
    [(CPU, 0.02, 0.95), (CPU, 0.05, 1.0), (MEDIAN, 0.03, 0.95), (MEMORY, 0.2, 1.0)],
)
def test_a_change_of_the_limit_is_detected(key: MetricKey, change: float, found_at_least: float) -> None:
    """At the limit, where it is hardest, and beyond."""
    ended = verdicts(RUNS // 2, Blocks({key: float(np.log1p(change))}))
    assert ended["regression"] >= found_at_least * RUNS / 2


def test_the_smallest_visible_change_is_seen_nearly_always() -> None:
    """A change of that size lies above the floor by the stated test in about 95 % of samples of as many blocks."""
    rng = np.random.default_rng(17)
    bounds = bounds_of(gate(rng, Blocks()), CPU)
    true = np.log1p(bounds.smallest_visible)
    drawn = true + bounds.error * np.sqrt(bounds.blocks) * rng.standard_normal((4000, bounds.blocks))
    t = stats.ttest_1samp(drawn, np.log1p(bounds.tolerance.floor), axis=1, alternative="greater")
    assert np.mean(t.pvalue < 0.05) == pytest.approx(0.95, abs=0.05)


def test_faster_code_passes() -> None:
    """Half the CPU time is no regression."""
    assert gate(np.random.default_rng(0), Blocks({CPU: float(np.log(0.5))})).verdict == "pass"


def test_a_gate_ends_within_its_budget() -> None:
    """However undecided it is, the last block is one that there was time for."""
    rng = np.random.default_rng(5)
    for _ in range(50):
        state = gate(rng, Blocks({CPU: float(np.log1p(0.012)), MEDIAN: float(np.log1p(0.02))}))
        assert START_S + BLOCK_S * len(state.blocks) <= state.settings.budget_s + BLOCK_S


def test_a_gate_may_have_more_blocks_than_signs_were_drawn_for() -> None:
    """A larger budget is what an inconclusive gate advises; the test's signs are for 40 blocks."""
    rng = np.random.default_rng(7)
    state = new_gate(budget_s=60 * BLOCK_S)
    while state.verdict is None:
        state = after_block(
            state, block({CPU: 0.015 + 0.2 * rng.standard_normal(), MEDIAN: 0.2 * rng.standard_normal()})
        )
    assert (state.verdict, len(state.blocks)) == ("inconclusive", 60)


def test_a_suspicion_that_fresh_blocks_do_not_confirm_is_dropped() -> None:
    """Blocks that were slow at first and then are not: the gate goes on, and remembers it."""
    state = new_gate(budget_s=500)
    rng = np.random.default_rng(0)
    while state.suspicion is None:
        state = after_block(state, block({CPU: 0.05 + 0.002 * rng.standard_normal()}))
    assert state.suspicion.metrics == (CPU,)
    for _ in range(CONFIRMING_BLOCKS):
        state = after_block(state, block({CPU: 0.002 * rng.standard_normal()}))
    assert state.rejections == 1
    assert state.verdict is None


def test_a_dropped_suspicion_about_a_tail_does_not_cost_a_pass() -> None:
    """When it has used up the budget, what the other metrics show still counts."""
    state = new_gate(budget_s=64)
    rng = np.random.default_rng(0)
    while state.verdict is None:
        tail = 0.3 if state.suspicion is None else 0.0
        effects = {CPU: 0.001 * rng.standard_normal(), TAIL: tail + 0.01 * rng.standard_normal()}
        state = after_block(state, block({**effects, MEDIAN: 0.001 * rng.standard_normal()}))
    assert (state.verdict, state.rejections) == ("pass", 1)


def test_a_budget_too_small_for_a_look_is_inconclusive() -> None:
    """Missing data never make a pass."""
    first = after_block(new_gate(budget_s=12.0), block({CPU: 0.0}))
    assert first.verdict is None
    assert after_block(first, block({CPU: 0.0})).verdict == "inconclusive"


def test_a_suspicion_is_tested_on_the_blocks_there_was_time_for() -> None:
    """When the machine becomes slow, three fresh blocks are fewer than planned, and enough."""
    state = new_gate(budget_s=100)
    rng = np.random.default_rng(0)
    while state.verdict is None:
        block_s = 5.0 if state.suspicion is None else 15.0
        state = after_block(state, block({CPU: 0.05 + 0.002 * rng.standard_normal()}), block_s)
    assert state.verdict == "regression"
    assert state.suspicion is not None
    assert len(state.blocks) - state.suspicion.after_blocks < CONFIRMING_BLOCKS


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_fresh_blocks_confirm_nothing(count: int) -> None:
    """All of them lie above the floor by chance in one of two or one of four cases."""
    fresh = [{CPU: 0.1 + 0.001 * number} for number in range(count)]
    assert confirmed(fresh, [CPU], GateSettings().tolerances) == ()


def test_a_required_metric_must_have_been_measured() -> None:
    """Without CPU time there is no pass, however equal the latencies."""
    state = new_gate(budget_s=80)
    rng = np.random.default_rng(0)
    while state.verdict is None:
        state = after_block(state, block({MEDIAN: 0.002 * rng.standard_normal()}))
    assert state.verdict == "inconclusive"


def test_a_block_that_is_left_out_does_not_count() -> None:
    """What the blocks beside it show is the same as without it."""
    rng, same = np.random.default_rng(2), np.random.default_rng(2)
    plain, interrupted = new_gate(), new_gate()
    for number in range(8):
        elapsed_s = START_S + BLOCK_S * number
        plain = decide(plain, block({CPU: 0.002 * rng.standard_normal()}), elapsed_s, BLOCK_S)
        if number == 4:
            interrupted = leave_out(interrupted, "requests were sent late", CORRECT, elapsed_s - 1.0, BLOCK_S)
        interrupted = decide(interrupted, block({CPU: 0.002 * same.standard_normal()}), elapsed_s, BLOCK_S)
    assert interrupted.unusable == ("requests were sent late",)
    assert (interrupted.bounds, interrupted.verdict) == (plain.bounds, plain.verdict)


def test_too_many_unusable_blocks_make_a_gate_invalid() -> None:
    """The fourth, when there is no other block; the reason is kept."""
    state = new_gate()
    for _ in range(4):
        assert state.verdict is None
        state = leave_out(state, "requests were sent late", CORRECT, state.elapsed_s + BLOCK_S, BLOCK_S)
    assert state.verdict == "invalid"
    assert state.notes == ("4 of 4 blocks could not be used: requests were sent late",)


def test_a_suspicion_is_tested_when_a_block_that_is_left_out_takes_the_last_time() -> None:
    """With the fresh blocks that there are, as when the last block can be used."""
    rng, state = np.random.default_rng(0), new_gate()
    while state.suspicion is None or len(state.blocks) - state.suspicion.after_blocks < CONFIRMING_BLOCKS - 1:
        state = after_block(state, block({CPU: 0.1 + 0.002 * rng.standard_normal()}))
    state = leave_out(state, "requests were sent late", CORRECT, state.settings.budget_s - 0.1, BLOCK_S)
    assert state.verdict == "regression"


def test_an_unusable_block_that_spends_the_budget_ends_the_gate() -> None:
    """There is no time for another one."""
    state = leave_out(new_gate(budget_s=10), "the load generator was busy", CORRECT, 11.0, BLOCK_S)
    assert state.verdict == "inconclusive"
