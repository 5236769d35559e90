"""A gate's outcome in Markdown, fit for a comment on a pull request and for a job's summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bakeoff.model import Counts, GateComparison, GateResult, Hotspot, Summary
from bakeoff.report.gate import words
from bakeoff.report.markdown import bullets, folded, plain

_SIGNS = {"pass": "✅", "regression": "❌", "inconclusive": "❔", "invalid": "⚠️"}


def render(summary: Summary) -> str:
    """The whole comment."""
    result = words.gate_of(summary.gate)
    parts = [
        f"### {_SIGNS[result.verdict]} Bakeoff gate: {plain(words.headline(result))}",
        *_metrics(result.metrics),
        _errors(result.errors),
        *_notes(result),
        *_hotspots(result.hotspots),
        *_against(result),
        f"<sub>{plain(words.how(result))}. {plain(result.base)} → {plain(result.head)}.</sub>",
    ]
    return "\n\n".join(parts) + "\n"


def _metrics(found: Sequence[GateComparison]) -> Iterator[str]:
    if found:
        head = ["| metric | change | 95 % interval | limit | |", "| --- | ---: | :---: | ---: | --- |"]
        yield "\n".join([*head, *map(_metric, found)])


def _metric(one: GateComparison) -> str:
    limit = "" if one.role == "informational" else f"{100 * one.limit:g} %"
    verdict = "for information" if one.role == "informational" else f"{_SIGNS[one.verdict]} {one.verdict}"
    cells = (plain(words.name(one)), words.change(one.ratio.point), words.interval(one), limit, verdict)
    return f"| {' | '.join(cells)} |"


def _errors(counts: Mapping[str, Counts]) -> str:
    base, head = counts["base"], counts["head"]
    return f"Errors: base {base.errors} of {base.requests:,} requests, head {head.errors} of {head.requests:,}."


def _notes(result: GateResult) -> Iterator[str]:
    if notes := words.notes(result):
        yield bullets(notes)


def _hotspots(found: Sequence[Hotspot]) -> Iterator[str]:
    if found:
        head = ["| base, ms | head, ms | function |", "| ---: | ---: | --- |"]
        rows = [f"| {one.base_ms:.3f} | {one.head_ms:.3f} | {plain(one.function)} |" for one in found]
        yield folded("CPU of a request, where the two differ most", "\n".join([*head, *rows]))


def _against(result: GateResult) -> Iterator[str]:
    title, changes = words.against(result)
    if title:
        yield f"{plain(title)}:"
        yield bullets(changes)
