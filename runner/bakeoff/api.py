"""What other programs and notebooks import from ``bakeoff``."""

from __future__ import annotations

from pathlib import Path

from bakeoff import results
from bakeoff.tables import RunFrames


def load_run(path: Path | str) -> RunFrames:
    """A finished run, read from its folder, as tidy tables.

    Raises `bakeoff.model.UserError` when the folder holds no finished run.
    """
    return RunFrames(results.load_run(path))
