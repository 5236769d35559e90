"""``report.html``: one file that opens offline, in light and dark, on a phone and on paper."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bakeoff.report import facts, grid, lookup, style, words
from bakeoff.report.figures import Picture
from bakeoff.run import Run


def render(run: Run, pictures: tuple[Picture, ...]) -> bytes:
    """The whole page, figures and styles inside."""
    page = environment().get_template("report.html.j2").render(_sections(run) | _pictures(pictures))
    return page.encode()


def environment() -> Environment:
    """Templates whose every value is escaped, and in which a misspelt one is an error."""
    environment = Environment(
        loader=PackageLoader("bakeoff.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data_uri": data_uri, "tied": tied}
    return environment


def _sections(run: Run) -> dict[str, Any]:
    return {
        "run": run,
        "answer": words.answer(run),
        "context": words.context(run),
        "interfaces": words.INTERFACES,
        "how_sure": facts.how_sure(run),
        "withheld": facts.withheld(run),
        "results": grid.result_grids(run),
        "endpoints": grid.endpoint_grids(run),
        "comparisons": grid.comparison_grid(run),
        "stacks": grid.stack_grid(run),
        "colours": {name: look.colour for name, look in style.looks(run).items()},
        "stories": [(each.stack, each.interface, words.tell(each)) for each in lookup.timelines(run)],
        "timeline_intro": words.TIMELINE,
        "steps": grid.step_grids(run),
        "oracle": grid.oracle_grid(run),
        "troubles": [(words.trouble_title(each), each.failure) for each in lookup.troubles(run)],
        "method": facts.method(run),
        "machine": facts.machine(run),
        "about": facts.about(run),
        "started": facts.moment(run.manifest.started_utc),
        "raw_files": facts.RAW_FILES,
    }


def _pictures(pictures: tuple[Picture, ...]) -> dict[str, Any]:
    return {
        "pictures": [picture for picture in pictures if picture.name != "timeline"],
        "timeline_picture": next((picture for picture in pictures if picture.name == "timeline"), None),
    }


def data_uri(png: bytes) -> str:
    """A PNG inside the page."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def tied(text: str) -> Markup:
    """Text in which a number and its sign, and the two ends of an interval, stay on one line."""
    return Markup(TIED.sub("\u00a0", str(escape(text))))


TIED = re.compile(r"(?<=\d) (?=[%\u00d7]|ms\b|MiB\b|\u00b5s\b)|(?<=\u00d7) (?=\[)|(?<=\d,) (?=[\d.,]+\])")
"""Spaces that must not end a line."""
