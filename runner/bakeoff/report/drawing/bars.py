"""Charts of zero-based bars: one bar for each stack and condition, with its interval and, if asked for, its bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from bokeh.models import FactorRange
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bakeoff.findings.numerals import number
from bakeoff.model import Condition
from bakeoff.report.drawing import interactive, sheet
from bakeoff.report.drawing.chart import Chart, ChartData, under
from bakeoff.report.drawing.interactive import InteractiveFigure
from bakeoff.report.drawing.palette import INK, QUIET
from bakeoff.report.drawing.sheet import FONT, LETTER, Layout, literal

ZERO_BASED = "Bars start at zero; {whiskers}."
"""The caption of a chart of bars."""


def bar_chart(*, order: int, title: str, caption: str, column: str, unit: str, bound: str | None = None) -> Chart:
    """A chart of one column of the results table; see `Bars`."""
    bars = Bars(column, unit, bound)
    return Chart(
        order=order,
        title=title,
        caption=caption,
        describe=bars.describe,
        has_data=bars.has_data,
        draw=bars.draw,
        interactive=bars.interactive,
    )


@dataclass(frozen=True)
class Bars:
    """What the bars of one chart stand for."""

    column: str
    """Of the results table; ``_low`` and ``_high`` beside it are the interval, where there are such columns."""
    unit: str
    bound: str | None = None
    """The column of a limit to mark on each bar, if any; the column ``bound_by`` names what sets it."""

    def has_data(self, data: ChartData) -> bool:
        """Whether there is any bar, or any bound, to draw."""
        return bool(data.results[self.bound or self.column].notna().any())

    # --- the picture ---

    def draw(self, data: ChartData) -> Figure:
        """One subplot a condition, one bar a stack."""
        conditions, stacks = data.conditions_in(data.results), data.stacks_in(data.results)
        rows, columns = sheet.grid_shape(len(conditions))
        layout = Layout(
            rows=rows,
            columns=columns,
            subplot_height=0.42 * len(stacks) + 0.2,
            left=LETTER * max(len(literal(name)) for name in stacks) + 0.45,
            between_columns=0.35,
            between_rows=0.85,
        )
        drawn = sheet.new_sheet(layout)
        for position, (axes, condition) in enumerate(zip(drawn.first(len(conditions)), conditions, strict=True)):
            values = _by_stack(data, condition, stacks)
            self._draw_bars(axes, values, [data.styles[name].colour for name in stacks])
            _name_bars(axes, stacks if position % columns == 0 else [""] * len(stacks))
            sheet.write_heading(axes, literal(data.run.title(condition)))
            sheet.label_axes(axes, x=self.unit)
        return drawn.figure

    def _draw_bars(self, axes: Axes, rows: pd.DataFrame, colours: Sequence[str]) -> None:
        points, low, high, bounds = self._values(rows)
        ends = np.fmax(np.fmax(points, high), bounds)
        longest = float(np.nanmax(ends)) if np.isfinite(ends).any() else 1.0
        places = np.arange(len(points))
        axes.barh(places, np.nan_to_num(points), height=0.62, color=colours)
        axes.errorbar(points, places, xerr=[points - low, high - points], fmt="none", ecolor=INK, capsize=3.5)
        axes.scatter(bounds, places, marker="|", s=260, color=INK, linewidth=2.2)
        for place, point, end, label in zip(places, points, ends, self._labels(rows), strict=True):
            _label_bar(axes, float(place), point, end + 0.02 * longest, label)
        axes.set_xlim(0, (1.55 if self.bound else 1.2) * longest)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        sheet.number_ticks(axes, "x")

    # --- the interactive figures ---

    def interactive(self, data: ChartData) -> tuple[InteractiveFigure, ...]:
        """One figure a condition."""
        return tuple(self._interactive(data, condition) for condition in data.conditions_in(data.results))

    def _interactive(self, data: ChartData, condition: Condition) -> InteractiveFigure:
        stacks = data.stacks_in(data.results)
        rows = _by_stack(data, condition, stacks)
        points, low, high, bounds = self._values(rows)
        ends = np.concatenate([points, high, bounds])
        longest = float(np.nanmax(ends)) if np.isfinite(ends).any() else 1.0
        height_px = 34 * len(stacks) + 100
        names = [interactive.literal(name) for name in stacks]
        plot = interactive.new_figure(
            height_px,
            self.unit,
            "",
            y_range=FactorRange(factors=names[::-1]),
            x_range=interactive.from_zero(1.08 * longest),
        )
        plot.ygrid.visible = False
        interactive.number_ticks(plot.xaxis[0], few=True)
        columns = {
            "y": names,
            "stack": stacks,
            "value": points.tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
            "bound": bounds.tolist(),
            "colour": [data.styles[name].colour for name in stacks],
            "estimate": [_estimate_words(*values) for values in zip(points, low, high, strict=True)],
            "limit": self._labels(rows),
            "note": ["" if np.isfinite(point) else "withheld" for point in points],
        }
        source, view = interactive.source(columns), interactive.rows_by_stack(stacks)
        bars = plot.hbar(y="y", right="value", height=0.62, color="colour", source=source, view=view)
        interactive.notes(plot, source, view)
        if np.isfinite(low).any():
            interactive.intervals(plot, source, view)
        if self.bound:
            interactive.upright_mark(plot, "bound", 24, source, view)
        tips = [("stack", "@stack"), (self.unit, "@estimate"), *([("limit", "@limit")] if self.bound else [])]
        interactive.hover(plot, [bars], tips)
        return InteractiveFigure(data.run.title(condition), plot, height_px)

    # --- words ---

    def describe(self, data: ChartData) -> str:
        """The numbers as a sentence."""
        parts = []
        for condition in data.conditions_in(data.results):
            rows = under(data.results, condition)
            bars = [
                f"{name} {label if np.isfinite(value) else 'withheld'}"
                for name, value, label in zip(rows["stack"], rows[self.column], self._labels(rows), strict=True)
            ]
            parts.append(f"{data.run.title(condition)}: {', '.join(bars)}")
        return f"Bar chart, {self.unit}. {'; '.join(parts)}."

    def _labels(self, rows: pd.DataFrame) -> list[str]:
        points = rows[self.column].to_numpy(float)
        if not self.bound:
            return [number(point) for point in points]
        bounds = zip(points, rows[self.bound].to_numpy(float), rows["bound_by"], strict=True)
        return [_bound_words(point, bound, by) for point, bound, by in bounds]

    def _values(self, rows: pd.DataFrame) -> tuple[NDArray[np.float64], ...]:
        """Points, both ends of their intervals, and bounds; NaN where there is none."""
        columns = (self.column, f"{self.column}_low", f"{self.column}_high", self.bound)
        missing = np.full(len(rows), np.nan)
        return tuple(rows[name].to_numpy(float) if name in rows else missing for name in columns)


def _by_stack(data: ChartData, condition: Condition, stacks: list[str]) -> pd.DataFrame:
    """One row for each stack, in this order; empty for one that has none under this condition."""
    return under(data.results, condition).set_index("stack").reindex(stacks)


def _estimate_words(point: float, low: float, high: float) -> str:
    interval = f" [{number(low)}, {number(high)}]" if np.isfinite(low) else ""
    return f"{number(point)}{interval}"


def _bound_words(point: float, bound: float, by: str | None) -> str:
    """``90.0 of 105 (slots)``."""
    if not np.isfinite(bound):
        return number(point)
    return f"{number(point)} of {number(bound)} ({'CPU' if by == 'cpu' else by})"


def _name_bars(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [literal(name) for name in names])
    axes.tick_params(axis="y", labelcolor=INK, labelsize=9.5)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(visible=False, axis="y")


def _label_bar(axes: Axes, y: float, point: float, after: float, label: str) -> None:
    """Write a bar's number after it, or where the bar would begin, that it was withheld."""
    known = bool(np.isfinite(point))
    axes.text(
        after if known else 0,
        y,
        label if known else " withheld",
        color=INK if known else QUIET,
        fontsize=9.5,
        fontfamily=FONT,
        fontstyle="normal" if known else "italic",
        va="center",
    )
