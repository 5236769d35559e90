"""What a run found, for people: a page, Markdown, figures, the terminal. Everything here is bytes or text out."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from bakeoff.model import Run

__all__ = ["render_all"]


def render_all(run: Run) -> dict[str, bytes]:
    """Every file of a report, by its path in the run's folder: ``report.html``, ``figures/throughput.png``, ..."""
    with _uncollected():
        # Imported here, because matplotlib takes longer to import than most verbs take to run.
        from bakeoff.report import formats

        return formats.render_all(run)


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection: again and again it would go over all that was imported, and find little to drop."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
