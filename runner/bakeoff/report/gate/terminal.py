"""A gate's outcome for a terminal: the verdict first, then a line a metric."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.model import GateComparison, Hotspot, Summary
from bakeoff.report.gate import words

_COLOURS = {"pass": "32", "regression": "31", "inconclusive": "33", "invalid": "33"}
_MARKS = {"pass": "within limit", "regression": "REGRESSION", "inconclusive": "not shown", "invalid": ""}


def render(summary: Summary, *, colour: bool) -> str:
    """Plain text; with ANSI colours if asked for."""
    result = words.gate_of(summary.gate)
    lines = [_coloured(words.headline(result), result.verdict) if colour else words.headline(result), ""]
    lines += [_line(one) for one in result.metrics]
    errors = ", ".join(f"{side} {one.errors} of {one.requests:,}" for side, one in result.errors.items())
    lines += [f"{'errors':34} {errors}", "", words.how(result), *words.notes(result)]
    title, changes = words.against(result)
    earlier = ["", title, *changes] if title else []
    return "\n".join(lines + _hotspots(result.hotspots) + earlier)


def _hotspots(hotspots: Sequence[Hotspot]) -> list[str]:
    if not hotspots:
        return []
    rows = [f"{one.base_ms:9.3f} {one.head_ms:9.3f}  {one.function}" for one in hotspots]
    return [
        "",
        "CPU of a request in each function, ms; the largest differences first",
        f"{'base':>9} {'head':>9}",
        *rows,
    ]


def _line(one: GateComparison) -> str:
    mark = _MARKS[one.verdict] if one.role != "informational" else "for information"
    limit = f"limit {100 * one.limit:g} %" if one.role != "informational" else ""
    return (
        f"{words.name(one):34} {words.change(one.ratio.point):>8} {words.interval(one):20} {limit:11} {mark}".rstrip()
    )


def _coloured(text: str, verdict: str) -> str:
    return f"\033[1;{_COLOURS[verdict]}m{text}\033[0m"
