"""The command line: one module a command, each with its arguments and its ``run``.

Nothing else under ``cli`` prints: what servers, files and revisions are called or say may hold the codes that control a
terminal, and passwords in URLs; it is printed without them.
"""

from __future__ import annotations

import sys

DONE, USER_ERROR, FAILED = 0, 2, 3
"""Exit codes. 1 is left to the gate, for a regression."""


def show(text: str) -> None:
    """Print a result to stdout."""
    show_styled(_printable(text))


def show_styled(text: str) -> None:
    """Print a result that has colours, and whose parts were made printable when it was laid out."""
    print(text)


def note(text: str) -> None:
    """Print a line that is no result, to stderr."""
    complain(f"bakeoff: {text}")


def complain(text: str) -> None:
    """Print lines to stderr as they are."""
    print(_printable(text), file=sys.stderr)


def _printable(text: str) -> str:
    from bakeoff.model import printable_lines, redacted  # Imports numpy, which --help must not wait for.

    return printable_lines(redacted(text))
