"""What failed: each failure of a stack once, with the blocks in which it happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bakeoff.findings.numerals import listing
from bakeoff.model import Failure, Run

STAGES = {
    "start": "did not start",
    "answers": "gave other answers than expected",
    "load": "failed under load",
    "exit": "did not stop properly",
}


class StackFailure(NamedTuple):
    """The same failure of one stack, and the blocks in which it happened."""

    stack: str
    """Empty where it is not known."""
    failure: Failure
    blocks: tuple[int, ...]

    @property
    def title(self) -> str:
        """The failure's heading: stack, stage, and the blocks."""
        title = f"{self.stack or 'A stack'} {STAGES[self.failure.stage]}"
        return f"{title} in {_numbered('block', self.blocks)}" if self.blocks else title


def failures(run: Run) -> tuple[StackFailure, ...]:
    """Every failure once, with the stack and the blocks where they are known."""
    failed = [record for record in run.records if record.failure is not None]
    blocks: dict[tuple[str, str, str], list[int]] = {}
    first: dict[tuple[str, str, str], Failure] = {}
    for record in failed:
        assert record.failure is not None
        key = (record.stack, record.failure.stage, record.failure.message)
        first.setdefault(key, record.failure)
        blocks.setdefault(key, []).append(record.block)
    known = {(stage, message) for _, stage, message in first}
    for failure in run.summary.failures:
        if (failure.stage, failure.message) not in known:
            first.setdefault(("", failure.stage, failure.message), failure)
    return tuple(
        StackFailure(key[0], failure, tuple(dict.fromkeys(blocks.get(key, ())))) for key, failure in first.items()
    )


def failure_clauses(failed: Iterable[StackFailure]) -> list[str]:
    """Failures inside a sentence; stacks that failed in the same way together."""
    stacks: dict[tuple[str, str], list[str]] = {}
    for stack, failure, _ in failed:
        stacks.setdefault((failure.stage, failure.message), []).append(stack or "a stack")
    return [f"{listing(names)} {STAGES[stage]} ({message})" for (stage, message), names in stacks.items()]


def _numbered(noun: str, numbers: tuple[int, ...]) -> str:
    if len(numbers) == 1:
        return f"{noun} {numbers[0]}"
    consecutive = numbers == tuple(range(numbers[0], numbers[-1] + 1))
    return f"{noun}s {f'{numbers[0]} to {numbers[-1]}' if consecutive else listing([str(n) for n in numbers])}"
