"""A plan is fixed by its seed, and fair to every stack."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.experiment import plan_blocks, slice_length_s
from tests.builders import experiment, stack

seeds = st.integers(0, 2**31 - 1)


@given(seeds, st.integers(1, 5), st.integers(1, 4))
def test_every_stack_gets_the_same_number_of_slices(seed: int, stacks: int, passes: int) -> None:
    """In each block, under each load, every stack is measured once a pass."""
    written = experiment(*(stack(f"s{index}") for index in range(stacks)), passes=passes)
    for block in plan_blocks(written, seed):
        counts = Counter((planned.stack, planned.load) for planned in block.slices)
        assert len(counts) == stacks * len(written.loads)
        assert set(counts.values()) == {passes}


@given(seeds)
def test_two_passes_make_a_palindrome(seed: int) -> None:
    """Under each load the order is reversed, so that a drift affects all stacks alike."""
    written = experiment(passes=2)
    for block in plan_blocks(written, seed):
        for load in written.loads:
            order = [planned.stack for planned in block.slices if planned.load == load]
            assert order == order[::-1]


@given(seeds)
def test_positions_count_up_within_a_block(seed: int) -> None:
    """A position names one slice of its block."""
    for block in plan_blocks(experiment(), seed):
        assert [planned.position for planned in block.slices] == list(range(len(block.slices)))


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


@given(st.floats(0.1, 5), st.floats(0, 10), st.floats(5, 60))
def test_a_slice_outlasts_its_queue_unless_that_takes_too_long(least_s: float, mean_s: float, most_s: float) -> None:
    """Ten mean latencies or the least length, whichever is longer, up to the limit."""
    length_s = slice_length_s(least_s, mean_s, 10.0, most_s)
    assert length_s == most_s or length_s >= max(least_s, 10 * mean_s)
    assert length_s <= most_s
