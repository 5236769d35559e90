"""Which runs can be put side by side at all. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bakeoff.analysis.fingerprint import differences, fingerprint
from bakeoff.model import Condition, Run, UserError


def check_machines(runs: Sequence[Run]) -> None:
    """Raises `UserError` when the runs were not all made on one kind of machine."""
    first, *others = (fingerprint(run.manifest) for run in runs)
    for run, other in zip(runs[1:], others, strict=True):
        changed = [one for one in differences(first, other) if one.part == "machine"]
        if changed:
            told = ", ".join(f"{one.fact} is {one.first} there and {one.other} here" for one in changed)
            raise UserError(
                f"{run.manifest.run_id} was made on another machine than {runs[0].manifest.run_id}: {told}; "
                "measure both on one, or compare them all the same with --across-machines"
            )


def check_cases(runs: Sequence[Run]) -> None:
    """Raises `UserError` when the runs have no scenario and load in common."""
    if not cases_in_common(runs):
        raise UserError(
            f"{' and '.join(run.manifest.run_id for run in runs)} have no scenario and load in common; "
            "compare runs of one experiment"
        )


def cases_in_common(runs: Iterable[Run]) -> tuple[Condition, ...]:
    """The scenarios and loads that all runs have, in the order of the first."""
    first, *others = (run.conditions for run in runs)
    return tuple(case for case in first if all(case in each for each in others))
