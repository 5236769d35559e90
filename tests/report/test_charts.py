"""Each chart draws its table: bars, curves and cells have the table's numbers, and its words say the same."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import matplotlib.colors
import msgspec
import numpy as np
import pandas as pd
import pytest
from bokeh.models import BooleanFilter, ColumnDataSource, HoverTool, Range1d
from bokeh.models.renderers import GlyphRenderer
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.path import Path

from bakeoff.findings.numerals import number
from bakeoff.model import Run, Scenario, Stack
from bakeoff.report import charts as folder
from bakeoff.report.charts import charts
from bakeoff.report.drawing import sheet
from bakeoff.report.drawing.chart import Chart, ChartData, of_stack, under
from bakeoff.report.drawing.interactive import InteractiveFigure
from bakeoff.report.drawing.palette import blended, readable_on, stack_styles
from tests.report import made_up
from tests.report.made_up import BLOCKS, LOADS, STACKS, with_timeouts

NAMES = list(charts())
BARS = {
    "throughput": "throughput_rps",
    "bound": "throughput_rps",
    "cpu-per-request": "cpu_ms_per_request",
    "memory": "rss_mib",
}
"""Charts of bars, and the column that they draw."""
STACK_NAMES = [stack.name for stack in STACKS]


@pytest.fixture(scope="module")
def data(swept: Run) -> ChartData:
    """A run to which every chart applies: three conditions."""
    return ChartData(swept)


@pytest.fixture(scope="module")
def figures(data: ChartData) -> dict[str, Figure]:
    """Every chart, drawn once, with a title."""
    drawn = {name: chart.draw(data) for name, chart in charts().items()}
    for name, figure in drawn.items():
        sheet.write_title(figure, charts()[name].title, charts()[name].caption_of(data.run))
        figure.draw_without_rendering()
    return drawn


def subplots(figure: Figure) -> list[Axes]:
    """The subplots that are shown."""
    return [axes for axes in figure.axes if axes.get_visible()]


def rectangles(axes: Axes) -> list[Rectangle]:
    """The rectangles on a subplot, in the order in which they were drawn."""
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def bounding_box(path: Path) -> tuple[float, float, float, float]:
    """Left, right, bottom, top."""
    corners = np.asarray(path.vertices)
    return corners[:, 0].min(), corners[:, 0].max(), corners[:, 1].min(), corners[:, 1].max()


def heading(axes: Axes) -> str:
    """The heading of a subplot."""
    return axes.get_title(loc="left")


def panels(data: ChartData, figure: Figure, table: pd.DataFrame) -> Iterator[tuple[Axes, pd.DataFrame]]:
    """Each condition's subplot, and the rows of a table that belong on it."""
    conditions = data.conditions_in(table)
    for axes, condition in zip(subplots(figure), conditions, strict=True):
        assert heading(axes) == data.run.title(condition)
        yield axes, under(table, condition)


def renderers(plot: InteractiveFigure) -> list[GlyphRenderer[Any]]:
    """Everything that draws data on an interactive figure."""
    return [model for model in plot.figure.select(GlyphRenderer) if isinstance(model, GlyphRenderer)]


def columns_of(renderer: GlyphRenderer[Any]) -> dict[str, Any]:
    """The columns that a renderer draws."""
    assert isinstance(renderer.data_source, ColumnDataSource)
    return dict(renderer.data_source.data)


def source_of(plot: InteractiveFigure) -> dict[str, Any]:
    """The columns of an interactive figure with one source."""
    (source,) = {renderer.data_source for renderer in renderers(plot)}
    assert isinstance(source, ColumnDataSource)
    return dict(source.data)


# --- the folder ------------------------------------------------------------------------------------------------------


def test_every_file_of_the_folder_is_a_chart_and_its_name_is_the_charts() -> None:
    """``cpu_per_request.py`` is ``cpu-per-request``; a file is all that a chart needs."""
    assert {module.name.replace("_", "-") for module in pkgutil.iter_modules(folder.__path__)} == set(charts())
    assert all(isinstance(chart, Chart) for chart in charts().values())


def test_no_two_charts_claim_the_same_place() -> None:
    """The order on the page does not depend on file names."""
    orders = [chart.order for chart in charts().values()]
    assert orders == sorted(set(orders))


