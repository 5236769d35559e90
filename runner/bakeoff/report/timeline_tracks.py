"""Bars as plain HTML: they follow the page's width, theme and text size, and are read aloud as a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bakeoff.findings.numerals import bounds, number
from bakeoff.model import Estimate


class Bar(NamedTuple):
    """What is to be drawn: a name, its colour, and a number, ``None`` where it was withheld or never measured."""

    name: str
    colour: str
    estimate: Estimate | None


class Track(NamedTuple):
    """One bar on its way from zero to the largest end of all: places in per cent of that."""

    name: str
    colour: str
    text: str
    length: float = 0.0
    whisker: tuple[float, float] | None = None
    """Left end, and width."""


def tracks(bars: Iterable[Bar]) -> tuple[Track, ...]:
    """Bars from zero on one scale, with their intervals."""
    several = list(bars)
    most = max((_end(bar.estimate) for bar in several if bar.estimate), default=0.0)
    return tuple(_track(bar, most) for bar in several)


def _end(estimate: Estimate) -> float:
    return max(estimate.point, estimate.high or 0.0)


def _track(bar: Bar, most: float) -> Track:
    found = bar.estimate
    if found is None:
        return Track(bar.name, bar.colour, "withheld")
    text = f"{number(found.point)} {bounds(found)}".rstrip()
    return Track(bar.name, bar.colour, text, _percent(found.point, most), _whisker(found, most))


def _whisker(estimate: Estimate, most: float) -> tuple[float, float] | None:
    if estimate.low is None or estimate.high is None:
        return None
    return _percent(estimate.low, most), _percent(estimate.high - estimate.low, most)


def _percent(value: float, most: float) -> float:
    return round(100 * value / most, 2) if most > 0 else 0.0
