"""The colours of a report: one for each stack, the same in every chart, table and list; and those of text and lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bakeoff.model import Run

# Wong, "Points of view: Color blindness", Nature Methods 8, 441 (2011), after Okabe and Ito (2008). Warm colours are
# WSGI and cool ones ASGI: the two families can be told apart in every common form of colour blindness.
WARM = ("#D55E00", "#E69F00", "#CC79A7")
COOL = ("#0072B2", "#56B4E9", "#009E73")
OTHER = "#8A8A8A"

PAPER = "#ffffff"
INK = "#1b1f24"
QUIET = "#5b636e"
"""Text of second rank."""
LINE = "#dfe3e8"
SHADE = "#f5f7f9"
"""Alternate bands behind the data."""

Dash = Literal["solid", "dashed", "dotted"]
DASHES: tuple[Dash, ...] = ("solid", "dashed", "dotted")
"""Once a family's colours are used up, its next stacks repeat them with another kind of line."""


@dataclass(frozen=True)
class StackStyle:
    """The colour and the kind of line of one stack."""

    colour: str
    dash: Dash = "solid"


def stack_styles(run: Run) -> dict[str, StackStyle]:
    """The style of each stack: the family by interface, the member by order in the experiment."""
    styles: dict[str, StackStyle] = {}
    members: dict[str | None, int] = {}
    for name in run.stack_names:
        interface = run.interface_of(name)
        family = {"wsgi": WARM, "asgi": COOL}.get(interface or "", (OTHER,))
        member = members.get(interface, 0)
        members[interface] = member + 1
        styles[name] = StackStyle(family[member % len(family)], DASHES[member // len(family) % len(DASHES)])
    return styles


def blended(colour: str, background: str, share: float) -> str:
    """A share of a colour and the rest of a background, as one opaque colour."""
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(background[1:]), strict=True)
    return "#" + bytes(round(share * front + (1 - share) * back) for front, back in pairs).hex()


def readable_on(background: str) -> str:
    """Black or white, whichever contrasts more with a background (relative luminance, WCAG 2.1)."""
    channels = [value / 255 for value in bytes.fromhex(background[1:])]
    red, green, blue = (value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#ffffff"
