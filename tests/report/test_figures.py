"""The figures, as files and as what they say to those who do not see them."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import msgspec
import numpy as np
import pytest
from bokeh.models import HoverTool, Range1d
from PIL import Image

from bakeoff.model import Run, Scenario, Stack
from bakeoff.report import charts, figures, style
from bakeoff.report.charts import CHARTS, Chart, Material
from bakeoff.report.figures import Picture
from bakeoff.report.style import DARK, LIGHT
from tests.report import made_up

SHOWN = [chart for chart in CHARTS if chart is not charts.LOADS]
"""Those that any run has; the other needs several sizes of one load."""
NAMES = [chart.name for chart in SHOWN]


@pytest.fixture(scope="module")
def pngs(drawn: tuple[Picture, ...]) -> dict[str, bytes]:
    """The figures of the complete run on white."""
    return {picture.name: picture.png for picture in drawn}


def pixels(png: bytes) -> np.ndarray:
    """A PNG as red, green and blue."""
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def rgb(colour: str) -> tuple[int, ...]:
    """``#D55E00`` as three numbers."""
    return tuple(bytes.fromhex(colour[1:]))


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_a_png_with_something_on_it(pngs: dict[str, bytes], name: str) -> None:
    """And none is so large that the page would suffer."""
    image = Image.open(BytesIO(pngs[name]))
    assert image.width == pytest.approx(style.WIDTH * style.DPI, abs=2)
    assert len(image.getcolors() or ()) > 20
    assert len(pngs[name]) < 120_000


@pytest.mark.parametrize("chart", SHOWN, ids=NAMES)
def test_a_figure_without_data_says_so_instead_of_failing(empty: Run, chart: Chart) -> None:
    """Its reason is in the picture and in its text."""
    (picture,) = (each for each in figures.pictures(empty) if each.name == chart.name)
    assert picture.alt == "No data: nothing was measured."
    assert pixels(picture.png).shape[0] > 50


def test_the_same_run_gives_the_same_bytes(run: Run) -> None:
    """A committed figure changes only when the numbers do."""
    chart = CHARTS[0]
    assert figures.draw(chart, Material(run), LIGHT) == figures.draw(chart, Material(run), LIGHT)


def test_figures_can_be_drawn_dark(run: Run) -> None:
    """A white sheet on a dark slide glares."""
    png = figures.draw(charts.THROUGHPUT, Material(run), DARK)
    assert tuple(pixels(png)[0, 0]) == rgb(DARK.paper)


@pytest.mark.parametrize("name", ["throughput", "bound", "cpu-per-request", "memory", "throughput-over-time"])
def test_each_stack_has_its_own_colour_in_every_figure(run: Run, pngs: dict[str, bytes], name: str) -> None:
    """Compression must not turn one stack's colour into another's."""
    image = pixels(pngs[name])
    for look in style.looks(run).values():
        assert (image == rgb(look.colour)).all(axis=2).sum() > 100


def test_a_stack_keeps_its_colour_when_another_is_missing(run: Run, failed_stack: Run) -> None:
    """Two reports can be laid side by side."""
    assert style.looks(run) == style.looks(failed_stack)


def test_wsgi_is_warm_and_asgi_is_cool(run: Run) -> None:
    """Red outweighs blue in the one family, blue red in the other."""
    for stack in run.manifest.experiment.stacks:
        red, _, blue = rgb(style.looks(run)[stack.name].colour)
        assert (red > blue) == (stack.interface == "wsgi")


def test_bars_start_at_zero_and_show_their_intervals(run: Run) -> None:
    """No bar is cut off to make a difference look larger."""
    figure = charts.THROUGHPUT.draw(Material(run), LIGHT, "", "")
    for axes in figure.axes:
        assert axes.get_xlim()[0] == 0
        assert len(axes.patches) == 4
        assert len(axes.collections) >= 1


def test_one_block_draws_no_whiskers_and_says_why(run: Run) -> None:
    """An interval of no width would look like certainty."""
    rows = tuple(
        msgspec.structs.replace(
            row, throughput_rps=msgspec.structs.replace(row.throughput_rps, low=None, high=None, n=1)
        )
        for row in run.summary.results
        if row.throughput_rps
    )
    summary = msgspec.structs.replace(run.summary, results=rows)
    single = replace(run, summary=summary, blocks=run.blocks[:1])
    assert charts.caption(charts.THROUGHPUT, single) == "Bars start at zero; one block gives no intervals."
    assert pixels(figures.draw(charts.THROUGHPUT, Material(single), LIGHT)).size > 0


@pytest.mark.parametrize("chart", SHOWN, ids=NAMES)
def test_every_figure_names_what_its_axes_count(run: Run, chart: Chart) -> None:
    """A unit on each axis, or names of stacks and requests."""
    figure = chart.draw(Material(run), LIGHT, "", "")
    left = figure.axes[0]
    assert any(axes.get_xlabel() for axes in figure.axes)
    assert left.get_ylabel() or all(label.get_text() for label in left.get_yticklabels())


