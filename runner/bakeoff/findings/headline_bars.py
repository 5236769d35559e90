"""The bars under the headline: every stack at the load that the headline is about."""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.findings.context import interval_note
from bakeoff.model import Comparison, Condition, Estimate, Run


@dataclass(frozen=True)
class HeadlineBar:
    """One stack, and its estimate; ``None`` where it was withheld."""

    stack: str
    interface: str
    estimate: Estimate | None


@dataclass(frozen=True)
class HeadlineBars:
    """All stacks under one condition, on one metric, the best first."""

    title: str
    bars: tuple[HeadlineBar, ...]
    caption: str
    """How to read intervals and colours, where there are any."""


def headline_bars(run: Run, comparison: Comparison | None) -> HeadlineBars | None:
    """The stacks under the condition of the quoted comparison; ``None`` where nothing valid was measured there."""
    if comparison is None:
        return None
    condition = Condition(comparison.scenario, comparison.load)
    estimates = {name: _main_estimate(run, condition, name) for name in run.stack_names}
    known = {name: estimate.point for name, estimate in estimates.items() if estimate}
    if not any(known.values()):
        return None
    is_throughput = condition.main_metric == "throughput"
    ranked = sorted(known, key=lambda name: known[name], reverse=is_throughput)
    withheld = [name for name in estimates if name not in known]
    bars = tuple(HeadlineBar(name, run.interface_of(name) or "", estimates[name]) for name in (*ranked, *withheld))
    what, better = ("Right answers per second", "more") if is_throughput else ("Median latency in ms", "less")
    return HeadlineBars(f"{what} at {run.title(condition)}: {better} is better", bars, _caption(run))


def _main_estimate(run: Run, condition: Condition, name: str) -> Estimate | None:
    row = run.result(condition, name)
    if row is None or not row.valid:
        return None
    return row.throughput_rps if condition.main_metric == "throughput" else row.latency_ms.p50


def _caption(run: Run) -> str:
    note = interval_note(run)
    lines = f"{note} Thin lines show them." if note else ""
    interfaces = {run.interface_of(name) for name in run.stack_names}
    colours = "Warm colours are WSGI, cool ones ASGI." if interfaces == {"wsgi", "asgi"} else ""
    return f"{lines} {colours}".strip()
