"""``report.html``: one file that opens offline, in light and dark, on a phone and on paper.

Without scripts it shows pictures, tables and whole timelines. With them, the same places hold interactive charts and a
player. Nothing moves when the scripts start: each place has its height from the beginning.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bakeoff.findings import Findings
from bakeoff.findings.timeline_story import INTRODUCTION
from bakeoff.report import scripts, timeline
from bakeoff.report.bars import Bar, DrawnBar, draw_bars
from bakeoff.report.drawing.palette import OTHER

if TYPE_CHECKING:
    from bakeoff.report.figures import Picture


def render(findings: Findings, pictures: tuple[Picture, ...], colours: dict[str, str]) -> bytes:
    """The whole page, pictures and styles inside. ``colours`` has the colour of each stack."""
    end_ms = timeline.end_ms(findings.timelines)
    page = (
        environment()
        .get_template("report.html.j2")
        .render(
            findings=findings,
            colours=colours,
            headline_bars=_headline_bars(findings, colours),
            # The page lays out the timeline itself.
            pictures=[picture for picture in pictures if picture.name != "timeline"],
            timelines=timeline.stack_timelines(findings.timelines, colours),
            timeline_introduction=INTRODUCTION,
            timeline_end=end_ms,
            timeline_ticks=timeline.ticks(end_ms),
            scripts=scripts.scripts(),
            mark_scripted=scripts.MARK_SCRIPTED,
        )
    )
    return page.encode()


def _headline_bars(findings: Findings, colours: dict[str, str]) -> tuple[DrawnBar, ...]:
    bars = findings.bars.bars if findings.bars else ()
    return draw_bars(Bar(bar.stack, colours.get(bar.stack, OTHER), bar.estimate, bar.interface) for bar in bars)


def environment() -> Environment:
    """Templates in which every value is escaped, and a misspelt one is an error."""
    environment = Environment(
        loader=PackageLoader("bakeoff.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data_uri": data_uri, "unbroken": unbroken, "figure_data": scripts.figure_data}
    return environment


def data_uri(png: bytes) -> str:
    """A PNG inside the page."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def unbroken(text: str) -> Markup:
    """Text in which a number and its sign, and the two ends of an interval, stay on one line."""
    return Markup(UNBREAKABLE.sub("\u00a0", str(escape(text))))


UNBREAKABLE = re.compile(r"(?<=\d) (?=[%\u00d7]|ms\b|MiB\b|\u00b5s\b)|(?<=\u00d7) (?=\[)|(?<=\d,) (?=[\d.,]+\])")
"""Spaces that must not end a line."""
