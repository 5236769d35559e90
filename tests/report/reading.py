"""Reading pages as a browser would."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

from markdown_it import MarkdownIt

from tests.report.test_html import Page

OUTSIDE = re.compile(r"(?i)\s*(https?:|//|javascript:)")
CHROMIUM = shutil.which("chromium")


def targets(page: Page) -> list[str]:
    """Every address on a page."""
    names = {"src", "srcset", "href", "action", "data", "poster"}
    return [value for _, attributes in page.elements for name, value in attributes.items() if name in names]


def rendered(markdown: str) -> str:
    """The text that one sees where Markdown is shown, its lines joined."""
    shown = MarkdownIt().enable("table").render(markdown)
    return " ".join(html.unescape(re.sub(r"<!--.*?-->|<[^>]+>", "", shown)).split())


def in_browser(page: Path, profile: Path) -> str:
    """What Chromium makes of a page: its elements after every script that could run has run."""
    done = subprocess.run(
        [
            *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", f"--user-data-dir={profile}", "--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout
