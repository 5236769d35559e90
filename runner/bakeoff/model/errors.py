"""The two kinds of errors that reach the command line."""

from __future__ import annotations


class BakeoffError(Exception):
    """Something of ours failed: loud, exit code 3."""


class UserError(Exception):
    """The user's mistake: one line with the place and the remedy, exit code 2."""
