"""What every chart consists of, and the tables that it is drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from matplotlib.figure import Figure

from bakeoff import tables
from bakeoff.findings.numerals import percent, plural
from bakeoff.model import ALL_ENDPOINTS, Condition, Run, load_title
from bakeoff.report.drawing.interactive import InteractiveFigure
from bakeoff.report.drawing.palette import StackStyle, stack_styles


@dataclass(frozen=True)
class ChartData:
    """A run and its tables, each made once, when a chart first asks for it."""

    run: Run

    @cached_property
    def results(self) -> pd.DataFrame:
        """One row per stack and condition, all endpoints together."""
        table = tables.results_table(self.run)
        return table[table["endpoint"] == ALL_ENDPOINTS]

    @cached_property
    def percentiles(self) -> pd.DataFrame:
        """The latency distributions, all endpoints together."""
        table = tables.latencies_table(self.run)
        return table[table["endpoint"] == ALL_ENDPOINTS]

    @cached_property
    def seconds(self) -> pd.DataFrame:
        """Throughput by second."""
        return tables.seconds_table(self.run)

    @cached_property
    def heat(self) -> pd.DataFrame:
        """Latencies by moment."""
        return tables.heat_table(self.run)

    @cached_property
    def timeline(self) -> pd.DataFrame:
        """The steps of the timelines."""
        return tables.timeline_table(self.run)

    @cached_property
    def styles(self) -> dict[str, StackStyle]:
        """How each stack is drawn."""
        return stack_styles(self.run)

    def conditions_in(self, table: pd.DataFrame) -> list[Condition]:
        """The conditions that a table has rows for, in the order of the experiment."""
        return [condition for condition in self.run.conditions if len(under(table, condition))]

    def stacks_in(self, table: pd.DataFrame) -> list[str]:
        """The stacks that a table has rows for, in the order of the experiment."""
        present = set(table["stack"])
        return [name for name in self.run.stack_names if name in present]


def under(table: pd.DataFrame, condition: Condition) -> pd.DataFrame:
    """The rows of a table that were measured under a condition."""
    return table[(table["scenario"] == condition.scenario) & (table["load"] == load_title(condition.load))]


def of_stack(table: pd.DataFrame, stack: str) -> pd.DataFrame:
    """The rows of a table that belong to a stack."""
    return table[table["stack"] == stack]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart: as a picture, as interactive figures and in words."""

    order: int
    """Charts are shown in ascending order."""
    title: str
    caption: str
    """How to read it; ``{whiskers}`` stands for what they are in this run."""
    describe: Callable[[ChartData], str]
    """What it shows, for those who do not see it."""
    has_data: Callable[[ChartData], bool]
    draw: Callable[[ChartData], Figure]
    """The picture, without its title; asked for only where there is data."""
    interactive: Callable[[ChartData], tuple[InteractiveFigure, ...]]
    """The same, to hover and zoom; empty where the page shows it in another way."""
    applies: Callable[[ChartData], bool] = lambda _: True
    """Whether the run asked for what it shows; a chart that does not apply is left out."""

    def caption_of(self, run: Run) -> str:
        """How to read the chart of this run."""
        return self.caption.format(whiskers=_whiskers(run))


def _whiskers(run: Run) -> str:
    if run.measured_blocks < 2:
        return "one block gives no intervals"
    level, blocks = percent(run.confidence_level), plural(run.measured_blocks, "block")
    return f"whiskers are {level} confidence intervals over {blocks}"
