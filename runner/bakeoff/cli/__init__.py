"""What each verb of the command line does, a file each. The exit code is what a verb returns."""

from __future__ import annotations

import sys

DONE, FAILED = 0, 3


def note(text: str) -> None:
    """Say something that is neither result nor error."""
    print(f"bakeoff: {text}", file=sys.stderr)
