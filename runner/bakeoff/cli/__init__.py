"""The command line: one module a command, each with its arguments and its ``run``."""

from __future__ import annotations

import sys

DONE, USER_ERROR, FAILED = 0, 2, 3
"""Exit codes. 1 is left to the gate, for a regression."""


def note(text: str) -> None:
    """Print a line that is neither a result nor an error, to stderr."""
    print(f"bakeoff: {text}", file=sys.stderr)
