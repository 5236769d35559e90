"""The page: complete, safe, and in the documented order."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from bakeoff.findings import state
from bakeoff.model import Run
from bakeoff.report import figures, html
from bakeoff.report.figures import Picture
from tests.report.made_up import FAILURE, HOSTILE, TOO_FEW, renamed

COLOURS = {"flask-gunicorn-sync": "#d55e00", "fastapi-uvicorn": "#0072b2"}
VOID = {"meta", "img", "br", "input"}


class Page(HTMLParser):
    """What a browser would make of a page: its text, its elements, and whether they nest."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._open: list[str] = []
        self.feed(page.decode())
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self._open:
            self.scripts.append(data)
        elif "style" not in self._open:
            self.words.append(data)

    @property
    def text(self) -> str:
        """All visible text, spaces normalised."""
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(run: Run, drawn: tuple[Picture, ...]) -> Page:
    """A run's page, read."""
    return Page(html.render(state(run), drawn, COLOURS))


@pytest.fixture(scope="module")
def page(run: Run, drawn: tuple[Picture, ...]) -> Page:
    """The page of the complete run."""
    return page_of(run, drawn)


@pytest.fixture(scope="module")
def hostile_page(hostile: Run) -> Page:
    """The page of the run with a hostile name and log."""
    return page_of(hostile, ())


def squeezed(text: str) -> str:
    """Text with every run of spaces as one space."""
    return " ".join(text.split())


def test_the_headline_comes_first(run: Run, page: Page) -> None:
    """Only the names of tool and experiment come before it."""
    assert 0 < page.text.index(squeezed(state(run).headline.text), 20) < 150


def test_sections_come_in_the_documented_order(failed_stack: Run) -> None:
    """From the headline to its evidence to the raw files."""
    text = page_of(failed_stack, ()).text
    order = [
        "How certain is this?", "What was withheld", "Results", "To go beyond", "Stacks shown",
        "Who waited for whom",
        "What failed", "Was it fair?", "How it was measured", "Where and when", "Raw files",
    ]  # fmt: skip
    places = [text.index(heading) for heading in order]
    assert places == sorted(places)


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    """The file opens offline and makes no request."""
    targets = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"src", "srcset", "href", "action", "data", "poster"}
    ]
    assert targets
    assert not [target for target in targets if re.match(r"(?i)\s*(https?:|//|javascript:)", target)]
    assert {tag for tag, _ in page.elements}.isdisjoint({"link", "iframe", "object", "embed", "base"})


def test_the_styles_load_nothing(run: Run) -> None:
    """The CSS has no import and no url()."""
    styles = html.render(state(run), (), COLOURS).decode().partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in styles
    assert "@import" not in styles


def test_every_picture_is_inside_with_a_text(page: Page, drawn: tuple[Picture, ...]) -> None:
    """And with its size, so that the page does not jump; the timeline is laid out in the page itself."""
    images = page.all("img")
    assert len(images) == len(drawn) - 1
    for image in images:
        assert image["src"].startswith("data:image/png;base64,")
        assert len(image["alt"]) > 60
        assert int(image["width"]) > int(image["height"]) * 0.7


def test_only_the_scripts_of_the_report_may_run(hostile_page: Page) -> None:
    """The policy admits three scripts by their hashes; all others are data."""
    (policy,) = (meta["content"] for meta in hostile_page.all("meta") if "http-equiv" in meta)
    running = [attributes for attributes in hostile_page.all("script") if not attributes]
    data = [attributes for attributes in hostile_page.all("script") if attributes]
    assert len(running) == policy.count("'sha256-") == 3
    assert "'unsafe-inline'" not in policy.partition("script-src")[2]
    assert "'unsafe-eval'" not in policy
    assert all(attributes == {"type": "application/json"} for attributes in data)


def test_no_data_can_end_its_element(hostile: Run) -> None:
    """Each figure's data is JSON, whatever its stacks are called."""
    page = page_of(hostile, figures.pictures(hostile))
    items = [text for text in page.scripts if text.startswith('{"target_id"')]
    assert len(items) == len([attributes for attributes in page.all("script") if attributes])
    assert any(HOSTILE in json.dumps(json.loads(text)) for text in items)


def test_a_hostile_name_is_shown_as_text(hostile_page: Page) -> None:
    """Wherever a stack's name appears."""
    assert hostile_page.text.count(HOSTILE) > 10


def test_a_failure_shows_its_message_and_its_log_as_text(hostile_page: Page) -> None:
    """The log is folded away, and its markup is inert."""
    assert FAILURE.message in hostile_page.text
    assert squeezed(FAILURE.log) in hostile_page.text


def test_a_hostile_name_cannot_leave_an_attribute(run: Run) -> None:
    """Quotes are escaped in the texts of figures and regions."""
    name = '" onload="alert(1)'
    attack = renamed(run, "fastapi-uvicorn", name)
    drawn = Picture(name="x", title=name, caption=name, alt=name, png=bytes(32))
    page = page_of(attack, (drawn,))
    assert name in page.all("img")[0]["alt"]
    assert not [attributes for _, attributes in page.elements if "onload" in attributes]


@pytest.mark.parametrize("name", ["run", "failed_stack"])
def test_every_reason_for_withholding_appears(request: pytest.FixtureRequest, name: str) -> None:
    """A reader sees what is missing, and why."""
    chosen: Run = request.getfixturevalue(name)
    text = page_of(chosen, ()).text
    for row in chosen.summary.results:
        assert all(reason in text for reason in row.withheld)
    assert TOO_FEW in text


def test_every_mark_leads_to_its_footnote(hostile_page: Page) -> None:
    """Every dash has a reason that can be reached from it."""
    identifiers = {attributes["id"] for _, attributes in hostile_page.elements if "id" in attributes}
    marks = [link["href"] for link in hostile_page.all("a") if link["href"].startswith("#")]
    assert marks
    assert all(mark[1:] in identifiers for mark in marks)


def test_identifiers_are_unique(hostile_page: Page) -> None:
    """A link leads to one place."""
    identifiers = [attributes["id"] for _, attributes in hostile_page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


def test_raw_files_are_linked_relative_to_the_page(page: Page) -> None:
    """The folder can be moved as a whole."""
    links = {link["href"] for link in page.all("a")}
    assert {"summary.json", "manifest.json", "blocks/"} <= links


def test_the_machine_and_the_method_are_shown(run: Run, page: Page) -> None:
    """With the numbers of this run, not of the documentation."""
    assert "AMD EPYC 7B13, 2 cores" in page.text
    assert "gunicorn 25.0.1" in page.text
    for _, text in state(run).method:
        assert squeezed(text) in page.text


def test_a_run_without_results_still_makes_a_page(empty: Run) -> None:
    """With the reasons in its headline."""
    text = page_of(empty, ()).text
    assert "There is no valid comparison: the run failed (no space left on device)" in text
    assert "The load generator is not certified: it was never checked." in text


def test_the_page_is_readable_by_machines_and_phones(page: Page) -> None:
    """Language, viewport, one main heading, and heads for every table."""
    assert page.all("html")[0]["lang"] == "en"
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
    assert len(page.all("h1")) == 1
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(head.get("scope") in {"col", "row"} for head in page.all("th"))


def test_the_page_is_small(run: Run, drawn: tuple[Picture, ...]) -> None:
    """Under 2.5 MB, pictures and charts included."""
    assert len(html.render(state(run), drawn, COLOURS)) < 2_500_000