@pytest.mark.parametrize("name", NAMES)
def test_a_chart_has_a_title_a_caption_and_words(data: ChartData, name: str) -> None:
    """The words name every stack, for those who do not see the picture; the caption leaves no gap unfilled."""
    chart = charts()[name]
    assert chart.title
    assert chart.applies(data)
    assert chart.has_data(data)
    assert "{" not in chart.caption_of(data.run)
    assert all(stack in chart.describe(data) for stack in STACK_NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_without_results_has_no_data_for_any_chart(empty: Run, name: str) -> None:
    """Asked of a run that failed before its first block ended."""
    assert not charts()[name].has_data(ChartData(empty))


@pytest.mark.parametrize("name", NAMES)
def test_every_subplot_has_a_heading_and_names_what_its_axes_count(figures: dict[str, Figure], name: str) -> None:
    """A unit on each axis, or the names of stacks and requests."""
    axes = subplots(figures[name])
    assert any(heading(each) for each in axes)
    assert any(each.get_xlabel() for each in axes)
    assert axes[0].get_ylabel() or all(label.get_text() for label in axes[0].get_yticklabels())


@pytest.mark.parametrize("name", NAMES)
def test_titles_and_labels_lie_within_the_picture(figures: dict[str, Figure], name: str) -> None:
    """Nothing is cut off at an edge."""
    figure = figures[name]
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= width
    assert box.y1 <= height


@pytest.mark.parametrize("name", [name for name in NAMES if name != "timeline"])
def test_every_interactive_figure_has_units_on_its_axes_and_numbers_to_hover(data: ChartData, name: str) -> None:
    """Each column that a tip shows is in the data."""
    plots = charts()[name].interactive(data)
    assert plots
    for plot in plots:
        assert plot.title
        assert plot.figure.xaxis[0].axis_label
        (hover,) = plot.figure.select(HoverTool)
        assert isinstance(hover, HoverTool)
        assert isinstance(hover.renderers, list)
        assert isinstance(hover.tooltips, list)
        for renderer in hover.renderers:
            assert isinstance(renderer, GlyphRenderer)
            columns = {column for _, tip in hover.tooltips for column in re.findall(r"@(\w+)", tip)}
            assert columns <= set(columns_of(renderer))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "timeline"])
def test_every_interactive_mark_can_be_hidden_with_its_stack(data: ChartData, name: str) -> None:
    """It is named after one stack, or draws rows that are filtered by stack."""
    for plot in charts()[name].interactive(data):
        for renderer in renderers(plot):
            rows = renderer.view.filter
            by_row = isinstance(rows, BooleanFilter) and rows.tags == STACK_NAMES
            assert by_row or renderer.name in STACK_NAMES


# --- bars ------------------------------------------------------------------------------------------------------------


def bar_lengths(axes: Axes) -> list[float]:
    """The length of each bar, from the top down."""
    return [bar.get_width() for bar in rectangles(axes)]


def bar_whiskers(axes: Axes) -> list[tuple[float, float]]:
    """The ends of the whisker of each bar that has one."""
    (lines,) = (artist for artist in axes.collections if isinstance(artist, LineCollection))
    return [(float(line[0, 0]), float(line[1, 0])) for line in lines.get_segments() if len(line)]


@pytest.mark.parametrize(("name", "column"), BARS.items())
def test_bars_start_at_zero_and_are_as_long_as_the_tables_numbers(
    data: ChartData, figures: dict[str, Figure], name: str, column: str
) -> None:
    """In the colours of their stacks, with the number written beside each."""
    for axes, rows in panels(data, figures[name], data.results):
        assert axes.get_xlim()[0] == 0
        assert bar_lengths(axes) == pytest.approx(rows[column].tolist())
        assert all(bar.get_x() == 0 for bar in rectangles(axes))
        drawn = [matplotlib.colors.to_hex(bar.get_facecolor()).upper() for bar in rectangles(axes)]
        assert drawn == [data.styles[stack].colour for stack in rows["stack"]]
        assert [text.get_text().split()[0] for text in axes.texts] == [number(value) for value in rows[column]]


