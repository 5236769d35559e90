"""The pictures of a report as files: their size, their colours, and what they say where there is no data."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from bakeoff.model import Run
from bakeoff.report.charts import charts
from bakeoff.report.drawing import sheet
from bakeoff.report.drawing.chart import ChartData
from bakeoff.report.drawing.palette import stack_styles
from bakeoff.report.figures import Picture, pictures
from tests.report import made_up
from tests.report.made_up import STACKS

BARS = ["throughput", "bound", "cpu-per-request", "memory"]
LIKE = 8
"""Steps of 255 by which a colour may differ in a picture with a palette."""


def pixels(png: bytes) -> np.ndarray:
    """A PNG as red, green and blue."""
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)


def rgb(colour: str) -> tuple[int, ...]:
    """``#D55E00`` as three numbers."""
    return tuple(bytes.fromhex(colour[1:]))


def pixels_of(png: bytes, colour: str) -> int:
    """How many pixels have a colour."""
    return int((np.abs(pixels(png) - rgb(colour)) <= LIKE).all(axis=2).sum())


def test_there_is_a_picture_of_every_chart_that_applies(drawn: tuple[Picture, ...], swept: Run) -> None:
    """In the order of the charts; one condition alone gives no curve over loads."""
    everything = list(charts())
    assert [picture.name for picture in drawn] == [name for name in everything if name != "throughput-by-load"]
    assert [picture.name for picture in pictures(swept)] == everything


def test_every_picture_is_as_wide_as_a_sheet_and_small(drawn: tuple[Picture, ...]) -> None:
    """A page holds them all; its header tells the size that the page reserves."""
    for picture in drawn:
        image = Image.open(BytesIO(picture.png))
        assert image.format == "PNG"
        assert picture.size == image.size
        assert image.width == pytest.approx(sheet.WIDTH * sheet.DPI, abs=2)
        assert len(picture.png) < 60_000


@pytest.mark.parametrize("name", [*BARS, "throughput-over-time", "latency-percentiles", "timeline"])
def test_each_stack_has_its_own_colour_in_every_picture(run: Run, drawn: tuple[Picture, ...], name: str) -> None:
    """Reducing a picture to a palette does not turn one stack's colour into another's."""
    (png,) = (picture.png for picture in drawn if picture.name == name)
    for style in stack_styles(run).values():
        assert pixels_of(png, style.colour) > 100


def test_a_longer_bar_covers_more_of_the_picture(drawn: tuple[Picture, ...]) -> None:
    """Pixels of a stack's colour follow its numbers: 1.31, 1.62, 0.94 and 1.07 ms, and nearly the same at 50/s."""
    (png,) = (picture.png for picture in drawn if picture.name == "cpu-per-request")
    areas = {name: pixels_of(png, style.colour) for name, style in stack_styles(made_up.complete_run()).items()}
    both_loads = {stack.name: sum(made_up.TRUTH[stack.name, load][2] for load in made_up.LOADS) for stack in STACKS}
    longest = max(both_loads, key=both_loads.__getitem__)
    for name, cpu_ms in both_loads.items():
        assert areas[name] / areas[longest] == pytest.approx(cpu_ms / both_loads[longest], abs=0.1)


def test_the_same_run_gives_the_same_bytes(run: Run) -> None:
    """A picture in version control changes only when the numbers do."""
    chart, data = charts()["throughput"], ChartData(run)
    assert sheet.as_png(chart.draw(data)) == sheet.as_png(chart.draw(data))


def test_a_picture_without_data_says_why(empty: Run, run: Run) -> None:
    """In its text and on the picture, which is small and has nothing else on it."""
    colours = {colour for style in stack_styles(run).values() for colour in [style.colour]}
    for picture in pictures(empty):
        assert picture.alt == "No data: nothing was measured."
        assert picture.interactive == ()
        assert picture.size[1] < 400
        assert (pixels(picture.png) < 200).any(axis=2).sum() > 500, "no text on it"
        assert not any(pixels_of(picture.png, colour) for colour in colours)
