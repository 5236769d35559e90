"""A run as tidy pandas tables, for notebooks, other programs and charts.

`bakeoff.tables.schema` has every table's columns, types and units.
"""

from __future__ import annotations

from functools import cached_property

import pandas as pd

from bakeoff.model import Manifest, Run, Summary
from bakeoff.tables.latencies import latencies_table, seconds_table
from bakeoff.tables.observations import blocks_table, ratios_table, slices_table, timeline_table
from bakeoff.tables.results import comparisons_table, results_table
from bakeoff.tables.schema import TABLES


class RunFrames:
    """The tables of one run, each made when it is first asked for; do not change them in place."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __repr__(self) -> str:
        return f"<run {self.manifest.run_id}: {len(self.results)} results, {len(self.comparisons)} comparisons>"

    @property
    def manifest(self) -> Manifest:
        """What was asked, with which seed, where and when."""
        return self._run.manifest

    @property
    def summary(self) -> Summary:
        """The analysis, as it stands in ``summary.json``."""
        return self._run.summary

    @cached_property
    def results(self) -> pd.DataFrame:
        """One row per stack, scenario, load and endpoint: estimates over all blocks."""
        return results_table(self._run)

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """One row per candidate, metric, scenario, load and endpoint: its ratio to the baseline."""
        return comparisons_table(self._run)

    @cached_property
    def blocks(self) -> pd.DataFrame:
        """One row per stack, scenario, load, endpoint and block: the observations that all statistics rest on."""
        return blocks_table(self._run)

    @cached_property
    def slices(self) -> pd.DataFrame:
        """One row per slice, in the order of measuring: what was counted, before any analysis and any check."""
        return slices_table(self._run)

    @cached_property
    def latencies(self) -> pd.DataFrame:
        """The latency distribution of each stack, scenario, load and endpoint, all blocks merged."""
        return latencies_table(self._run)

    @cached_property
    def seconds(self) -> pd.DataFrame:
        """Throughput and latency by second of measuring."""
        return seconds_table(self._run)

    @cached_property
    def timeline(self) -> pd.DataFrame:
        """One row per step of the requests that were sent at once to one worker of each stack."""
        return timeline_table(self._run)

    @cached_property
    def ratios(self) -> pd.DataFrame:
        """One row per candidate, metric, scenario, load, endpoint and block, against the run's own baseline."""
        return self.ratios_to(self.summary.baseline)

    def ratios_to(self, baseline: str) -> pd.DataFrame:
        """`ratios`, against a stack of your choice. Raises ``ValueError`` when the run has no such stack."""
        known = self._run.stack_names
        if baseline not in known:
            raise ValueError(f"no stack {baseline!r} in this run; there are {', '.join(known)}")
        return ratios_table(self.blocks, baseline)

    def columns(self, table: str) -> pd.DataFrame:
        """The name, type, unit and meaning of each column of a table."""
        return pd.DataFrame(TABLES[table], columns=["column", "type", "unit", "meaning"])
