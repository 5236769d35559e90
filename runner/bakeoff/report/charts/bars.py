"""Zero-based bars with intervals: throughput, throughput against its bound, CPU time per request, memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from bokeh.models import FactorRange
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bakeoff.findings.numerals import number
from bakeoff.model import Condition
from bakeoff.report import style
from bakeoff.report.charts import panel
from bakeoff.report.charts.chart import Chart, Material, cases_in, of_case, stacks_in
from bakeoff.report.charts.panel import Panel
from bakeoff.report.style import FONT, LETTER, Layout, Theme, plain


@dataclass(frozen=True)
class Bars:
    """What the bars of one chart stand for."""

    column: str
    """Of the results table; ``_low`` and ``_high`` beside it are the interval, where there are such columns."""
    unit: str
    bound: str | None = None
    """The column of a limit to mark on each bar, if any; ``bound_by`` names it."""

    def draw(self, material: Material, theme: Theme, title: str, subtitle: str) -> Figure:
        """One zero-based bar per stack and case, with its interval."""
        found = cases_in(material, material.results)
        stacks = _stacks(material)
        rows, columns = style.grid(len(found))
        layout = Layout(
            rows=rows,
            columns=columns,
            panel_height=0.42 * len(stacks) + 0.2,
            left=LETTER * max(len(plain(name)) for name in stacks) + 0.45,
            between_columns=0.35,
            between_rows=0.85,
        )
        made = style.sheet(theme, title, subtitle, layout)
        for at, (axes, case) in enumerate(zip(style.used_panels(made, len(found)), found, strict=True)):
            values = of_case(material.results, case).set_index("stack").reindex(stacks)
            self._bars(axes, theme, values, [material.looks[name].colour for name in stacks])
            _name_bars(axes, theme, stacks if at % columns == 0 else [""] * len(stacks))
            style.head_panel(axes, theme, plain(material.run.title(case)))
            style.name_axes(axes, theme, x=self.unit)
        return made.figure

    def _bars(self, axes: Axes, theme: Theme, rows: pd.DataFrame, colours: Sequence[str]) -> None:
        points, low, high = self._estimates(rows)
        bounds = self._bounds(rows)
        ends = np.fmax(np.fmax(points, high), bounds)
        top = float(np.nanmax(ends)) if np.isfinite(ends).any() else 1.0
        places = np.arange(len(points))
        axes.barh(places, np.nan_to_num(points), height=0.62, color=colours)
        axes.errorbar(points, places, xerr=[points - low, high - points], fmt="none", ecolor=theme.ink, capsize=3.5)
        axes.scatter(bounds, places, marker="|", s=260, color=theme.ink, linewidth=2.2)
        labels = self._labels(rows)
        for place, point, end, label in zip(places, points, ends, labels, strict=True):
            _bar_label(axes, theme, float(place), point, end + 0.02 * top, label)
        axes.set_xlim(0, (1.55 if self.bound else 1.2) * top)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        style.number_ticks(axes, "x")

    def _estimates(self, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points and the ends of their intervals; where there is no interval, those are missing."""
        nothing = np.full(len(rows), np.nan)
        ends = [f"{self.column}_{end}" for end in ("low", "high")]
        low, high = (rows[name].to_numpy(float) if name in rows else nothing for name in ends)
        return rows[self.column].to_numpy(float), low, high

    def _bounds(self, rows: pd.DataFrame) -> np.ndarray:
        return rows[self.bound].to_numpy(float) if self.bound else np.full(len(rows), np.nan)

    def _labels(self, rows: pd.DataFrame) -> list[str]:
        points = rows[self.column].to_numpy(float)
        if not self.bound:
            return [number(point) for point in points]
        shares = zip(points, rows[self.bound].to_numpy(float), rows["bound_by"], strict=True)
        return [_share_words(point, bound, by) for point, bound, by in shares]

    def panels(self, material: Material) -> tuple[Panel, ...]:
        """One figure a case."""
        return tuple(self._panel(material, case) for case in cases_in(material, material.results))

    def _panel(self, material: Material, case: Condition) -> Panel:
        stacks = _stacks(material)
        rows = of_case(material.results, case).set_index("stack").reindex(stacks)
        points, low, high = self._estimates(rows)
        bounds = self._bounds(rows)
        ends = np.concatenate([points, high, bounds])
        top = float(np.nanmax(ends)) if np.isfinite(ends).any() else 1.0
        height_px = 34 * len(stacks) + 100
        names = [panel.inert(name) for name in stacks]
        made = panel.sheet(
            height_px, self.unit, "", y_range=FactorRange(factors=names[::-1]), x_range=panel.from_zero(1.08 * top)
        )
        made.ygrid.visible = False
        panel.few_numbers(made.xaxis[0])
        columns = {
            "y": names,
            "stack": stacks,
            "value": points.tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
            "bound": bounds.tolist(),
            "colour": [material.looks[name].colour for name in stacks],
            "shown": [_shown(*each) for each in zip(points, low, high, strict=True)],
            "limit": self._labels(rows),
            "note": ["" if np.isfinite(point) else "withheld" for point in points],
        }
        data, view = panel.source(columns), panel.rows_by_stack(stacks)
        drawn = made.hbar(y="y", right="value", height=0.62, color="colour", source=data, view=view)
        panel.notes(made, data, view)
        if np.isfinite(low).any():
            panel.spans(made, data, view)
        if self.bound:
            panel.upright(made, "bound", 24, data, view)
        tips = [("stack", "@stack"), (self.unit, "@shown"), *([("limit", "@limit")] if self.bound else [])]
        panel.hover(made, [drawn], tips)
        return Panel(material.run.title(case), made, height_px)

    def alt(self, material: Material) -> str:
        """The numbers as a sentence."""
        told = []
        for case in cases_in(material, material.results):
            rows = of_case(material.results, case)
            parts = [
                f"{name} {label if np.isfinite(value) else 'withheld'}"
                for name, value, label in zip(rows["stack"], rows[self.column], self._labels(rows), strict=True)
            ]
            told.append(f"{material.run.title(case)}: {', '.join(parts)}")
        return f"Bar chart, {self.unit}. {'; '.join(told)}."

    def known(self, material: Material) -> bool:
        """Whether there is any bar to draw."""
        return bool(material.results[self.column].notna().any())

    def bounded(self, material: Material) -> bool:
        """Whether there is any bound to draw."""
        return bool(material.results["bound_rps"].notna().any())


