"""A gate's outcome in Markdown, fit for a comment on a pull request and for a job's summary."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.model import GateFinding, Hotspot, Summary
from bakeoff.report.gate import words

_SIGNS = {"pass": "✅", "regression": "❌", "inconclusive": "❔", "invalid": "⚠️"}


def render(summary: Summary) -> str:
    """The whole comment."""
    result = words.gate_of(summary.gate)
    lines = [f"### {_SIGNS[result.verdict]} Bakeoff gate: {_escaped(words.headline(result))}", ""]
    if result.metrics:
        lines += ["| metric | change | 95 % interval | limit | |", "| --- | ---: | :---: | ---: | --- |"]
        lines += [_row(one) for one in result.metrics]
        lines.append("")
    base, head = result.errors["base"], result.errors["head"]
    lines.append(f"Errors: base {base.errors} of {base.requests:,} requests, head {head.errors} of {head.requests:,}.")
    lines += ["", *[f"- {_escaped(note)}" for note in words.notes(result)], ""]
    lines += _hotspots(result.hotspots)
    title, changes = words.against(result)
    if title:
        lines += [f"{_escaped(title)}:", "", *[f"- {_escaped(one)}" for one in changes], ""]
    lines.append(f"<sub>{_escaped(words.how(result))}. {_escaped(result.base)} → {_escaped(result.head)}.</sub>")
    return "\n".join(lines) + "\n"


def _hotspots(hotspots: Sequence[Hotspot]) -> list[str]:
    if not hotspots:
        return []
    rows = [f"| {one.base_ms:.3f} | {one.head_ms:.3f} | {_escaped(one.function)} |" for one in hotspots]
    head = ["| base, ms | head, ms | function |", "| ---: | ---: | --- |"]
    return [
        "<details><summary>CPU of a request, where the two differ most</summary>",
        "",
        *head,
        *rows,
        "",
        "</details>",
        "",
    ]


def _row(one: GateFinding) -> str:
    limit = "" if one.role == "shown" else f"{100 * one.limit:g} %"
    verdict = "for information" if one.role == "shown" else f"{_SIGNS[one.verdict]} {one.verdict}"
    cells = (_escaped(words.name(one)), words.change(one.ratio.point), words.interval(one), limit, verdict)
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Text that Markdown and HTML leave as it is, on one line."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in "\\`*_|[]#@":
        escaped = escaped.replace(mark, f"&#{ord(mark)};")
    return " ".join(escaped.split())
