"""A few numbers as a strip of marks, low to high: enough to see a drift or a stall in passing."""

from __future__ import annotations

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
LETTERS = "_.-:=+*#"
"""For terminals that have no blocks."""


def strip(values: Sequence[float], width: int, marks: str = BLOCKS) -> str:
    """The last ``width`` values, each as one of ``marks``: the first of them is zero, the last the largest value.

    Zero-based, so that a strip of nearly equal values looks flat.
    """
    shown = list(values)[-width:] if width > 0 else []
    top = max(shown, default=0.0)
    if top <= 0:
        return marks[0] * len(shown)
    return "".join(marks[round((len(marks) - 1) * max(0.0, value) / top)] for value in shown)