def _stacks(material: Material) -> list[str]:
    return [name for name in material.run.stack_names if name in set(stacks_in(material.results))]


def _shown(point: float, low: float, high: float) -> str:
    interval = f" [{number(low)}, {number(high)}]" if np.isfinite(low) else ""
    return f"{number(point)}{interval}"


def _share_words(point: float, bound: float, by: str | None) -> str:
    """``90.0 of 105 (slots)``."""
    if not np.isfinite(bound):
        return number(point)
    return f"{number(point)} of {number(bound)} ({'CPU' if by == 'cpu' else by})"


def _name_bars(axes: Axes, theme: Theme, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [plain(name) for name in names])
    axes.tick_params(axis="y", labelcolor=theme.ink, labelsize=9.5)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(visible=False, axis="y")


def _bar_label(axes: Axes, theme: Theme, place: float, point: float, after: float, label: str) -> None:
    known = bool(np.isfinite(point))
    axes.text(
        after if known else 0,
        place,
        label if known else " withheld",
        color=theme.ink if known else theme.quiet,
        fontsize=9.5,
        fontfamily=FONT,
        fontstyle="normal" if known else "italic",
        va="center",
    )


CAPTION = "Bars start at zero; {whiskers}."

_THROUGHPUT = Bars("throughput_rps", "right answers per second")
_BOUND = Bars("throughput_rps", "right answers per second", bound="bound_rps")
_CPU = Bars("cpu_ms_per_request", "ms of server CPU per request")
_MEMORY = Bars("rss_mib", "MiB, all processes together")

THROUGHPUT = Chart(
    name="throughput",
    title="Throughput: right answers per second",
    caption=CAPTION,
    alt=_THROUGHPUT.alt,
    has_data=_THROUGHPUT.known,
    draw=_THROUGHPUT.draw,
    panels=_THROUGHPUT.panels,
)
BOUND = Chart(
    name="bound",
    title="Throughput against what the operational laws allow",
    caption="Bar: measured. Upright mark: the bound, and what sets it: slots, the CPU, or the load itself.",
    alt=_BOUND.alt,
    has_data=_BOUND.bounded,
    draw=_BOUND.draw,
    panels=_BOUND.panels,
)
CPU = Chart(
    name="cpu-per-request",
    title="CPU time that the server spends on a request",
    caption=CAPTION,
    alt=_CPU.alt,
    has_data=_CPU.known,
    draw=_CPU.draw,
    panels=_CPU.panels,
)
MEMORY = Chart(
    name="memory",
    title="Memory that the server holds while it serves",
    caption="Resident, the most that was seen in any slice. Pages that processes share count once for each.",
    alt=_MEMORY.alt,
    has_data=_MEMORY.known,
    draw=_MEMORY.draw,
    panels=_MEMORY.panels,
)
