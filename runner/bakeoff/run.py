"""One run, whole, as it is stored: what every report is made from."""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.model import BlockResult, Interval, Manifest, Summary


@dataclass(frozen=True)
class Run:
    """A run's manifest, its blocks, their histograms, and the analysis of them."""

    manifest: Manifest
    summary: Summary
    blocks: tuple[BlockResult, ...]
    intervals: tuple[Interval, ...]
