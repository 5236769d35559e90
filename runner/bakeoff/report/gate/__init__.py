"""A gate's result as a report: one file a format, and the words that all of them show."""

from __future__ import annotations

from bakeoff.model import Summary
from bakeoff.report.gate import junit, markdown

__all__ = ["render_all"]


def render_all(summary: Summary) -> dict[str, bytes]:
    """Every file that a gate leaves beside its summary, by name."""
    return {"report.md": markdown.render(summary).encode(), "junit.xml": junit.render(summary)}
