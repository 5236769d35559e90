"""The bars under the answer: every stack at the load that the answer speaks of, readable without a picture."""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.findings.answer import headline
from bakeoff.findings.context import brackets
from bakeoff.findings.numerals import DASH, bounds, number
from bakeoff.model import ClosedLoad, Condition, Estimate, Result, Run


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
    caption: str
    """How to read intervals and colours, where there are any."""


def podium(run: Run) -> Podium | None:
    """The stacks at the load of the answer, the best first; ``None`` where nothing valid was measured there."""
    best = headline(run)
    if best is None:
        return None
    case = Condition(best.scenario, best.load)
    values = {name: _value(run.result(case, name)) for name in run.stack_names}
    known = {name: value for name, value in values.items() if value}
    top = max((value.high or value.point for value in known.values()), default=0.0)
    if not top:
        return None
    closed = isinstance(case.load, ClosedLoad)
    what, better = ("Right answers per second", "more") if closed else ("Median latency in ms", "less")
    ranked = sorted(known, key=lambda name: known[name].point, reverse=closed)
    withheld = [name for name in values if name not in known]
    bars = tuple(_bar(run, name, values[name], top) for name in (*ranked, *withheld))
    return Podium(f"{what} at {run.title(case)}: {better} is better", bars, _caption(run))


def _caption(run: Run) -> str:
    lines = f"{told} Thin lines show them." if (told := brackets(run)) else ""
    families = {run.interface_of(name) for name in run.stack_names}
    colours = "Warm colours are WSGI, cool ones ASGI." if families == {"wsgi", "asgi"} else ""
    return f"{lines} {colours}".strip()


def _value(row: Result | None) -> Estimate | None:
    if row is None or not row.valid:
        return None
    return row.throughput_rps if isinstance(row.load, ClosedLoad) else row.latency_ms.p50


def _bar(run: Run, name: str, value: Estimate | None, top: float) -> Bar:
    interface = run.interface_of(name) or ""
    if value is None:
        return Bar(name, interface, f"{DASH} withheld", "", 0.0, 0.0, 0.0)
    low, high = (value.point if end is None else end for end in (value.low, value.high))
    shares = (round(100 * each / top, 2) for each in (value.point, low, high))
    return Bar(name, interface, number(value.point), bounds(value), *shares)
