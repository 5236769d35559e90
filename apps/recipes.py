"""The bakery that every app serves: two recipes, what a step costs, and the exact bytes of every answer.

An app adds only its framework's routing. Query strings are parsed and answers are encoded here, in one way for all
apps, because servers and frameworks are compared, not parsers of numbers or encoders of JSON.

Two query parameters set what each step of a request costs; other parameters are ignored:

* ``wait_ms``, 0 to 1000, default 5: milliseconds spent waiting, as for a database;
* ``work``, 0 to 100000, default 0: rounds of CPU work, each one SHA-256 of 32 bytes (a fraction of a microsecond). A
  round holds the interpreter lock, as Python code would.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

CONTENT_TYPE = "application/json"
DEFAULT_WAIT_MS = 5.0
MAX_WAIT_MS = 1000
DEFAULT_WORK = 0
MAX_WORK = 100_000


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
class Answer:
    """A status and a body, to be sent as they are with ``CONTENT_TYPE``."""

    status: int
    body: bytes


def encode(status: int, content: Any) -> Answer:
    """Write JSON without spaces, with keys in the order given."""
    return Answer(status, json.dumps(content, separators=(",", ":")).encode())


HEALTHY = encode(200, {"status": "ok"})


def bake(recipe: Recipe, query: bytes) -> Answer:
    """Answer a request; the thread waits in each step. ``query`` is the raw query string."""
    try:
        wait_s, work = step_cost(query)
    except ValueError as error:
        return encode(400, {"error": str(error)})
    steps = []
    for name in recipe.steps:
        start_s = time.monotonic()
        time.sleep(wait_s)
        compute(work)
        steps.append({"name": name, "start_s": start_s, "end_s": time.monotonic()})
    return encode(200, {"recipe": recipe.name, "steps": steps, "worker_pid": os.getpid()})


async def bake_async(recipe: Recipe, query: bytes) -> Answer:
    """Answer a request as ``bake`` does; the event loop serves others while a step waits."""
    try:
        wait_s, work = step_cost(query)
    except ValueError as error:
        return encode(400, {"error": str(error)})
    steps = []
    for name in recipe.steps:
        start_s = time.monotonic()
        await wait_async(wait_s)
        compute(work)
        steps.append({"name": name, "start_s": start_s, "end_s": time.monotonic()})
    return encode(200, {"recipe": recipe.name, "steps": steps, "worker_pid": os.getpid()})


def step_cost(query: bytes) -> tuple[float, int]:
    """The seconds to wait and the rounds of work in each step; raises ``ValueError`` naming a wrong parameter."""
    parameters = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    wait_ms = _parameter(parameters, "wait_ms", float, DEFAULT_WAIT_MS, MAX_WAIT_MS)
    work = _parameter(parameters, "work", int, DEFAULT_WORK, MAX_WORK)
    return wait_ms / 1000, int(work)


def _parameter(
    parameters: Mapping[str, Sequence[str]], name: str, read: Callable[[str], float], default: float, most: int
) -> float:
    texts = parameters.get(name)
    if texts is None:
        return default
    with contextlib.suppress(ValueError):
        value = read(texts[0])
        if len(texts) == 1 and 0 <= value <= most:  # False for nan
            return value
    kind = "whole number" if read is int else "number"
    raise ValueError(f"{name} must be given once, as a {kind} from 0 to {most}")


def compute(rounds: int) -> bytes:
    """Do CPU work: a chain of SHA-256 digests."""
    digest = bytes(32)
    for _ in range(rounds):
        digest = hashlib.sha256(digest).digest()
    return digest


async def wait_async(wait_s: float) -> None:
    """Wait at least so long, as ``time.sleep`` does.

    uvloop keeps time in whole milliseconds: ``asyncio.sleep`` returns up to 1 ms early, which would give the stacks
    that use it a shorter recipe. What is left is waited for in further sleeps of 1 ms; a shorter one would be rounded
    to nothing and spin.
    """
    end_s = time.monotonic() + wait_s
    await asyncio.sleep(wait_s)
    while time.monotonic() < end_s:
        await asyncio.sleep(0.001)