@pytest.mark.parametrize(("name", "column"), [(name, column) for name, column in BARS.items() if name != "memory"])
def test_whiskers_end_where_the_intervals_do(
    data: ChartData, figures: dict[str, Figure], name: str, column: str
) -> None:
    """Both ends are those of the table."""
    for axes, rows in panels(data, figures[name], data.results):
        ends = list(zip(rows[f"{column}_low"], rows[f"{column}_high"], strict=True))
        assert np.allclose(bar_whiskers(axes), ends)


def test_memory_is_a_maximum_and_has_no_whiskers(figures: dict[str, Figure]) -> None:
    """It has no interval."""
    assert all(bar_whiskers(axes) == [] for axes in subplots(figures["memory"]))


def test_the_bound_is_marked_on_the_scale_of_the_bar(data: ChartData, figures: dict[str, Figure]) -> None:
    """And what sets it stands beside the number; a condition without bounds has no marks."""
    for axes, rows in panels(data, figures["bound"], data.results):
        marks = next(artist for artist in axes.collections if not isinstance(artist, LineCollection))
        drawn = np.ma.filled(np.ma.asarray(marks.get_offsets())[:, 0].astype(float), np.nan)
        assert np.allclose(drawn, rows["bound_rps"], equal_nan=True)
    labels = [text.get_text() for axes in subplots(figures["bound"]) for text in axes.texts]
    assert "89.4 of 91.7 (slots)" in labels
    assert "816 of 1,064 (CPU)" in labels
    assert "50.1 of 50.0 (load)" in labels


@pytest.mark.parametrize(("name", "column"), BARS.items())
def test_interactive_bars_have_the_same_numbers(data: ChartData, name: str, column: str) -> None:
    """Their axis starts at zero, and no zoom or pan takes that away."""
    conditions = data.conditions_in(data.results)
    for plot, condition in zip(charts()[name].interactive(data), conditions, strict=True):
        rows = under(data.results, condition)
        columns = source_of(plot)
        assert columns["stack"] == rows["stack"].tolist()
        assert columns["value"] == rows[column].tolist()
        axis = plot.figure.x_range
        assert isinstance(axis, Range1d)
        assert (axis.start, axis.bounds) == (0, (0, None))
        if f"{column}_low" in rows:
            assert (columns["low"], columns["high"]) == (
                rows[f"{column}_low"].tolist(),
                rows[f"{column}_high"].tolist(),
            )


def test_the_text_of_a_bar_chart_has_the_numbers_of_the_summary(run: Run) -> None:
    """A screen reader reads what others see."""
    words = charts()["throughput"].describe(ChartData(run))
    assert "64 users: flask-gunicorn-sync 89.4, flask-gunicorn-gthread 802" in words
    assert "flask-gunicorn-sync 89.4 of 91.7 (slots)" in charts()["bound"].describe(ChartData(run))


def test_a_withheld_bar_is_called_withheld(failed_stack: Run) -> None:
    """It is not a bar of length zero: the word stands in its place, in the picture, the figure and the text."""
    data, chart = ChartData(failed_stack), charts()["throughput"]
    position = STACK_NAMES.index("fastapi-uvicorn")
    assert "fastapi-uvicorn withheld" in chart.describe(data)
    for axes in subplots(chart.draw(data)):
        assert axes.texts[position].get_text().strip() == "withheld"
        assert len(bar_whiskers(axes)) == len(STACKS) - 1
    for plot in chart.interactive(data):
        assert [bool(note) for note in source_of(plot)["note"]] == [name == "fastapi-uvicorn" for name in STACK_NAMES]


def test_one_block_draws_no_whiskers_and_says_why(run: Run) -> None:
    """An interval of no width would look like certainty."""
    rows = tuple(
        msgspec.structs.replace(
            row, throughput_rps=msgspec.structs.replace(row.throughput_rps, low=None, high=None, n=1)
        )
        for row in run.summary.results
        if row.throughput_rps
    )
    single = replace(run, summary=msgspec.structs.replace(run.summary, results=rows), blocks=run.blocks[:1])
    chart = charts()["throughput"]
    assert chart.caption_of(single) == "Bars start at zero; one block gives no intervals."
    assert all(bar_whiskers(axes) == [] for axes in subplots(chart.draw(ChartData(single))))
    assert "95 % confidence intervals over 7 blocks" in chart.caption_of(run)


