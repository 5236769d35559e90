"""A run measures the stacks and scenarios that were named, under a profile, with enough blocks to show a difference."""

from __future__ import annotations

import pytest

from bakeoff.experiment import apply_profile, check_design, fewest_blocks, select
from bakeoff.model import UserError
from tests.builders import experiment, stack


@pytest.mark.parametrize(("candidates", "blocks"), [(1, 6), (2, 7), (3, 7), (4, 8)])
def test_the_fewest_blocks_just_reach_five_percent(candidates: int, blocks: int) -> None:
    """Two to the minus n, twice, times the number of candidates."""
    assert fewest_blocks(0.05, candidates) == blocks
    assert 2 * 2.0**-blocks * candidates <= 0.05 < 2 * 2.0 ** -(blocks - 1) * candidates


def test_too_few_blocks_are_refused_with_the_number_that_is_enough() -> None:
    """No difference could reach alpha, however large."""
    with pytest.raises(UserError, match="set blocks = 7"):
        check_design(experiment(blocks=6))
    check_design(experiment(blocks=7))


def test_one_stack_alone_needs_no_blocks_for_a_comparison() -> None:
    """Nothing is compared."""
    check_design(experiment(stack("only"), blocks=1))


def test_full_is_the_experiment_as_written() -> None:
    """With another number of blocks if one is named."""
    written = experiment(blocks=9)
    assert apply_profile(written, "full") == written
    assert apply_profile(written, "full", blocks=8).blocks == 8


def test_quick_has_the_fewest_blocks_that_can_conclude() -> None:
    """One pass, and slices of a second at most."""
    quick = apply_profile(experiment(blocks=20, slice_s=3.0), "quick")
    assert (quick.blocks, quick.passes, quick.slice_s) == (7, 1, 1.0)


def test_smoke_is_one_block_however_many_are_named() -> None:
    """It concludes nothing, so no design is refused."""
    assert apply_profile(experiment(blocks=2), "smoke", blocks=3).blocks == 1


@pytest.mark.parametrize(
    ("blocks", "message"),
    [(1, "^1 block can never show .* with 2 candidates: set blocks = 7"), (0, "--blocks 0: must be at least 1")],
)
def test_blocks_that_cannot_conclude_are_refused(blocks: int, message: str) -> None:
    """On the command line as in the file."""
    with pytest.raises(UserError, match=message):
        apply_profile(experiment(), "full", blocks=blocks)


def test_only_the_named_stacks_are_measured() -> None:
    """In the order of the file; the first replaces a baseline that is left out."""
    selected = select(experiment(), ["c", "b"], [])
    assert [stack.name for stack in selected.stacks] == ["b", "c"]
    assert selected.baseline == "b"
    assert select(experiment(), ["c", "a"], []).baseline == "a"


@pytest.mark.parametrize(
    ("stacks", "scenarios", "message"),
    [
        (["z"], [], "unknown stack 'z'; known are: a, b, c"),
        ([], ["frnt"], r"unknown scenario 'frnt'; did you mean 'front'\?"),
    ],
)
def test_an_unknown_name_is_the_users_mistake(stacks: list[str], scenarios: list[str], message: str) -> None:
    """The message names what there is."""
    with pytest.raises(UserError, match=message):
        select(experiment(), stacks, scenarios)
