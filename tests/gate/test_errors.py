"""Errors of the head: when they are a regression, and when they keep a gate from passing."""

from __future__ import annotations

import numpy as np
import pytest

from bakeoff.gate.decision import leave_out
from bakeoff.gate.effects import BlockCounts
from bakeoff.gate.result import gate_result
from bakeoff.gate.state import GateState
from bakeoff.model import Counts
from benchmarks.gate.simulation import (
    BLOCK_S,
    CPU,
    MEDIAN,
    NO_ERRORS,
    Blocks,
    Failures,
    after_block,
    block,
    new_gate,
    verdicts,
)


def errors(count: int) -> Counts:
    """Of one side in a block."""
    return Counts(requests=NO_ERRORS.requests, errors=count)


def gate_on(base: list[int], head: list[int]) -> GateState:
    """A gate on unchanged speed whose sides have so many errors in each block."""
    rng, state = np.random.default_rng(0), new_gate()
    for base_errors, head_errors in zip(base, head, strict=True):
        if state.verdict is None:
            effects = {key: 0.0001 * rng.standard_normal() for key in (CPU, MEDIAN)}
            state = after_block(state, block(effects, base=errors(base_errors), head=errors(head_errors)))
    return state


def test_errors_in_every_block_are_a_regression_as_soon_as_chance_is_ruled_out() -> None:
    """The head alone has errors in seven blocks: one side has them all once in 128 times."""
    state = gate_on([0] * 20, [33] * 20)
    assert (state.verdict, len(state.blocks)) == ("regression", 7)


def test_errors_on_both_sides_are_no_regression() -> None:
    """As many of the base as of the head."""
    assert gate_on([10] * 20, [10] * 20).verdict == "pass"


@pytest.mark.parametrize("count", [5, 30, 3000])
def test_a_burst_of_errors_is_neither_a_regression_nor_a_pass(count: int) -> None:
    """They may have another cause than the head, and they may not."""
    state = gate_on([0] * 30, [count, *[0] * 29])
    assert state.verdict == "inconclusive"
    undecided, errors = gate_result(state, "main", "working tree", 120.0).reasons
    assert "neither a pass nor a regression could be shown for errors" in undecided
    assert errors.startswith("the head has more errors than the base")


def test_a_single_error_does_not_keep_a_gate_from_passing() -> None:
    """Chance explains it."""
    assert gate_on([0] * 30, [1, *[0] * 29]).verdict == "pass"


def test_a_head_that_fails_one_request_in_150_is_found() -> None:
    """The base fails none."""
    assert verdicts(100, Blocks(head=Failures(share=1 / 150)))["regression"] == 100


def test_a_head_that_fails_one_request_in_3000_rarely_passes() -> None:
    """Ten errors are expected by the time of the first look."""
    assert verdicts(100, Blocks(head=Failures(share=1 / 3000)))["pass"] <= 5


def without_effects(base: list[int], head: list[int]) -> GateState:
    """A gate whose blocks are all left out, with so many errors of each side."""
    state = new_gate()
    for base_errors, head_errors in zip(base, head, strict=True):
        if state.verdict is None:
            counts = BlockCounts(errors(base_errors), errors(head_errors))
            state = leave_out(state, "requests were sent late", counts, state.elapsed_s + BLOCK_S, BLOCK_S)
    return state


def test_errors_count_in_blocks_whose_effects_do_not() -> None:
    """A machine that is too busy for latencies still shows that the head fails."""
    assert without_effects([0] * 20, [33] * 20).verdict == "regression"


def test_errors_of_both_sides_in_blocks_without_effects_are_no_regression() -> None:
    """The machine is not fit, and says nothing on the head."""
    assert without_effects([33] * 20, [33] * 20).verdict == "invalid"


def test_blocks_in_which_the_base_fails_are_not_left_out_of_the_errors() -> None:
    """Base and head fail in turn. Where the base does not fail, the head alone does."""
    rng, state = np.random.default_rng(0), new_gate()
    while state.verdict is None:
        state = after_block(state, block({CPU: 0.0001 * rng.standard_normal(), MEDIAN: 0.0}, head=errors(330)))
        if state.verdict is None:
            counts = BlockCounts(errors(330), errors(0))
            state = leave_out(state, "at the base, requests failed", counts, state.elapsed_s + BLOCK_S, BLOCK_S)
    assert state.verdict != "regression"
