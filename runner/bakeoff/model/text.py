"""Text of others (servers, files, revisions) as a terminal or a report may show it."""

from __future__ import annotations

import re

_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""Control codes, marks that turn the direction of what follows, other line ends, and halves of characters."""
_ON_ONE_LINE = re.compile(rf"[\t\n{_CONTROLS}]")
_ON_LINES = re.compile(rf"[{_CONTROLS}]")


def printable(text: str) -> str:
    """Text on one line, with a replacement character for each code that could change a terminal's state."""
    return _ON_ONE_LINE.sub("\N{REPLACEMENT CHARACTER}", text)


def printable_lines(text: str) -> str:
    """The same for a text of several lines: line feeds and tabs stay."""
    return _ON_LINES.sub("\N{REPLACEMENT CHARACTER}", text)
