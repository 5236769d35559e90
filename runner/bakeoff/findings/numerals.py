"""How numbers are written everywhere: three significant digits, thousands separated, intervals in brackets."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from bakeoff.model import Estimate

TIMES = "\u00d7"
DASH = "\u2013"
"""Written where a number was withheld or never measured; a reason goes with it."""


def number(value: float | None) -> str:
    """Three significant digits, never fewer than the whole part: ``0.0123``, ``9.10``, ``1,234``."""
    if value is None or not math.isfinite(value):
        return DASH
    rounded = float(f"{value:.3g}")
    if rounded == 0:
        return "0"
    if abs(rounded) >= 1000:
        return f"{value:,.0f}"
    return f"{rounded:.{max(0, 2 - math.floor(math.log10(abs(rounded))))}f}"


def count(value: int) -> str:
    """A whole number with its thousands separated."""
    return f"{value:,}"


def at_least(value: float) -> str:
    """A number that is a lower bound: ``\u2265 10,000``."""
    return f"\u2265 {number(value)}"


def interval(estimate: Estimate) -> str:
    """An interval: ``[8.70, 9.60]``; empty where there were too few blocks for one."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{number(estimate.low)}, {number(estimate.high)}]"


def ratio(estimate: Estimate) -> str:
    """A ratio with its interval: ``9.10 x [8.70, 9.60]``."""
    return f"{number(estimate.point)} {TIMES} {interval(estimate)}".rstrip()


def percent(share: float) -> str:
    """A share in per cent, to three digits: ``95 %``, ``99.9 %``."""
    return f"{100 * share:.3g} %"


def confidence(estimate: Estimate) -> str:
    """What an interval is based on: ``95 % interval, 7 blocks``."""
    if estimate.low is None or estimate.high is None:
        return f"no interval from {plural(estimate.n, 'block')}"
    return f"{percent(estimate.level)} interval, {plural(estimate.n, 'block')}"


def plural(amount: int, noun: str) -> str:
    """``1 block``, ``7 blocks``."""
    return f"{count(amount)} {noun}" if amount == 1 else f"{count(amount)} {noun}s"


def mib(size_bytes: float) -> str:
    """A size in MiB, or in GiB from one GiB on."""
    return f"{number(size_bytes / 2**30)} GiB" if size_bytes >= 2**30 else f"{number(size_bytes / 2**20)} MiB"


def listing(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


# --- sentences that differ only in numbers ---------------------------------------------------------------------------

STANDALONE_NUMBER = re.compile(r"(?<=\s)\d+(?:,\d{3})*(?:\.\d+)?(?!\w|\.\d)")
"""A number that stands alone in a sentence: not the 99 of ``p99``."""


def shape(text: str) -> str:
    """A sentence without its numbers."""
    return STANDALONE_NUMBER.sub("#", text)


def merged(texts: Sequence[str]) -> str:
    """Sentences of the same shape as one, with ranges for their numbers: ``there were 61 to 911``."""
    ranges = iter([_range(values) for values in zip(*(STANDALONE_NUMBER.findall(text) for text in texts), strict=True)])
    return STANDALONE_NUMBER.sub(lambda _: next(ranges), texts[0])


def _range(values: tuple[str, ...]) -> str:
    ordered = sorted(set(values), key=lambda value: float(value.replace(",", "")))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
