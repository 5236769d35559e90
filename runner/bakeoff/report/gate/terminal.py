"""A gate's result on standard output: for a terminal, and as annotations for GitHub Actions."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.model import Hotspot, Summary, printable, printable_lines
from bakeoff.report.gate import words
from bakeoff.report.gate.words import MetricWords

_COLOURS = {"pass": "32", "regression": "31", "inconclusive": "33", "invalid": "33"}
_ANNOTATIONS = {"pass": "notice", "regression": "error", "inconclusive": "warning", "invalid": "warning"}


def render(summary: Summary, *, colour: bool) -> str:
    """The verdict, then a line for each metric, and the notes; with ANSI colours if asked for."""
    result = words.gate_of(summary.gate)
    headline = printable(words.headline(result))
    title, changes = words.against_earlier(result)
    lines = [
        f"\033[1;{_COLOURS[result.verdict]}m{headline}\033[0m" if colour else headline,
        *map(printable, words.different_answers(result)),
        "",
        *(_line(words.metric_words(row)) for row in result.metrics),
        f"{'errors':34} {words.errors(result)}",
        "",
        *map(printable, (words.procedure(result), *words.notes(result), *_hotspots(result.hotspots))),
        *(["", *map(printable, (title, *changes))] if title else []),
    ]
    return "\n".join(lines)


def _line(row: MetricWords) -> str:
    limit = f"limit {row.limit}" if row.limit else ""
    return f"{printable(row.name):34} {row.change:>8} {row.interval:20} {limit:11} {row.verdict}"


def _hotspots(hotspots: Sequence[Hotspot]) -> list[str]:
    if not hotspots:
        return []
    return [
        "",
        "CPU of a request in each function, ms; the largest differences first",
        f"{'base':>9} {'head':>9}",
        *(f"{hotspot.base_ms:9.3f} {hotspot.head_ms:9.3f}  {hotspot.function}" for hotspot in hotspots),
    ]


def annotation(summary: Summary) -> str:
    """A workflow command of GitHub Actions (docs.github.com, "Workflow commands for GitHub Actions"): one line."""
    result = words.gate_of(summary.gate)
    message = printable_lines(words.headline(result)).replace("%", "%25").replace("\n", "%0A")
    return f"::{_ANNOTATIONS[result.verdict]} title=Bakeoff gate::{message}"
