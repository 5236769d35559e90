"""The page as a browser shows it: what moves, what answers to a pointer, and what stays text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bakeoff.findings import state
from bakeoff.findings.numerals import interval, number
from bakeoff.model import ALL_ENDPOINTS, Run
from bakeoff.report import render_all
from benchmarks.browser import Browser, Tab, browsing, chromium
from tests.report.made_up import HOSTILE, USERS

pytestmark = pytest.mark.browser

FOUND = """(() => {
  const found = [];
  const walk = (node) => {
    if (node.shadowRoot) walk(node.shadowRoot);
    for (const child of node.children ?? []) {
      if (child.classList.contains("bk-tooltip-content")) found.push(child.textContent);
      walk(child);
    }
  };
  walk(document.body);
  return found.join(" ");
})()"""
"""All that tooltips say; they live in shadow trees."""

DRAWN = "document.querySelector('.plot').dataset.drawn"
FIRST = "[...Bokeh.index][0]"
"""The first chart's view."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium on PATH; install it (apt install chromium) to test the page as seen")
    with browsing(program, tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    with browser.tab() as made:
        yield made


def written(run: Run, folder: Path) -> Path:
    """A run's report in a folder."""
    for name, content in render_all(run, state(run)).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return folder / "report.html"


@pytest.fixture(scope="module")
def page(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(run, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def hostile_page(hostile: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(hostile, tmp_path_factory.mktemp("hostile"))


def show_charts(tab: Tab) -> None:
    """Scroll to the charts and wait for the first."""
    tab.ask("document.querySelector('#charts').scrollIntoView()")
    tab.wait_for(DRAWN)


def bar(tab: Tab, stack: str) -> tuple[float, float]:
    """A place on a stack's bar in the first chart, in the window."""
    x, y = tab.ask(
        f"(() => {{ const view = {FIRST}, place = view.el.getBoundingClientRect();"
        f"return [place.left + view.frame.x_scale.compute(20), place.top + view.frame.y_scale.compute({stack!r})] }})()"
    )
    return float(x), float(y)


def middle(tab: Tab, selector: str) -> tuple[float, float]:
    """The middle of an element, which is scrolled into view."""
    x, y = tab.ask(
        f"(() => {{ const element = document.querySelector({selector!r});"
        "element.scrollIntoView({ block: 'center' });"
        "const place = element.getBoundingClientRect();"
        "return [place.left + place.width / 2, place.top + place.height / 2] })()"
    )
    return float(x), float(y)


def cells(tab: Tab, column: int) -> list[Any]:
    """A column of the first table of results, as shown."""
    rows = "[...document.querySelector('table.sortable').tBodies[0].rows]"
    return list(tab.ask(f"{rows}.map((row) => row.cells[{column}].querySelector('b').textContent)"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 820, 1280])
def test_every_chart_is_drawn_without_a_complaint_or_a_request(tab: Tab, page: Path, width: int, dark: bool) -> None:
    """At three widths, in both themes; and nothing sticks out sideways."""
    tab.open(page, width, 900, dark=dark)
    tab.resize(width, tab.ask("document.documentElement.scrollHeight"))
    tab.wait_for("[...document.querySelectorAll('.plot')].every((plot) => plot.dataset.drawn)")
    assert tab.complaints == []
    assert {address for address in tab.requested if not address.startswith("data:")} == {page.as_uri()}
    assert tab.ask("document.documentElement.scrollWidth") <= width


def test_nothing_jumps_while_the_page_comes_to_life(tab: Tab, page: Path) -> None:
    """Every place has its height from the start."""
    tab.open(page)
    show_charts(tab)
    assert tab.layout_shift() < 0.01


def test_hovering_a_bar_shows_the_number_of_the_summary(tab: Tab, page: Path, run: Run) -> None:
    """With its interval."""
    stack = "fastapi-uvicorn"
    (row,) = (
        row for row in run.summary.results if (row.stack, row.load, row.endpoint) == (stack, USERS, ALL_ENDPOINTS)
    )
    assert row.throughput_rps is not None
    tab.open(page)
    show_charts(tab)
    tab.point_at(*bar(tab, stack))
    tab.wait_for(f"{FOUND} !== ''")
    said = tab.ask(FOUND)
    assert stack in said
    assert f"{number(row.throughput_rps.point)} {interval(row.throughput_rps)}" in said


def test_a_stack_is_switched_off_and_on_in_every_chart(tab: Tab, page: Path) -> None:
    """In those drawn already, and in those that are drawn later."""
    shown = (
        "Bokeh.documents.flatMap((doc) => [...doc.all_models]).filter((model) => model.type === 'GlyphRenderer'"
        " && model.name === 'fastapi-uvicorn').map((model) => model.visible)"
    )
    rows = (
        "Bokeh.documents.flatMap((doc) => [...doc.all_models]).filter((model) => model.type === 'BooleanFilter')"
        ".map((model) => model.booleans.join())"
    )
    tab.open(page, 1280, 900)
    show_charts(tab)
    tab.press(*middle(tab, ".stacks input[value=fastapi-uvicorn]"))
    tab.resize(1280, tab.ask("document.documentElement.scrollHeight"))
    tab.wait_for("[...document.querySelectorAll('.plot')].every((plot) => plot.dataset.drawn)")
    assert set(tab.ask(shown)) == {False}
    assert set(tab.ask(rows)) == {"true,true,false,true"}
    tab.ask("document.querySelector('.stacks input[value=fastapi-uvicorn]').click()")
    assert set(tab.ask(shown)) == {True}
    assert set(tab.ask(rows)) == {"true,true,true,true"}


def test_a_chart_is_zoomed_by_dragging(tab: Tab, page: Path) -> None:
    """The axis then ends where the drag did."""
    tab.open(page)
    show_charts(tab)
    before = tab.ask(f"{FIRST}.model.x_range.end")
    x, y = bar(tab, "flask-gunicorn-sync")
    ends = {"mousePressed": (x, y), "mouseMoved": (x + 120, y + 60), "mouseReleased": (x + 120, y + 60)}
    for kind, (to_x, to_y) in ends.items():
        tab.call("Input.dispatchMouseEvent", type=kind, x=to_x, y=to_y, button="left", buttons=1, clickCount=1)
    tab.wait_for(f"{FIRST}.model.x_range.end < {before}")
    assert tab.ask(f"{FIRST}.model.x_range.start") >= 0


def test_a_press_on_a_head_sorts_and_another_turns_the_order(tab: Tab, page: Path) -> None:
    """By value, not by letters."""
    tab.open(page)
    head = "table.sortable thead th:nth-child(2) button"
    tab.press(*middle(tab, head))
    assert cells(tab, 1) == ["816", "802", "741", "89.4"]
    tab.press(*middle(tab, head))
    assert cells(tab, 1) == ["89.4", "741", "802", "816"]
    assert tab.ask("document.querySelector('table.sortable th:nth-child(2)').ariaSort") == "ascending"


def test_the_timeline_plays_to_its_end(tab: Tab, page: Path) -> None:
    """From the start: first all steps wait, then they run, then all are done."""
    states = "[...document.querySelectorAll('.segment')].map((segment) => segment.dataset.state)"
    tab.open(page)
    tab.press(*middle(tab, ".play"))
    tab.wait_for(f"{states}.includes('running') && {states}.includes('waiting')")
    assert tab.ask("document.querySelector('.play').textContent") == "Pause"
    tab.wait_for(f"{states}.every((state) => state === 'done')")
    assert tab.ask("document.querySelector('.play').textContent") == "Play"


def test_the_timeline_is_stepped_through(tab: Tab, page: Path) -> None:
    """One step forward from the start is the start of the first step, which is described."""
    tab.open(page)
    tab.ask("(() => { const at = document.querySelector('input[type=range]'); at.value = 0;"
            "at.dispatchEvent(new Event('input')) })()")  # fmt: skip
    assert tab.ask("document.querySelectorAll('.segment[data-state=waiting]').length") == 4 * 16
    tab.press(*middle(tab, ".forward"))
    assert tab.ask("document.querySelector('.clock').textContent") == "2.1 ms"
    assert tab.ask("document.querySelector('.timeline .at').textContent") == "cake: 1, step 1 \u00b7 frosting: waits"
    tab.press(*middle(tab, ".back"))
    assert tab.ask("document.querySelector('.clock').textContent") == "0.0 ms"


def test_a_stack_called_a_script_is_only_text(tab: Tab, hostile_page: Path) -> None:
    """Neither the page nor a tooltip runs it."""
    tab.open(hostile_page)
    show_charts(tab)
    assert tab.ask(f"document.body.textContent.includes({HOSTILE!r})")
    tab.point_at(*bar(tab, HOSTILE))
    tab.wait_for(f"{FOUND} !== ''")
    assert HOSTILE in tab.ask(FOUND)
    assert tab.complaints == []


def test_without_scripts_the_page_shows_pictures_tables_and_whole_timelines(tab: Tab, page: Path) -> None:
    """And nothing that would need them."""
    tab.open(page, scripts=False)
    tab.call("Emulation.setScriptExecutionDisabled", value=False)  # So that the test may ask.
    visible = "[...document.querySelectorAll({})].filter((element) => element.getClientRects().length).length"
    assert tab.ask(visible.format("'.picture img'")) == 7
    assert tab.ask(visible.format("'.segment'")) == 4 * 16
    assert tab.ask(visible.format("'table'")) >= 3
    assert tab.ask(visible.format("'.plot, .controls, .stacks'")) == 0


def test_the_charts_follow_the_theme(tab: Tab, page: Path) -> None:
    """Also when it changes while the page is open."""
    colour = f"{FIRST}.model.below[0].major_label_text_color"
    tab.open(page)
    show_charts(tab)
    light = tab.ask(f"String({colour})")
    tab.theme(dark=True)
    tab.wait_for(f"String({colour}) !== {light!r}")
