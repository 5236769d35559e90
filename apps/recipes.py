"""The bakery that every app serves: two recipes, how a step is done, and the exact bytes of every answer.

An app adds nothing but its framework's routing. Parameters are read from the raw query string and answers are
serialised here, with one encoder, because what is compared is the server and the framework, not a parser of numbers
or an encoder of JSON.

Two query parameters set the pace of a request, the same for each of its steps:

* ``wait_ms``, 0 to 1000, default 5: milliseconds spent waiting, as for a database;
* ``work``, 0 to 100000, default 0: rounds of CPU work, each one SHA-256 of 32 bytes (a fraction of a microsecond). A
  round holds the interpreter lock, as Python code would.

Other parameters are ignored.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A name, which is also its path, and its steps in order."""

    name: str
    steps: tuple[str, ...]


CAKE = Recipe(
    name="cake",
    steps=(
        "prepare pans",
        "preheat oven",
        "grab flour, baking powder and salt",
        "stir dry ingredients",
        "grab butter and sugar",
        "combine butter and sugar",
        "grab eggs",
        "add eggs",
        "stir in",
        "pour batter",
        "put pans into oven",
    ),
)
FROSTING = Recipe(
    name="frosting",
    steps=(
        "grab bowl",
        "add powdered sugar and butter",
        "mix",
        "add vanilla extract and milk",
        "stir in",
    ),
)
RECIPES = (CAKE, FROSTING)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter, its bounds (both allowed) and what to say when it is missed."""

    name: str
    default: float
    least: int
    most: int
    read: Callable[[str], float]
    kind: str

    @property
    def complaint(self) -> str:
        """The error that a wrong value is answered with."""
        return f"{self.name} must be given once, as a {self.kind} from {self.least} to {self.most}"

    def value(self, given: Mapping[str, list[str]]) -> float:
        """The value given, or the default.

        Raises:
            ValueError: with the complaint.
        """
        texts = given.get(self.name)
        if texts is None:
            return self.default
        try:
            value = self.read(texts[0])
        except ValueError:
            raise ValueError(self.complaint) from None
        if len(texts) > 1 or not self.least <= value <= self.most:  # "not" also refuses nan
            raise ValueError(self.complaint)
        return value


WAIT_MS = Parameter(name="wait_ms", default=5.0, least=0, most=1000, read=float, kind="number")
WORK = Parameter(name="work", default=0, least=0, most=100_000, read=int, kind="whole number")


@dataclass(frozen=True, slots=True)
class Pace:
    """What each step of a request costs."""

    wait_s: float
    work: int
    """Rounds of CPU work."""


def parse_pace(query: bytes) -> Pace:
    """The pace that a raw query string asks for.

    Raises:
        ValueError: names the parameter that is wrong and its bounds.
    """
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    return Pace(wait_s=WAIT_MS.value(given) / 1000, work=int(WORK.value(given)))


def labour(rounds: int) -> bytes:
    """Do CPU work: a chain of SHA-256 digests, the same for the same number of rounds."""
    digest = bytes(32)
    for _ in range(rounds):
        digest = hashlib.sha256(digest).digest()
    return digest


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body, to be sent as they are with ``CONTENT_TYPE``."""

    status: int
    body: bytes


def encode(status: int, content: Any) -> Answer:
    """The one way in which every app writes JSON: keys in the order given, no spaces."""
    return Answer(status, json.dumps(content, separators=(",", ":")).encode())


HEALTHY = encode(200, {"status": "ok"})


class Order:
    """One request for one recipe: whoever takes it waits as it says, in whichever way, then asks for the answer."""

    def __init__(self, recipe: Recipe, query: bytes) -> None:
        self._recipe = recipe
        self._steps: list[dict[str, str | float]] = []
        self._pace: Pace | None = None
        self._error = ""
        try:
            self._pace = parse_pace(query)
        except ValueError as error:
            self._error = str(error)

    def waits(self) -> Iterator[float]:
        """Run the steps; yields the seconds to wait in each. An order that is in error has none."""
        if self._pace is None:
            return
        for name in self._recipe.steps:
            start_s = time.monotonic()
            yield self._pace.wait_s
            labour(self._pace.work)
            self._steps.append({"name": name, "start_s": start_s, "end_s": time.monotonic()})

    def answer(self) -> Answer:
        """The steps and when they ran (``time.monotonic()``, seconds), or what was wrong with the order."""
        if self._pace is None:
            return encode(400, {"error": self._error})
        return encode(200, {"recipe": self._recipe.name, "steps": self._steps, "worker_pid": os.getpid()})


def bake(recipe: Recipe, query: bytes) -> Answer:
    """Serve a request and let the thread wait."""
    order = Order(recipe, query)
    for wait_s in order.waits():
        time.sleep(wait_s)
    return order.answer()


async def bake_async(recipe: Recipe, query: bytes) -> Answer:
    """Serve a request and let the event loop go on meanwhile."""
    order = Order(recipe, query)
    for wait_s in order.waits():
        await wait_async(wait_s)
    return order.answer()


async def wait_async(wait_s: float) -> None:
    """Wait at least so long, as ``time.sleep`` does.

    uvloop keeps time in whole milliseconds: it wakes up to 1 ms early and takes 0.4 ms for nothing, which would hand
    the stacks that use it a shorter recipe. What is then left is slept too, as one more millisecond; less would be
    rounded to nothing again and spin.
    """
    end_s = time.monotonic() + wait_s
    await asyncio.sleep(wait_s)
    while time.monotonic() < end_s:
        await asyncio.sleep(0.001)