# --- curves ----------------------------------------------------------------------------------------------------------


def test_throughput_is_drawn_against_load_only_where_there_are_several(run: Run, data: ChartData) -> None:
    """One point makes no curve."""
    chart = charts()["throughput-by-load"]
    assert not chart.applies(ChartData(run))
    assert chart.applies(data)


def test_throughput_against_load_joins_the_tables_points_and_starts_at_zero(
    data: ChartData, figures: dict[str, Figure]
) -> None:
    """One curve a stack, with a whisker at each point; both axes start at zero."""
    (axes,) = subplots(figures["throughput-by-load"])
    rows = data.results[data.results["load_kind"] == "users"].sort_values("load_size")
    assert (axes.get_xlim()[0], axes.get_ylim()[0]) == (0, 0)
    for (line, _, (whiskers,)), name in zip(axes.containers, STACK_NAMES, strict=True):
        curve = of_stack(rows, name)
        assert line.get_xdata().tolist() == curve["load_size"].tolist() == [8, 64]
        assert np.allclose(line.get_ydata(), curve["throughput_rps"])
        ends = [(segment[0, 1], segment[1, 1]) for segment in whiskers.get_segments()]
        assert np.allclose(ends, curve[["throughput_rps_low", "throughput_rps_high"]])
    assert "flask-gunicorn-sync 8.94 at 8 users, 89.4 at 64 users" in charts()["throughput-by-load"].describe(data)


def test_interactive_curves_over_load_have_the_same_points(data: ChartData) -> None:
    """One source a stack."""
    (plot,) = charts()["throughput-by-load"].interactive(data)
    rows = data.results[data.results["load_kind"] == "users"].sort_values("load_size")
    for renderer in renderers(plot):
        curve = of_stack(rows, renderer.name or "")
        assert columns_of(renderer)["x"] == curve["load_size"].tolist()
        assert columns_of(renderer)["y"] == curve["throughput_rps"].tolist()


