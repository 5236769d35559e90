"""Whether stacks are equivalent: their answers to the same requests are equal except for volatile values. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from bakeoff.model import Answer

SHOWN_CHARACTERS = 60
"""Longer values are cut in messages."""


def difference(baseline: Sequence[Answer], candidate: Sequence[Answer], volatile: Collection[str]) -> str | None:
    """The first difference between two stacks' answers, with its place; ``None`` when they are equivalent.

    JSON is compared as data. Of ``volatile`` keys (timings, process ids) only presence and type must agree. Other
    bodies are compared as text.
    """
    if len(baseline) != len(candidate):
        return f"{len(candidate)} answers, the baseline gave {len(baseline)}"
    for expected, actual in zip(baseline, candidate, strict=True):
        request = f"{actual.method} {actual.path}"
        if expected.status != actual.status:
            return f"{request} answered {actual.status}, the baseline {expected.status}"
        if problem := _difference(_parsed(expected.body), _parsed(actual.body), frozenset(volatile), "body"):
            return f"{request}: {problem}"
    return None


def _parsed(body: str) -> Any:
    """A body as data if it is JSON, not nested beyond reason, else as text."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def _difference(expected: Any, actual: Any, volatile: frozenset[str], place: str) -> str | None:
    """The first difference between two values; ``place`` is their path from the body, such as ``body.steps[0]``."""
    if problem := _type_difference(expected, actual, place):
        return problem
    if isinstance(expected, dict):
        return _dict_difference(expected, actual, volatile, place)
    if isinstance(expected, list):
        return _list_difference(expected, actual, volatile, place)
    return None if expected == actual else f"{place} is {_short(actual)}, the baseline's {_short(expected)}"


def _type_difference(expected: Any, actual: Any, place: str) -> str | None:
    if type(expected) is type(actual):
        return None
    return f"{place} is {type(actual).__name__}, the baseline's {type(expected).__name__}"


def _dict_difference(
    expected: dict[str, Any], actual: dict[str, Any], volatile: frozenset[str], place: str
) -> str | None:
    if expected.keys() != actual.keys():
        return f"{place} has the keys {sorted(actual)}, the baseline's {sorted(expected)}"
    for key, value in expected.items():
        if key in volatile:
            problem = _type_difference(value, actual[key], f"{place}.{key}")
        else:
            problem = _difference(value, actual[key], volatile, f"{place}.{key}")
        if problem:
            return problem
    return None


def _list_difference(expected: list[Any], actual: list[Any], volatile: frozenset[str], place: str) -> str | None:
    if len(expected) != len(actual):
        return f"{place} has {len(actual)} entries, the baseline's {len(expected)}"
    for index, (expected_entry, actual_entry) in enumerate(zip(expected, actual, strict=True)):
        if problem := _difference(expected_entry, actual_entry, volatile, f"{place}[{index}]"):
            return problem
    return None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."
