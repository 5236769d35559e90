"""What the page needs to come alive: Bokeh's own script, each figure as data, and this report's script."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bokeh.embed import json_item
from markupsafe import Markup

from bakeoff.report.charts.panel import Panel


@dataclass(frozen=True)
class Item:
    """One interactive panel: its heading, its height, and its figure as data for Bokeh."""

    title: str
    height_px: int
    data: Markup


def item(panel: Panel) -> Item:
    """A panel as the page embeds it. What comes from a user's files cannot end the element that holds it."""
    text = json.dumps(json_item(panel.figure), separators=(",", ":"))
    return Item(panel.title, panel.height_px, Markup(text.replace("<", "\\u003c")))


@dataclass(frozen=True)
class Script:
    """A script and the hash by which the page's policy admits it, and nothing else."""

    text: Markup
    digest: str


@cache
def scripts() -> tuple[Script, ...]:
    """Bokeh's, as it ships in its package, then this report's."""
    library = resources.files("bokeh").joinpath("server", "static", "js", "bokeh.min.js")
    own = resources.files("bakeoff.report").joinpath("templates", "report.js")
    return tuple(_script(text) for text in (library.read_text("utf-8"), own.read_text("utf-8")))


def _script(text: str) -> Script:
    if "</script" in text.lower():
        raise ValueError("a script that holds its own end cannot stand inside a page")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Script(Markup(text), f"'sha256-{digest}'")


AWAKE = _script('document.documentElement.classList.add("awake")')
"""Runs before anything is painted: whatever depends on scripts has its place from the start."""
