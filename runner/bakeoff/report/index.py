"""``index.html``: every run of a folder, the newest first, with its answer, its verdicts and a small chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from bakeoff.analysis import fingerprint_of
from bakeoff.findings import facts
from bakeoff.findings.headline import headline, quoted_comparison
from bakeoff.findings.numerals import TIMES, number, plural
from bakeoff.model import Comparison, Condition, Listed, Manifest, Run
from bakeoff.report.bars import Bar, DrawnBar, draw_bars
from bakeoff.report.drawing.palette import stack_styles
from bakeoff.report.gate import words as gate_words
from bakeoff.report.html import environment


class Chip(NamedTuple):
    """A verdict in a few words."""

    about: str
    verdict: str
    detail: str


@dataclass(frozen=True)
class Entry:
    """One run in the list."""

    title: str
    href: str
    about: tuple[str, ...]
    """When, where and how much."""
    answer: str
    chips: tuple[Chip, ...] = ()
    chart_title: str = ""
    chart: tuple[DrawnBar, ...] = ()
    trouble: bool = False


def render(runs: Sequence[Listed]) -> bytes:
    """The whole page."""
    entries = tuple(map(entry, runs))
    page = environment().get_template("index.html.j2")
    return page.render(entries=entries, amount=plural(len(entries), "run")).encode()


def entry(listed: Listed) -> Entry:
    """What the list says about a run folder, however far the run came."""
    manifest = listed.manifest
    if manifest is None:
        return Entry(listed.folder, _address(listed), (), f"This folder cannot be read: {listed.problem}", trouble=True)
    if listed.summary is None:
        return Entry(
            listed.folder, _address(listed), _about(listed, manifest), _unfinished(listed, manifest), trouble=True
        )
    run = Run(manifest=manifest, summary=listed.summary, blocks=listed.blocks, intervals=())
    condition = _main_condition(run)
    return Entry(
        title=listed.folder,
        href=_address(listed),
        about=_about(listed, manifest),
        answer=headline(run).text if run.summary.gate is None else gate_words.headline(run.summary.gate),
        chips=(*_gate(run), *_chips(run, condition)),
        chart_title=f"{_measure(condition)} at {run.title(condition)}" if condition else "",
        chart=_chart(run, condition) if condition else (),
    )


def _address(listed: Listed) -> str:
    return quote(f"{listed.folder}/{'report.html' if listed.report else ''}")


def _about(listed: Listed, manifest: Manifest) -> tuple[str, ...]:
    machine = manifest.machine
    resumed = ("resumed",) if manifest.resumed_utc else ()
    return (
        facts.moment(manifest.started_utc),
        f"{manifest.profile} profile",
        f"{len(listed.blocks)} of {plural(manifest.experiment.blocks, 'block')}",
        *resumed,
        f"{machine.cpu_model}, {plural(machine.cores, 'core')}",
        f"fingerprint {fingerprint_of(manifest).digest}",
    )


def _unfinished(listed: Listed, manifest: Manifest) -> str:
    how = f"failed ({manifest.error})" if manifest.state == "failed" else "is under way, or was killed"
    return f"This run {how}. Complete blocks are kept; finish it with: bakeoff resume {listed.folder}"


def _main_condition(run: Run) -> Condition | None:
    """The condition that the answer is about; where there is none, the first that was asked for."""
    best = quoted_comparison(run)
    if best is not None:
        return Condition(best.scenario, best.load)
    return next(iter(run.conditions), None)


def _gate(run: Run) -> tuple[Chip, ...]:
    result = run.summary.gate
    return (Chip("gate", result.verdict, ""),) if result else ()


def _chips(run: Run, condition: Condition | None) -> tuple[Chip, ...]:
    if condition is None:
        return ()
    return tuple(_chip(comparison) for comparison in run.comparisons(condition, condition.main_metric))


def _chip(comparison: Comparison) -> Chip:
    return Chip(comparison.candidate, comparison.verdict, f"{number(comparison.ratio.point)} {TIMES}")


def _measure(condition: Condition) -> str:
    return "Right answers a second" if condition.main_metric == "throughput" else "Median latency in ms"


def _chart(run: Run, condition: Condition) -> tuple[DrawnBar, ...]:
    return draw_bars(_bar(run, condition, name, style.colour) for name, style in stack_styles(run).items())


def _bar(run: Run, condition: Condition, name: str, colour: str) -> Bar:
    row = run.result(condition, name)
    if row is None or not row.valid:
        return Bar(name, colour, None)
    return Bar(name, colour, row.throughput_rps if condition.main_metric == "throughput" else row.latency_ms.p50)
