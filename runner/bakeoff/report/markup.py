"""Markdown in which text from elsewhere (names, logs, functions, git refs) stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape


def plain(text: str) -> str:
    """Text on one line, without a meaning in Markdown or HTML, that calls nobody and refers to no issue.

    GitHub looks for ``@name`` and ``#1`` once Markdown is rendered, when escapes are gone; an empty comment keeps the
    sign and the name apart (github.com/github/cmark-gfm/issues/181).
    """
    without_html = escape(" ".join(text.split()), quote=False)
    without_marks = re.sub(r"([\\`*_|~#])", r"\\\1", without_html)
    # A bracket is harmless unless a target follows; intervals stay readable in the source.
    without_links = re.sub(r"\](?=[(:\[])", r"]\\", without_marks)
    return re.sub(r"([@#])(?=\w)", r"\1<!-- -->", without_links)


def bullets(items: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {plain(item)}" for item in items)


def folded(summary: str, body: str) -> str:
    """A part that opens on request; Markdown does not look into its title."""
    return f"<details><summary>{escape(summary)}</summary>\n\n{body}\n\n</details>"
