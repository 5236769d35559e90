"""Which files a report consists of. A new format is a module with a ``render``, and a line here."""

from __future__ import annotations

from collections.abc import Callable

from bakeoff.model import Run
from bakeoff.report import html, markdown
from bakeoff.report.figures import Picture, pictures

FORMATS: dict[str, Callable[[Run, tuple[Picture, ...]], bytes]] = {
    "report.html": html.render,
    "report.md": markdown.render,
}
"""Renderers by the name of their file."""


def render_all(run: Run) -> dict[str, bytes]:
    """Every file of a report, by its path in the run's folder."""
    drawn = pictures(run)
    files = {name: render(run, drawn) for name, render in FORMATS.items()}
    return files | {f"figures/{picture.name}.png": picture.png for picture in drawn}
