"""A gate on simulated blocks: what it finds, what it lets pass, when it ends."""

from __future__ import annotations

import numpy as np
import pytest

from bakeoff.gate.decision import Hypotheses, Key
from bakeoff.gate.state import CONFIRMING_BLOCKS, Measured, Trial
from bakeoff.model import Counts, GateSettings
from tests.gate.simulated import BLOCK_S, CPU, MEDIAN, MEMORY, SIGNS, START_S, TAIL, gate, verdicts

RUNS = 1000
FINE = Counts(requests=500, errors=0)


def test_unchanged_code_passes() -> None:
    """A thousand A/A gates: none finds a regression, and next to none cannot decide."""
    ended = verdicts(RUNS, {})
    assert ended["regression"] == 0
    assert ended["pass"] >= 0.99 * RUNS


@pytest.mark.parametrize(
    ("key", "change", "found_at_least"),
    [(CPU, 0.02, 0.95), (CPU, 0.05, 1.0), (MEDIAN, 0.03, 0.95), (MEMORY, 0.2, 1.0)],
)
def test_a_change_of_the_limit_is_found(key: Key, change: float, found_at_least: float) -> None:
    """At the limit, where it is hardest, and beyond."""
    ended = verdicts(RUNS // 2, {key: float(np.log1p(change))})
    assert ended["regression"] >= found_at_least * RUNS / 2


def test_a_change_at_the_floor_is_rarely_called_a_regression() -> None:
    """Suspected with 5 %, confirmed with 20 %: one in a hundred."""
    ended = verdicts(RUNS, {CPU: float(np.log1p(0.005))})
    assert ended["regression"] <= 0.02 * RUNS


def test_a_change_of_the_limit_hardly_ever_passes() -> None:
    """2.5 % is what a pass may err, over all looks."""
    ended = verdicts(RUNS, {CPU: float(np.log1p(0.02))})
    assert ended["pass"] <= 0.035 * RUNS


def test_bounds_hold_the_truth() -> None:
    """The final lower bound lies above the true change no more often than suspicions may err."""
    rng = np.random.default_rng(3)
    true = float(np.log1p(0.01))
    missed = 0
    for _ in range(RUNS):
        (bounds,) = [one for one in gate(rng, {CPU: true}).bounds if one.key == CPU]
        missed += not bounds.lower <= true <= bounds.upper
    assert missed <= 0.075 * RUNS + 3 * np.sqrt(0.075 * RUNS)


def test_better_code_passes() -> None:
    """Half the CPU is no regression."""
    assert gate(np.random.default_rng(0), {CPU: float(np.log(0.5))}).verdict == "pass"


def test_a_gate_ends_within_its_budget() -> None:
    """However undecided: the last block is one that there was time for."""
    rng = np.random.default_rng(5)
    for _ in range(50):
        trial = gate(rng, {CPU: float(np.log1p(0.012)), MEDIAN: float(np.log1p(0.02))})
        assert START_S + BLOCK_S * len(trial.blocks) <= trial.settings.budget_s + BLOCK_S


def test_a_suspicion_that_fresh_blocks_do_not_share_is_no_regression() -> None:
    """Ten bad blocks, then good ones: not confirmed, and said so."""
    trial = Trial(settings=GateSettings(budget_s=500), tests=Hypotheses(SIGNS))
    rng = np.random.default_rng(0)
    elapsed_s = 0.0
    while trial.suspected_at is None:
        elapsed_s += 5
        trial.add(Measured(effects={CPU: 0.05 + 0.002 * rng.standard_normal()}, base=FINE, head=FINE), elapsed_s, 5.0)
    assert trial.suspected == (CPU,)
    for _ in range(CONFIRMING_BLOCKS):
        elapsed_s += 5
        trial.add(Measured(effects={CPU: 0.002 * rng.standard_normal()}, base=FINE, head=FINE), elapsed_s, 5.0)
    assert trial.rejected
    assert trial.verdict is None


def test_a_suspicion_about_a_tail_that_comes_to_nothing_does_not_cost_a_pass() -> None:
    """With the budget spent on it, what the other metrics show still counts."""
    trial = Trial(settings=GateSettings(budget_s=64), tests=Hypotheses(SIGNS))
    rng = np.random.default_rng(0)
    while trial.verdict is None:
        tail = 0.3 if trial.suspected_at is None else 0.0
        effects = {CPU: 0.001 * rng.standard_normal(), TAIL: tail + 0.01 * rng.standard_normal()}
        block = Measured(effects={**effects, MEDIAN: 0.001 * rng.standard_normal()}, base=FINE, head=FINE)
        trial.add(block, 5.0 * (len(trial.blocks) + 1), 5.0)
    assert (trial.verdict, trial.rejected) == ("pass", True)


def test_errors_that_rise_are_a_regression_at_once() -> None:
    """A head that fails one request in fifty, where the base fails none."""
    trial = Trial(settings=GateSettings(), tests=Hypotheses(SIGNS))
    verdict = None
    blocks = 0
    while verdict is None:
        blocks += 1
        bad = Counts(requests=500, errors=10)
        verdict = trial.add(Measured(effects={CPU: 0.0}, base=FINE, head=bad), 5.0 * blocks, 5.0)
    assert (verdict, blocks) == ("regression", 2)


def test_errors_on_both_sides_are_nobodys_regression() -> None:
    """As many before as after."""
    trial = Trial(settings=GateSettings(), tests=Hypotheses(SIGNS))
    bad = Counts(requests=500, errors=10)
    for block in range(4):
        assert trial.add(Measured(effects={CPU: 0.0}, base=bad, head=bad), 5.0 * block, 5.0) is None


def test_a_mishap_of_one_block_is_no_regression() -> None:
    """Thirty errors, all in one block: something happened to the machine."""
    trial = Trial(settings=GateSettings(), tests=Hypotheses(SIGNS))
    trial.add(Measured(effects={CPU: 0.0}, base=FINE, head=Counts(requests=500, errors=30)), 5.0, 5.0)
    assert trial.add(Measured(effects={CPU: 0.0}, base=FINE, head=FINE), 10.0, 5.0) is None


def test_a_budget_too_small_for_a_look_is_inconclusive() -> None:
    """Never a pass for want of data."""
    trial = Trial(settings=GateSettings(budget_s=12.0), tests=Hypotheses(SIGNS))
    assert trial.add(Measured(effects={CPU: 0.0}, base=FINE, head=FINE), 5.0, 5.0) is None
    assert trial.add(Measured(effects={CPU: 0.0}, base=FINE, head=FINE), 10.0, 5.0) == "inconclusive"


def test_a_suspicion_is_tried_on_what_there_was_time_for() -> None:
    """The machine became slow meanwhile: three fresh blocks are fewer than planned, and enough."""
    trial = Trial(settings=GateSettings(budget_s=100), tests=Hypotheses(SIGNS))
    rng = np.random.default_rng(0)
    elapsed_s, verdict = 0.0, None
    while verdict is None:
        block_s = 5.0 if trial.suspected_at is None else 15.0
        elapsed_s += block_s
        effects = {CPU: 0.05 + 0.002 * rng.standard_normal()}
        verdict = trial.add(Measured(effects=effects, base=FINE, head=FINE), elapsed_s, block_s)
    assert verdict == "regression"
    assert trial.suspected_at is not None
    assert len(trial.blocks) - trial.suspected_at < CONFIRMING_BLOCKS


def test_what_a_pass_needs_must_have_been_measured() -> None:
    """Without CPU time there is no pass, however equal the latencies."""
    trial = Trial(settings=GateSettings(budget_s=80), tests=Hypotheses(SIGNS))
    rng = np.random.default_rng(0)
    elapsed_s, verdict = 0.0, None
    while verdict is None:
        elapsed_s += 5.0
        effects = {MEDIAN: 0.002 * rng.standard_normal()}
        verdict = trial.add(Measured(effects=effects, base=FINE, head=FINE), elapsed_s, 5.0)
    assert verdict == "inconclusive"
