"""What every chart is made of: the run's tables, the words around the picture, and how to say that there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from matplotlib.figure import Figure

from bakeoff.findings.numerals import percent, plural
from bakeoff.model import ALL_ENDPOINTS, Condition, Run, load_title
from bakeoff.report import style
from bakeoff.report.charts.panel import Panel
from bakeoff.report.style import FONT, Layout, Look, Theme, plain
from bakeoff.tables import charts as tables


@dataclass(frozen=True)
class Material:
    """A run and its tables, each made once, when a chart first asks for it."""

    run: Run

    @cached_property
    def results(self) -> pd.DataFrame:
        """One row per stack and case, all endpoints together."""
        table = tables.results_table(self.run)
        return table[table["endpoint"] == ALL_ENDPOINTS]

    @cached_property
    def percentiles(self) -> pd.DataFrame:
        """The latency distributions, all endpoints together."""
        table = tables.percentile_table(self.run)
        return table[table["endpoint"] == ALL_ENDPOINTS]

    @cached_property
    def seconds(self) -> pd.DataFrame:
        """Throughput and latency by second."""
        return tables.time_table(self.run)

    @cached_property
    def heat(self) -> pd.DataFrame:
        """Latencies by second."""
        return tables.heat_table(self.run)

    @cached_property
    def timeline(self) -> pd.DataFrame:
        """The steps of the timelines."""
        return tables.timeline_table(self.run)

    @cached_property
    def looks(self) -> dict[str, Look]:
        """How each stack is drawn."""
        return style.looks(self.run)


@dataclass(frozen=True)
class Chart:
    """One figure."""

    name: str
    """Of its file."""
    title: str
    caption: str
    """How to read it; ``{whiskers}`` stands for what they are in this run."""
    alt: Callable[[Material], str]
    """What it shows, for those who do not see it."""
    has_data: Callable[[Material], bool]
    draw: Callable[[Material, Theme, str, str], Figure]
    """From the material, a theme, a title and a subtitle."""
    panels: Callable[[Material], tuple[Panel, ...]]
    """The same, to hover and zoom."""
    applies: Callable[[Material], bool] = lambda _: True
    """Whether the run asked for what it shows; one that does not apply is left out."""


def caption(chart: Chart, run: Run) -> str:
    """How to read a chart of this run."""
    return chart.caption.format(whiskers=_whiskers(run))


def _whiskers(run: Run) -> str:
    blocks = run.measured_blocks
    if blocks < 2:
        return "one block gives no intervals"
    return f"whiskers are {percent(run.confidence_level)} confidence intervals over {plural(blocks, 'block')}"


def of_case(table: pd.DataFrame, case: Condition) -> pd.DataFrame:
    """The rows of a table that belong to one case."""
    title = load_title(case.load)
    return table[(table["scenario"] == case.scenario) & (table["load"] == title)]


def of_stack(table: pd.DataFrame, stack: str) -> pd.DataFrame:
    """The rows of a table that belong to one stack."""
    return table[table["stack"] == stack]


def cases_in(material: Material, table: pd.DataFrame) -> list[Condition]:
    """The cases that a table has rows for, in order."""
    return [case for case in material.run.conditions if len(of_case(table, case))]


def stacks_in(table: pd.DataFrame) -> list[str]:
    """The stacks that a table has rows for, in order of appearance."""
    return [str(name) for name in table["stack"].unique()]


def no_data(theme: Theme, title: str, reason: str) -> Figure:
    """A figure that says that it shows nothing, and why."""
    layout = Layout(panel_height=0.9, head=0.7)
    made = style.sheet(theme, title, "", layout)
    axes = made.panels[0][0]
    axes.set_axis_off()
    axes.text(0.5, 0.5, f"No data: {plain(reason)}", color=theme.quiet, fontsize=11, fontfamily=FONT, ha="center")
    return made.figure