def test_latency_curves_are_those_of_the_percentile_table(data: ChartData, figures: dict[str, Figure]) -> None:
    """Placed at 1 / (1 - q) on a logarithmic axis that is labelled with percentiles; a legend names the stacks."""
    figure = figures["latency-percentiles"]
    for axes, rows in panels(data, figure, data.percentiles):
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        labels = dict(zip(axes.get_xticks(), (label.get_text() for label in axes.get_xticklabels()), strict=True))
        assert {place: labels[place] for place in (2, 10, 100)} == {2: "50 %", 10: "90 %", 100: "99 %"}
        for line, name in zip(axes.lines, STACK_NAMES, strict=True):
            curve = of_stack(rows, name)
            assert line.get_color() == data.styles[name].colour
            assert np.allclose(1 - 1 / np.asarray(line.get_xdata(), float), curve["quantile"])
            assert np.allclose(np.asarray(line.get_ydata(), float), curve["latency_ms"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == STACK_NAMES


def test_interactive_latency_curves_have_the_same_points(data: ChartData) -> None:
    """And on hovering, the percentile itself rather than its place."""
    conditions = data.conditions_in(data.percentiles)
    for plot, condition in zip(charts()["latency-percentiles"].interactive(data), conditions, strict=True):
        for renderer in renderers(plot):
            curve = of_stack(under(data.percentiles, condition), renderer.name or "")
            assert columns_of(renderer)["y"] == curve["latency_ms"].tolist()
            assert columns_of(renderer)["percentile"][0] == f"{100 * curve['quantile'].iloc[0]:.7g} %"


def test_latencies_that_are_lower_bounds_are_triangles(run: Run) -> None:
    """In both forms of the chart, and in its words."""
    failing = ChartData(with_timeouts(run, STACK_NAMES[0]))
    rows = under(failing.percentiles, failing.conditions_in(failing.percentiles)[0])
    bounds = rows[rows["at_least"]]
    chart = charts()["latency-percentiles"]
    axes = chart.draw(failing).axes[0]
    drawn = [points for collection in axes.collections for points in np.asarray(collection.get_offsets()).tolist()]
    assert len(drawn) == len(bounds) > 0
    triangles = [
        renderer for renderer in renderers(chart.interactive(failing)[0]) if type(renderer.glyph).__name__ == "Scatter"
    ]
    assert [renderer.name for renderer in triangles] == [STACK_NAMES[0]]
    assert "p99 \u2265 10,0" in chart.describe(failing)


# --- over time -------------------------------------------------------------------------------------------------------


def grid_of(figure: Figure, data: ChartData, table: pd.DataFrame) -> Iterator[tuple[Axes, str, pd.DataFrame]]:
    """Each subplot of a chart over time, its stack, and the rows that belong on it."""
    stacks, conditions = data.stacks_in(table), data.conditions_in(table)
    places = [(name, condition) for name in stacks for condition in conditions]
    for axes, (name, condition) in zip(subplots(figure), places, strict=True):
        yield axes, name, of_stack(under(table, condition), name)


def test_throughput_over_time_has_one_line_a_block(data: ChartData, figures: dict[str, Figure]) -> None:
    """Each point at the middle of its second; every other block is shaded from its start to its end."""
    for axes, _, rows in grid_of(figures["throughput-over-time"], data, data.seconds):
        assert len(axes.lines) == BLOCKS
        assert axes.get_ylim()[0] == 0
        for line, (_, block) in zip(axes.lines, rows.groupby("block"), strict=True):
            assert np.allclose(np.asarray(line.get_xdata(), float), block["measured_s"] + block["length_s"] / 2)
            assert np.allclose(np.asarray(line.get_ydata(), float), block["throughput_rps"])
        shaded = [(band.get_x(), band.get_x() + band.get_width()) for band in rectangles(axes)]
        blocks = [block for _, block in rows.groupby("block")][1::2]
        ends = [(b["measured_s"].min(), (b["measured_s"] + b["length_s"]).max()) for b in blocks]
        assert np.allclose(shaded, ends)


def cells(axes: Axes) -> list[tuple[float, float, float, float]]:
    """The rectangles of a heat map: left, right, bottom, top."""
    (polygons,) = (artist for artist in axes.collections if isinstance(artist, PolyCollection))
    return [bounding_box(path) for path in polygons.get_paths()]


def test_a_cell_of_the_heat_map_is_as_wide_as_its_moment(data: ChartData, figures: dict[str, Figure]) -> None:
    """The last one too, which is a fraction of a second: it ends where the last slice did."""
    for axes, _, rows in grid_of(figures["latency-over-time"], data, data.heat):
        ends = rows["measured_s"] + rows["length_s"]
        columns = [rows["measured_s"], ends, rows["latency_from_ms"], rows["latency_to_ms"]]
        assert np.allclose(cells(axes), np.column_stack(columns))
        assert max(right for _, right, _, _ in cells(axes)) == pytest.approx(2.4 * 2 * BLOCKS)
        assert axes.get_xlim() == pytest.approx((0, 2.4 * 2 * BLOCKS))


def test_an_interactive_cell_is_as_wide_as_its_moment(data: ChartData) -> None:
    """The same widths as in the picture, to a thousandth of a second."""
    places = [(c, name) for c in data.conditions_in(data.heat) for name in STACK_NAMES]
    for plot, (condition, name) in zip(charts()["latency-over-time"].interactive(data), places, strict=True):
        rows = of_stack(under(data.heat, condition), name)
        (renderer,) = renderers(plot)
        assert renderer.glyph.width == "width"
        columns = columns_of(renderer)
        assert np.allclose(columns["width"], rows["length_s"], atol=1e-3)
        left = np.array(columns["middle"]) - np.array(columns["width"]) / 2
        assert np.allclose(left, rows["measured_s"], atol=2e-3)
        assert isinstance(plot.figure.x_range, Range1d)
        assert plot.figure.x_range.end == pytest.approx(2.4 * 2 * BLOCKS)


def test_a_cell_with_a_larger_share_is_drawn_more_strongly(data: ChartData, figures: dict[str, Figure]) -> None:
    """And the faintest can still be seen."""
    for axes, _, rows in grid_of(figures["latency-over-time"], data, data.heat):
        (polygons,) = (artist for artist in axes.collections if isinstance(artist, PolyCollection))
        strengths = np.asarray(polygons.get_facecolor())[:, 3]
        order = np.argsort(rows["share"].to_numpy())
        assert (np.diff(strengths[order]) >= 0).all()
        assert strengths.min() > 0.1


# --- timelines -------------------------------------------------------------------------------------------------------


def test_a_timeline_has_one_segment_a_step_where_it_ran(data: ChartData, figures: dict[str, Figure]) -> None:
    """One row a request, on one scale for all stacks, each segment numbered."""
    axes_of_stacks = subplots(figures["timeline"])
    for axes, stack in zip(axes_of_stacks, STACKS, strict=True):
        steps = of_stack(data.timeline, stack.name)
        assert [label.get_text() for label in axes.get_yticklabels()] == ["cake", "frosting"]
        drawn = [bounding_box(path)[:2] for collection in axes.collections for path in collection.get_paths()]
        assert np.allclose(drawn, steps[["start_ms", "end_ms"]])
        assert [text.get_text() for text in axes.texts] == [str(step) for step in steps["step"]]
    assert len({axes.get_xlim() for axes in axes_of_stacks}) == 1


# --- colours and names -----------------------------------------------------------------------------------------------


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def test_a_stack_keeps_its_colour_when_another_is_missing(run: Run, failed_stack: Run) -> None:
    """Two reports can be laid side by side."""
    assert stack_styles(run) == stack_styles(failed_stack)


def test_wsgi_is_warm_and_asgi_is_cool(run: Run) -> None:
    """Red outweighs blue in the one family, blue red in the other."""
    for stack in STACKS:
        red, _, blue = rgb(stack_styles(run)[stack.name].colour)
        assert (red > blue) == (stack.interface == "wsgi")


@pytest.mark.parametrize(("share", "expected"), [(1.0, "#d55e00"), (0.0, "#ffffff"), (0.5, "#eaae80")])
def test_a_colour_blends_with_its_background(share: float, expected: str) -> None:
    """Channel by channel."""
    assert blended("#D55E00", "#ffffff", share) == expected


def test_text_on_a_colour_is_black_or_white_whichever_can_be_read() -> None:
    """White on blue, black on yellow."""
    assert (readable_on("#0072B2"), readable_on("#E69F00")) == ("#ffffff", "#000000")


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_drawn(swept: Run, name: str) -> None:
    """Formulas, hidden labels, missing glyphs and markup are only letters here."""
    names = ("$x_1$", "_hidden", "\u4e2d\u6587 \U0001f370 {whiskers}", made_up.HOSTILE)
    renamed = swept
    for stack, new in zip(STACKS, names, strict=True):
        renamed = made_up.renamed(renamed, stack.name, new)
    figure = charts()[name].draw(ChartData(renamed))
    figure.draw_without_rendering()
    texts = " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))
    assert r"\$x_1\$" in texts
    assert made_up.HOSTILE in texts


def test_a_long_name_is_cut_short() -> None:
    """It must leave room for the picture."""
    assert len(sheet.literal("a" * 500)) == sheet.LONGEST_NAME


def test_many_stacks_and_scenarios_still_fit(run: Run) -> None:
    """Nine stacks differ in colour or line, and each of six conditions has its subplot with a bar for every stack."""
    stacks = tuple(Stack(name=f"stack-{number}", interface="asgi") for number in range(9))
    scenarios = ("bakery", "front", "search")
    rows = tuple(
        msgspec.structs.replace(run.summary.results[0], stack=stack.name, scenario=scenario, load=load)
        for stack in stacks
        for scenario in scenarios
        for load in LOADS
    )
    experiment = msgspec.structs.replace(
        run.manifest.experiment, stacks=stacks, scenarios=tuple(Scenario(name=name) for name in scenarios)
    )
    many = replace(
        run,
        manifest=msgspec.structs.replace(run.manifest, experiment=experiment),
        summary=msgspec.structs.replace(run.summary, results=rows),
    )
    drawn = subplots(charts()["throughput"].draw(ChartData(many)))
    assert [heading(axes) for axes in drawn] == [many.title(condition) for condition in many.conditions]
    assert all(len(bar_lengths(axes)) == 9 for axes in drawn)
    assert len(set(stack_styles(many).values())) == 9
