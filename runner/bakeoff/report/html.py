"""``report.html``: one file that opens offline, in light and dark, on a phone and on paper.

Without scripts it shows pictures, tables and whole timelines. With them, the same places hold charts to hover, zoom and
choose stacks in, and a player. Nothing is moved when they come to life: each place has its height from the start.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bakeoff.findings import diagnoses, facts, fairness, story, why
from bakeoff.findings.answer import answer
from bakeoff.findings.context import INTERFACES, context
from bakeoff.findings.failures import failures
from bakeoff.model import Run
from bakeoff.report import grid, scripts
from bakeoff.report import timeline_lanes as lanes
from bakeoff.report.drawing.chart import ChartData
from bakeoff.report.drawing.palette import stack_styles
from bakeoff.report.figures import Picture
from bakeoff.report.headline_bars import podium


def render(run: Run, pictures: tuple[Picture, ...]) -> bytes:
    """The whole page, figures and styles inside."""
    page = (
        environment()
        .get_template("report.html.j2")
        .render(_words(run) | _tables(run) | _pictures(pictures) | _timelines(run) | _scripts())
    )
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
    environment.filters |= {"data_uri": data_uri, "tied": tied, "figure_data": scripts.figure_data}
    return environment


def _words(run: Run) -> dict[str, Any]:
    return {
        "run": run,
        "answer": answer(run),
        "context": context(run),
        "podium": podium(run),
        "interfaces": INTERFACES,
        "how_sure": facts.how_sure(run),
        "withheld": facts.withheld(run),
        "reasons": why.by_case(run),
        "diagnoses": diagnoses.diagnoses(run),
        "mismatches": fairness.mismatches(run),
        "troubles": [(failure.title, failure.failure) for failure in failures(run)],
        "method": facts.method(run),
        "machine": facts.machine(run),
        "about": facts.about(run),
        "started": facts.moment(run.manifest.started_utc),
        "raw_files": facts.RAW_FILES,
        "block_files": facts.block_files(run),
    }


def _tables(run: Run) -> dict[str, Any]:
    return {
        "results": grid.result_grids(run),
        "endpoints": grid.endpoint_grids(run),
        "comparisons": grid.comparison_grid(run),
        "stacks": grid.stack_grid(run),
        "fairness": grid.fairness_grid(run),
        "oracle": grid.oracle_grid(run),
        "colours": {name: style.colour for name, style in stack_styles(run).items()},
    }


def _pictures(pictures: tuple[Picture, ...]) -> dict[str, Any]:
    return {"pictures": [picture for picture in pictures if picture.name != "timeline"]}


def _timelines(run: Run) -> dict[str, Any]:
    data = ChartData(run)
    end = lanes.end_ms(data)
    return {
        "timelines": lanes.lanes(data) if end else (),
        "timeline_end": end,
        "timeline_ticks": lanes.ticks(end),
        "timeline_intro": story.QUESTION,
        "stories": [(each.stack, each.interface, story.tell(each)) for each in run.timelines],
        "steps": grid.step_grids(run),
    }


def _scripts() -> dict[str, Any]:
    return {"scripts": scripts.scripts(), "mark_scripted": scripts.MARK_SCRIPTED}


def data_uri(png: bytes) -> str:
    """A PNG inside the page."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def tied(text: str) -> Markup:
    """Text in which a number and its sign, and the two ends of an interval, stay on one line."""
    return Markup(TIED.sub("\u00a0", str(escape(text))))


TIED = re.compile(r"(?<=\d) (?=[%\u00d7]|ms\b|MiB\b|\u00b5s\b)|(?<=\u00d7) (?=\[)|(?<=\d,) (?=[\d.,]+\])")
"""Spaces that must not end a line."""