def test_the_percentile_axis_is_labelled_with_percentiles(run: Run) -> None:
    """Not with the reciprocal that it is drawn on."""
    axes = charts.PERCENTILES.draw(Material(run), LIGHT, "", "").axes[0]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["50 %", "90 %", "99 %", "99.9 %"]


def test_the_text_of_a_bar_chart_has_the_numbers_of_the_summary(run: Run) -> None:
    """A screen reader reads what others see."""
    alt = charts.THROUGHPUT.alt(Material(run))
    assert "64 users: flask-gunicorn-sync 89.4, flask-gunicorn-gthread 802" in alt


def test_a_withheld_bar_is_called_withheld(failed_stack: Run) -> None:
    """It is not a bar of no length."""
    assert "fastapi-uvicorn withheld" in charts.THROUGHPUT.alt(Material(failed_stack))


def test_any_name_can_be_drawn(run: Run) -> None:
    """Formulas, hidden labels, missing glyphs and markup are only letters here."""
    names = ("$x_1$", "_hidden", "\u4e2d\u6587 \U0001f370 {whiskers}", made_up.HOSTILE)
    renamed = run
    for stack, name in zip(run.manifest.experiment.stacks, names, strict=True):
        renamed = made_up.renamed(renamed, stack.name, name)
    assert all(png.startswith(b"\x89PNG") for png in figures.render_figures(renamed).values())


def test_an_endless_name_is_cut_short() -> None:
    """It must leave room for the picture."""
    assert len(style.plain("a" * 500)) == style.LONGEST_NAME


def test_many_stacks_scenarios_and_loads_still_fit(run: Run) -> None:
    """Colours run out before names do, and panels find room."""
    stacks = tuple(Stack(name=f"stack-{at}", interface="asgi") for at in range(9))
    rows = tuple(
        msgspec.structs.replace(run.summary.results[0], stack=stack.name, scenario=scenario)
        for stack in stacks
        for scenario in ("bakery", "front", "search")
    )
    asked = msgspec.structs.replace(
        run.manifest.experiment,
        stacks=stacks,
        scenarios=tuple(Scenario(name=name) for name in ("bakery", "front", "search")),
    )
    many = replace(
        run,
        manifest=msgspec.structs.replace(run.manifest, experiment=asked),
        summary=msgspec.structs.replace(run.summary, results=rows),
    )
    assert pixels(figures.draw(charts.THROUGHPUT, Material(many), LIGHT)).size > 0
    assert len({(look.colour, look.dash) for look in style.looks(many).values()}) == 9


def test_throughput_is_drawn_against_load_only_where_there_are_several(run: Run, swept: Run) -> None:
    """One point makes no curve."""
    assert not charts.LOADS.applies(Material(run))
    assert charts.LOADS.name not in figures.render_figures(run)
    assert charts.LOADS.name in figures.render_figures(swept)


def test_throughput_against_load_starts_at_zero_on_both_axes(swept: Run) -> None:
    """A curve that starts elsewhere looks steeper than it is."""
    (axes,) = charts.LOADS.draw(Material(swept), LIGHT, "", "").axes
    assert (axes.get_xlim()[0], axes.get_ylim()[0]) == (0, 0)
    assert "flask-gunicorn-sync 8.94 at 8 users, 89.4 at 64 users" in charts.LOADS.alt(Material(swept))


def test_the_heat_map_shows_every_request_once(run: Run) -> None:
    """Shares of a moment add up to one, requests to all that were recorded."""
    heat = Material(run).heat
    recorded = sum(each.histogram.total for each in run.intervals if each.kind == "latency")
    assert heat["requests"].sum() == recorded
    assert np.allclose(heat.groupby(["stack", "load", "measured_s"])["share"].sum(), 1.0)


def test_a_bar_says_which_bound_it_is_measured_against(run: Run) -> None:
    """Slots, the CPU, or the load itself."""
    alt = charts.BOUND.alt(Material(run))
    assert "flask-gunicorn-sync 89.4 of 91.7 (slots)" in alt
    assert "fastapi-uvicorn 816 of 1,064 (CPU)" in alt


LIVE = [chart for chart in SHOWN if chart is not charts.TIMELINE]


@pytest.mark.parametrize("chart", LIVE, ids=[chart.name for chart in LIVE])
def test_every_live_panel_has_units_on_its_axes_and_numbers_to_hover(run: Run, chart: Chart) -> None:
    """As the still pictures have."""
    panels = chart.panels(Material(run))
    assert panels
    for each in panels:
        assert each.title
        assert each.figure.xaxis[0].axis_label
        assert any(isinstance(tool, HoverTool) and tool.tooltips for tool in each.figure.tools)


@pytest.mark.parametrize(
    "chart", [charts.THROUGHPUT, charts.BOUND, charts.CPU, charts.MEMORY], ids=lambda one: one.name
)
def test_live_bars_start_at_zero_and_no_zoom_takes_that_away(run: Run, chart: Chart) -> None:
    """Nor may one pan to the left of it."""
    for each in chart.panels(Material(run)):
        axis = each.figure.x_range
        assert isinstance(axis, Range1d)
        assert (axis.start, axis.bounds) == (0, (0, None))
