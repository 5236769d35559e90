"""What failed, in words."""

from __future__ import annotations

from bakeoff.analysis import lookup
from bakeoff.findings.numerals import listing

STAGES = {
    "start": "did not start",
    "answers": "gave other answers than the rest",
    "load": "failed under load",
    "exit": "did not end properly",
}


def told(trouble: lookup.Trouble) -> str:
    """A failure inside a sentence."""
    return f"{trouble.stack or 'a stack'} {STAGES[trouble.failure.stage]} ({trouble.failure.message})"


def title(trouble: lookup.Trouble) -> str:
    """A failure's heading: who, what, and in which blocks."""
    title = f"{trouble.stack or 'A stack'} {STAGES[trouble.failure.stage]}"
    return title + (f" in {_numbered('block', trouble.blocks)}" if trouble.blocks else "")


def _numbered(noun: str, numbers: tuple[int, ...]) -> str:
    if len(numbers) == 1:
        return f"{noun} {numbers[0]}"
    consecutive = numbers == tuple(range(numbers[0], numbers[-1] + 1))
    return f"{noun}s {f'{numbers[0]} to {numbers[-1]}' if consecutive else listing([str(each) for each in numbers])}"
