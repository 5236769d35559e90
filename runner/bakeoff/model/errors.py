"""The two kinds of errors that reach the command line, and how one names what does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BakeoffError(Exception):
    """Something of ours failed: loud, exit code 3."""


class UserError(Exception):
    """The user's mistake: one line with the place and the remedy, exit code 2."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """A message with the nearest name that exists: ``unknown stack 'mien'; did you mean 'mine'?``."""
    names = list(known)
    nearest = difflib.get_close_matches(name, names, n=1)
    if nearest:
        return f"unknown {kind} {name!r}; did you mean {nearest[0]!r}?"
    return f"unknown {kind} {name!r}; " + (f"known are: {', '.join(names)}" if names else "there is none")
