"""Bars as plain HTML: they follow the page's width, theme and text size, and are read aloud as a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bakeoff.findings.numerals import interval, number
from bakeoff.model import Estimate


class Bar(NamedTuple):
    """What is to be drawn."""

    name: str
    colour: str
    estimate: Estimate | None
    """``None`` where it was withheld or never measured."""
    detail: str = ""
    """Small print after the name."""


class DrawnBar(NamedTuple):
    """One bar, from zero to the largest end of all bars: positions are in per cent of that."""

    name: str
    detail: str
    colour: str
    text: str
    interval: str = ""
    length: float = 0.0
    whisker: tuple[float, float] | None = None
    """Left end, and width."""


def draw_bars(bars: Iterable[Bar]) -> tuple[DrawnBar, ...]:
    """Bars from zero on one scale, with their intervals."""
    every = list(bars)
    largest = max((_end(bar.estimate) for bar in every if bar.estimate), default=0.0)
    return tuple(_drawn(bar, largest) for bar in every)


def _end(estimate: Estimate) -> float:
    return max(estimate.point, estimate.high or 0.0)


def _drawn(bar: Bar, largest: float) -> DrawnBar:
    estimate = bar.estimate
    if estimate is None:
        return DrawnBar(bar.name, bar.detail, bar.colour, "withheld")
    return DrawnBar(
        name=bar.name,
        detail=bar.detail,
        colour=bar.colour,
        text=number(estimate.point),
        interval=interval(estimate),
        length=_percent(estimate.point, largest),
        whisker=_whisker(estimate, largest),
    )


def _whisker(estimate: Estimate, largest: float) -> tuple[float, float] | None:
    if estimate.low is None or estimate.high is None:
        return None
    return _percent(estimate.low, largest), _percent(estimate.high - estimate.low, largest)


def _percent(value: float, largest: float) -> float:
    return round(100 * value / largest, 2) if largest > 0 else 0.0
