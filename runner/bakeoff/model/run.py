"""One run, whole, as it is stored: what every report is made from."""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.model.manifest import Manifest
from bakeoff.model.record import BlockResult, Interval
from bakeoff.model.summary import Summary


@dataclass(frozen=True)
class Run:
    """A run's manifest, its blocks, their histograms, and the analysis of them."""

    manifest: Manifest
    summary: Summary
    blocks: tuple[BlockResult, ...]
    intervals: tuple[Interval, ...]


@dataclass(frozen=True)
class Listed:
    """A run folder as a list of runs shows it: without histograms, and however far it came."""

    folder: str
    """Its name, relative to the list."""
    manifest: Manifest | None = None
    summary: Summary | None = None
    blocks: tuple[BlockResult, ...] = ()
    report: bool = False
    """Whether it has a page of its own."""
    problem: str | None = None
    """Why it cannot be read."""
