"""Zero-based bars with intervals: throughput, and CPU time per request."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bakeoff.report import lookup, style
from bakeoff.report.charts.chart import Chart, Material, cases_in, of_case, stacks_in
from bakeoff.report.numerals import number
from bakeoff.report.style import FONT, LETTER, Layout, Theme, plain


def _draw(material: Material, theme: Theme, title: str, subtitle: str, column: str, unit: str) -> Figure:
    """One zero-based bar per stack and case, with its interval."""
    found = cases_in(material, material.results)
    stacks = [name for name in lookup.stack_names(material.run) if name in set(stacks_in(material.results))]
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
        _bars(axes, theme, values, column, [material.looks[name].colour for name in stacks])
        _name_bars(axes, theme, stacks if at % columns == 0 else [""] * len(stacks))
        style.head_panel(axes, theme, plain(lookup.case_title(material.run, case)))
        style.name_axes(axes, theme, x=unit)
    return made.figure


def _bars(axes: Axes, theme: Theme, rows: pd.DataFrame, column: str, colours: Sequence[str]) -> None:
    points = rows[column].to_numpy(float)
    low, high = (rows[f"{column}_{end}"].to_numpy(float) for end in ("low", "high"))
    ends = np.fmax(points, high)
    top = float(np.nanmax(ends)) if np.isfinite(ends).any() else 1.0
    places, errors = np.arange(len(points)), [points - low, high - points]
    axes.barh(places, np.nan_to_num(points), height=0.62, color=colours)
    axes.errorbar(points, places, xerr=errors, fmt="none", ecolor=theme.ink, elinewidth=1.3, capsize=3.5)
    for place, point, end in zip(range(len(points)), points, ends, strict=True):
        _bar_label(axes, theme, place, point, end + 0.02 * top)
    axes.set_xlim(0, 1.2 * top)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    style.number_ticks(axes, "x")


def _name_bars(axes: Axes, theme: Theme, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [plain(name) for name in names])
    axes.tick_params(axis="y", labelcolor=theme.ink, labelsize=9.5)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(visible=False, axis="y")


def _bar_label(axes: Axes, theme: Theme, place: float, point: float, after: float) -> None:
    known = bool(np.isfinite(point))
    axes.text(
        after if known else 0,
        place,
        number(point) if known else " withheld",
        color=theme.ink if known else theme.quiet,
        fontsize=9.5,
        fontfamily=FONT,
        fontstyle="normal" if known else "italic",
        va="center",
    )


def _draw_throughput(material: Material, theme: Theme, title: str, subtitle: str) -> Figure:
    return _draw(material, theme, title, subtitle, "throughput_rps", "right answers per second")


def _draw_cpu(material: Material, theme: Theme, title: str, subtitle: str) -> Figure:
    return _draw(material, theme, title, subtitle, "cpu_ms_per_request", "ms of server CPU per request")


def _alt(material: Material, column: str, unit: str) -> str:
    told = []
    for case in cases_in(material, material.results):
        rows = of_case(material.results, case)
        values = zip(rows["stack"], rows[column], strict=True)
        parts = [f"{name} {number(value) if np.isfinite(value) else 'withheld'}" for name, value in values]
        told.append(f"{lookup.case_title(material.run, case)}: {', '.join(parts)}")
    return f"Bar chart, {unit}. {'; '.join(told)}."


CAPTION = "Bars start at zero; {whiskers}."


def _known(material: Material, column: str) -> bool:
    return bool(material.results[column].notna().any())


THROUGHPUT = Chart(
    name="throughput",
    title="Throughput: right answers per second",
    caption=CAPTION,
    alt=lambda material: _alt(material, "throughput_rps", "right answers per second"),
    has_data=lambda material: _known(material, "throughput_rps"),
    draw=_draw_throughput,
)
CPU = Chart(
    name="cpu-per-request",
    title="CPU time that the server spends on a request",
    caption=CAPTION,
    alt=lambda material: _alt(material, "cpu_ms_per_request", "milliseconds of server CPU per request"),
    has_data=lambda material: _known(material, "cpu_ms_per_request"),
    draw=_draw_cpu,
)
