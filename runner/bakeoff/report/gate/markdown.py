"""A gate's result in Markdown, for a comment on a pull request and for a job's summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bakeoff.model import GateComparison, GateResult, Hotspot, PackageChange, Summary
from bakeoff.report.gate import words
from bakeoff.report.markdown import bullets, folded, plain

_SIGNS = {"pass": "✅", "regression": "❌", "inconclusive": "❔", "invalid": "⚠️"}


def render(summary: Summary) -> str:
    """The whole comment."""
    result = words.gate_of(summary.gate)
    parts = [
        f"### {_SIGNS[result.verdict]} Bakeoff gate: {plain(words.headline(result))}",
        *map(plain, words.different_answers(result)),
        *_metrics(result.metrics),
        f"Errors: {words.errors(result)}.",
        *_notes(result),
        *_environments(result.environment_changes or ()),
        *_hotspots(result.hotspots),
        *_against_earlier(result),
        f"<sub>{plain(words.procedure(result))}. {plain(result.base)} → {plain(result.head)}.</sub>",
    ]
    return "\n\n".join(parts) + "\n"


def _metrics(metrics: Sequence[GateComparison]) -> Iterator[str]:
    if metrics:
        head = ["| metric | change | 95 % interval | limit | |", "| --- | ---: | :---: | ---: | --- |"]
        yield "\n".join([*head, *map(_metric, metrics)])


def _metric(metric: GateComparison) -> str:
    row = words.metric_words(metric)
    verdict = row.verdict if row.verdict == words.INFORMATIONAL else f"{_SIGNS[metric.verdict]} {row.verdict}"
    return f"| {plain(row.name)} | {row.change} | {row.interval} | {row.limit} | {verdict} |"


def _notes(result: GateResult) -> Iterator[str]:
    if notes := words.notes(result):
        yield bullets(notes)


def _environments(changes: Sequence[PackageChange]) -> Iterator[str]:
    if len(changes) > words.PACKAGES_IN_SENTENCE:
        head = ["| package | base | head |", "| --- | --- | --- |"]
        rows = [f"| {plain(row.package)} | {plain(row.base or '')} | {plain(row.head or '')} |" for row in changes]
        yield folded(f"{len(changes)} differences between the environments", "\n".join([*head, *rows]))


def _hotspots(hotspots: Sequence[Hotspot]) -> Iterator[str]:
    if hotspots:
        head = ["| base, ms | head, ms | function |", "| ---: | ---: | --- |"]
        rows = [f"| {row.base_ms:.3f} | {row.head_ms:.3f} | {plain(row.function)} |" for row in hotspots]
        yield folded("CPU of a request, where the two differ most", "\n".join([*head, *rows]))


def _against_earlier(result: GateResult) -> Iterator[str]:
    title, changes = words.against_earlier(result)
    if title:
        yield f"{plain(title)}:"
        yield bullets(changes)
