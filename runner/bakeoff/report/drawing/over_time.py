"""What charts over time share: a grid of subplots, one row a stack and one column a condition."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bakeoff.model import Condition
from bakeoff.report.drawing import sheet
from bakeoff.report.drawing.chart import ChartData
from bakeoff.report.drawing.palette import INK, QUIET
from bakeoff.report.drawing.sheet import FONT, Layout, Sheet, literal

TIME_AXIS = "seconds of measuring, block after block"


def stack_rows(data: ChartData, table: pd.DataFrame, unit: str) -> tuple[Sheet, list[str], list[Condition]]:
    """An empty sheet for a table, its rows (stacks) and its columns (conditions). The vertical axes count ``unit``."""
    stacks, conditions = data.stacks_in(table), data.conditions_in(table)
    layout = Layout(
        rows=len(stacks),
        columns=len(conditions),
        subplot_height=0.85,
        between_rows=0.4,
        between_columns=0.6,
        head=1.25,
    )
    drawn = sheet.new_sheet(layout)
    for axes, condition in zip(drawn.subplots[0], conditions, strict=True):
        sheet.write_heading(axes, literal(data.run.title(condition)), above=24)
    for row, name in zip(drawn.subplots, stacks, strict=True):
        row[0].text(0, 1.08, literal(name), transform=row[0].transAxes, color=INK, fontsize=9.5, fontfamily=FONT)
        row[0].set_ylabel(unit, color=QUIET, fontsize=8.5, fontfamily=FONT, labelpad=6)
        for axes in row:
            axes.tick_params(labelsize=8.5)
            axes.tick_params(axis="x", labelbottom=row is drawn.subplots[-1])
    for axes in drawn.subplots[-1]:
        axes.set_xlabel(TIME_AXIS, color=QUIET, fontsize=9.5, fontfamily=FONT, labelpad=6)
    return drawn, stacks, conditions


def end_s(rows: pd.DataFrame) -> float:
    """When the last of some rows ended; 1 where there are none."""
    return float((rows["measured_s"] + rows["length_s"]).max()) if len(rows) else 1.0


def time_axis(axes: Axes, rows: pd.DataFrame) -> None:
    """Whole seconds from zero to the end of the last row."""
    axes.set_xlim(0, end_s(rows))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
