"""Numbers become statements with their evidence: headline, reasons, diagnoses, fairness and facts. Pure."""

from bakeoff.findings.assemble import Findings, into_summary, state
from bakeoff.findings.context import interval_note
from bakeoff.findings.grid import MISSING, Cell, Grid, Head, make_grid, narrowed
from bakeoff.findings.headline import headline
from bakeoff.findings.timeline_story import line as timeline_line

__all__ = [
    "MISSING",
    "Cell",
    "Findings",
    "Grid",
    "Head",
    "headline",
    "interval_note",
    "into_summary",
    "make_grid",
    "narrowed",
    "state",
    "timeline_line",
]
