"""Findings become bytes: a page, Markdown, charts, and a table for the terminal. Pure.

What draws is imported when it is asked for: the chart libraries take longer to import than most commands to run.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from bakeoff.findings import Findings
from bakeoff.model import Run

__all__ = ["render_all", "render_table"]


def render_all(run: Run, findings: Findings) -> dict[str, bytes]:
    """Every file of a report, by its path in the run's folder: ``report.html``, ``figures/throughput.png``, ...

    Charts are drawn from the run's tables, everything else from its findings. A new format is a module with a
    ``render``, and a line here.
    """
    with _without_garbage_collection():
        from bakeoff.report import html, markdown
        from bakeoff.report.drawing.palette import stack_styles
        from bakeoff.report.figures import pictures

        drawn = pictures(run)
        colours = {stack: style.colour for stack, style in stack_styles(run).items()}
        return {
            "report.html": html.render(findings, drawn, colours),
            "report.md": markdown.render(findings, drawn),
            **{f"figures/{picture.name}.png": picture.png for picture in drawn},
        }


def render_table(findings: Findings, width: int, *, colour: bool) -> str:
    """The results as tables for a terminal of a width."""
    from bakeoff.report import terminal

    return terminal.render_table(findings.results, width, colour=colour)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Without automatic collection, which would scan all imported modules many times and free little."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
