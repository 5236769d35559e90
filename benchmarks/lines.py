"""What the validations share: raw results as lines of JSON, and the interval of a proportion."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec
from scipy import stats

LEVEL = 0.95
Line = TypeVar("Line", bound=msgspec.Struct)


def read_lines(path: Path, kind: type[Line]) -> list[Line]:
    """All results that a file holds, one a line; none where there is no file."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=kind) for line in lines]


def add_line(path: Path, value: msgspec.Struct) -> None:
    """Append a result to a file."""
    with path.open("ab") as file:
        file.write(msgspec.json.encode(value) + b"\n")


def proportion_interval(count: int, of: int) -> tuple[float, float]:
    """The interval of a proportion (Clopper and Pearson 1934)."""
    exact = stats.binomtest(count, of).proportion_ci(LEVEL, method="exact")
    return float(exact.low), float(exact.high)
