"""A plan is fixed by its seed, fair to every stack, and refused when it cannot conclude anything."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.experiment.plan import DesignError, check_design, fewest_blocks, plan_blocks, slice_length_s
from tests.builders import experiment, stack

seeds = st.integers(0, 2**31 - 1)


@given(seeds, st.integers(1, 5), st.integers(1, 4))
def test_every_stack_gets_the_same_number_of_slices(seed: int, stacks: int, passes: int) -> None:
    """In each block, under each load, every stack is measured once a pass."""
    asked = experiment(*(stack(f"s{index}") for index in range(stacks)), passes=passes)
    for block in plan_blocks(asked, seed):
        counts = Counter((one.stack, one.load) for one in block.slices)
        assert len(counts) == stacks * len(asked.loads)
        assert set(counts.values()) == {passes}


@given(seeds)
def test_two_passes_make_a_palindrome(seed: int) -> None:
    """Under each load the order turns around, so that a drift weighs on all stacks alike."""
    asked = experiment(passes=2)
    for block in plan_blocks(asked, seed):
        for load in asked.loads:
            order = [one.stack for one in block.slices if one.load == load]
            assert order == order[::-1]


@given(seeds)
def test_positions_count_up_within_a_block(seed: int) -> None:
    """A position names one slice of its block."""
    for block in plan_blocks(experiment(), seed):
        assert [one.position for one in block.slices] == list(range(len(block.slices)))


@given(seeds)
def test_the_same_seed_gives_the_same_plan(seed: int) -> None:
    """A run can be planned again from its manifest."""
    assert plan_blocks(experiment(), seed) == plan_blocks(experiment(), seed)


def test_first_place_is_drawn_evenly() -> None:
    """Over many blocks each stack begins about as often as any other."""
    firsts = Counter(block.slices[0].stack for block in plan_blocks(experiment(blocks=600), seed=1))
    assert all(150 < count < 250 for count in firsts.values())


def test_blocks_differ_in_order_and_seeds() -> None:
    """Start order, hash seed and ports are part of the draw."""
    blocks = plan_blocks(experiment(blocks=50), seed=1)
    assert len({block.start_order for block in blocks}) == 6
    assert len({block.hash_seed for block in blocks}) == len({block.port_seed for block in blocks}) == 50


@pytest.mark.parametrize(("candidates", "blocks"), [(1, 6), (2, 7), (3, 7), (4, 8)])
def test_the_fewest_blocks_can_just_reach_five_percent(candidates: int, blocks: int) -> None:
    """Two to the minus n, twice, times the number of candidates."""
    assert fewest_blocks(0.05, candidates) == blocks
    assert 2 * 2.0**-blocks * candidates <= 0.05 < 2 * 2.0 ** -(blocks - 1) * candidates


def test_a_design_that_cannot_conclude_is_refused_with_the_remedy() -> None:
    """The message names the number of blocks that would do."""
    with pytest.raises(DesignError, match="set blocks = 7"):
        check_design(experiment(blocks=6))
    check_design(experiment(blocks=7))


def test_one_stack_alone_needs_no_blocks_for_a_comparison() -> None:
    """There is nothing to conclude, so nothing to refuse."""
    check_design(experiment(stack("only"), blocks=1))


@given(st.floats(0.1, 5), st.floats(0, 10), st.floats(5, 60))
def test_a_slice_outlasts_its_queue_unless_that_takes_too_long(least_s: float, mean_s: float, most_s: float) -> None:
    """Ten mean latencies or the least length, whichever is longer, up to the limit."""
    length_s = slice_length_s(least_s, mean_s, 10.0, most_s)
    assert length_s == most_s or length_s >= max(least_s, 10 * mean_s)
    assert length_s <= most_s
