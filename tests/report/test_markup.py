"""Text in Markdown."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bakeoff.report.markup import folded, plain
from tests.report.reading import rendered

TEXTS = st.text(st.characters(exclude_characters="\0"))  # which Markdown replaces, and no log line has


@given(TEXTS)
@example("[+4.0 %, +6.0 %]")
@example("[a](b) [a]: b ![a](b) <b>&amp;&#91; a_b_ *a* ~~a~~ `a` a|b \\")
def test_text_stays_text(text: str) -> None:
    """What one reads is what was written, but for line ends and repeated spaces."""
    assert rendered(f"Said: {plain(text)}.") == " ".join(f"Said: {' '.join(text.split())}.".split())


@given(TEXTS)
@example("ask @somebody about #12")
def test_nobody_is_called_and_no_issue_referred_to(text: str) -> None:
    """GitHub looks for these in what was rendered."""
    assert not re.search(r"[@#]\w", MarkdownIt().render(plain(text)))


def test_a_title_of_a_folded_part_is_shown_as_it_is() -> None:
    """It is HTML, where a backslash is one."""
    assert rendered(folded("a_b <c>", "*body*")) == "a_b <c> body"
