"""The public pandas tables, their schema, and the tables that charts are drawn from. Pure."""

from bakeoff.tables.frames import RunFrames
from bakeoff.tables.latencies import BEYOND, heat_table, latencies_table, seconds_table
from bakeoff.tables.observations import blocks_table, ratios_table, slices_table, timeline_table
from bakeoff.tables.results import comparisons_table, results_table
from bakeoff.tables.schema import TABLES, Column

__all__ = [
    "BEYOND",
    "TABLES",
    "Column",
    "RunFrames",
    "blocks_table",
    "comparisons_table",
    "heat_table",
    "latencies_table",
    "ratios_table",
    "results_table",
    "seconds_table",
    "slices_table",
    "timeline_table",
]
