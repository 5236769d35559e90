"""What makes the page interactive: Bokeh's own script, the report's script, and each figure as data for them."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bokeh.embed import json_item
from markupsafe import Markup

from bakeoff.report.drawing.interactive import InteractiveFigure


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
        raise ValueError("a script inside a page must not contain </script")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Script(Markup(text), f"'sha256-{digest}'")


MARK_SCRIPTED = _script('document.documentElement.classList.add("scripted")')
"""Runs before anything is painted, so that what depends on scripts has its place from the start."""


def figure_data(figure: InteractiveFigure) -> Markup:
    """A figure as JSON for Bokeh. Text from a user's files cannot end the element that holds it."""
    text = json.dumps(json_item(figure.figure), separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))
