"""The design of a run: which stacks and scenarios, which profile, and whether its blocks can show a difference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from bakeoff.model import Experiment, Profile, UserError, unknown

Named = TypeVar("Named")


def select(experiment: Experiment, stacks: Sequence[str], scenarios: Sequence[str]) -> Experiment:
    """The experiment with only the named stacks and scenarios; all where none is named.

    The first stack becomes the baseline when the baseline is not among them. Raises `UserError` for an unknown name.
    """
    selected = _select_named("stack", stacks, {stack.name: stack for stack in experiment.stacks})
    names = [stack.name for stack in selected]
    return msgspec.structs.replace(
        experiment,
        stacks=selected,
        scenarios=_select_named("scenario", scenarios, {scenario.name: scenario for scenario in experiment.scenarios}),
        baseline=experiment.baseline if experiment.baseline in names else names[0],
    )


def _select_named(kind: str, names: Sequence[str], known: Mapping[str, Named]) -> tuple[Named, ...]:
    for name in names:
        if name not in known:
            raise UserError(unknown(kind, name, known))
    return tuple(value for name, value in known.items() if not names or name in names)


def apply_profile(experiment: Experiment, profile: Profile, blocks: int | None = None) -> Experiment:
    """The experiment under a profile: ``full`` as written, ``quick`` shorter, ``smoke`` a single block.

    ``blocks`` replaces the number of blocks, except under ``smoke``. Raises `UserError` when there are too few blocks
    to show a difference.
    """
    if profile == "smoke":
        return msgspec.structs.replace(experiment, blocks=1, passes=1, slice_s=min(experiment.slice_s, 1.0))
    if profile == "quick":
        fewest = fewest_blocks(experiment.alpha, len(experiment.stacks) - 1)
        experiment = msgspec.structs.replace(
            experiment, blocks=min(fewest, experiment.blocks), passes=1, slice_s=min(experiment.slice_s, 1.0)
        )
    if blocks is not None:
        if blocks < 1:
            raise UserError(f"--blocks {blocks}: must be at least 1")
        experiment = msgspec.structs.replace(experiment, blocks=blocks)
    check_design(experiment)
    return experiment


def fewest_blocks(alpha: float, candidates: int) -> int:
    """The fewest blocks that can reach ``alpha``, two-sided, for each of several candidates.

    A sign-flip test over n blocks has 2^n arrangements, so its smallest two-sided p is 2 x 2^-n. That is reached by the
    clearest of several comparisons only; each doubling of the candidates takes a block more.
    """
    return math.ceil(1 + math.log2(max(1, candidates) / alpha))


def check_design(experiment: Experiment) -> None:
    """Raise `UserError`, with the remedy, when no difference could reach the experiment's alpha, however large."""
    candidates = len(experiment.stacks) - 1
    if candidates < 1:
        return
    needed = fewest_blocks(experiment.alpha, candidates)
    if experiment.blocks < needed:
        raise UserError(
            f"{_counted(experiment.blocks, 'block')} can never show a difference at {experiment.alpha:g}, with "
            f"{_counted(candidates, 'candidate')}: set blocks = {needed} or more "
            "(or use --profile smoke, which concludes nothing)"
        )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
