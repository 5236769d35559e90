"""The bars under the answer: every stack at the load that the answer speaks of, readable without a picture."""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.model import ClosedLoad, Estimate, Result
from bakeoff.report import lookup, words
from bakeoff.report.lookup import Case
from bakeoff.report.numerals import DASH, bounds, number
from bakeoff.run import Run


@dataclass(frozen=True)
class Bar:
    """One stack: what to write, and shares of the longest bar, in per cent, to draw."""

    stack: str
    interface: str
    text: str
    interval: str
    length: float
    low: float
    high: float


@dataclass(frozen=True)
class Podium:
    """All stacks at one load, on one metric."""

    title: str
    bars: tuple[Bar, ...]


def podium(run: Run) -> Podium | None:
    """The stacks at the load of the answer, in order; ``None`` where nothing valid was measured there."""
    best = words.headline(run)
    if best is None:
        return None
    case = Case(best.scenario, best.load)
    values = {name: _value(lookup.result_of(run, case, name)) for name in lookup.stack_names(run)}
    ends = [value.high or value.point for value in values.values() if value]
    top = max(ends, default=0.0)
    if not top:
        return None
    what = "Right answers per second" if isinstance(case.load, ClosedLoad) else "Median latency in ms (less is better)"
    bars = tuple(_bar(run, name, value, top) for name, value in values.items())
    return Podium(f"{what}, {lookup.case_title(run, case)}", bars)


def _value(row: Result | None) -> Estimate | None:
    if row is None or not row.valid:
        return None
    return row.throughput_rps if isinstance(row.load, ClosedLoad) else row.latency_ms.p50


def _bar(run: Run, name: str, value: Estimate | None, top: float) -> Bar:
    interface = lookup.interface_of(run, name) or ""
    if value is None:
        return Bar(name, interface, f"{DASH} withheld", "", 0.0, 0.0, 0.0)
    low, high = (value.point if end is None else end for end in (value.low, value.high))
    shares = (round(100 * each / top, 2) for each in (value.point, low, high))
    return Bar(name, interface, number(value.point), bounds(value), *shares)
