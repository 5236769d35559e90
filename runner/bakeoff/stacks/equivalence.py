"""Are the stacks equal? Answers to the same requests, compared with what may differ (timings, process ids) left out."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from bakeoff.model import Answer


def difference(baseline: Sequence[Answer], candidate: Sequence[Answer], volatile: Collection[str]) -> str | None:
    """What the first unequal answer differs in, or ``None`` when all are equal.

    JSON is compared as data, without the values of the ``volatile`` keys, whose presence and type must still agree;
    anything else byte for byte.
    """
    if len(baseline) != len(candidate):
        return f"{len(candidate)} answers where the baseline gave {len(baseline)}"
    for ours, theirs in zip(baseline, candidate, strict=True):
        place = f"{theirs.method} {theirs.path}"
        if ours.status != theirs.status:
            return f"{place} answered {theirs.status}, the baseline {ours.status}"
        found = _first_difference(_parsed(ours.body), _parsed(theirs.body), frozenset(volatile), "body")
        if found:
            return f"{place}: {found}"
    return None


def first_problem(answers: Sequence[Answer]) -> str | None:
    """Why the first wrong answer is wrong, or ``None`` when all are right."""
    return next((f"{one.method} {one.path}: {one.problem}" for one in answers if one.problem), None)


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def _first_difference(ours: Any, theirs: Any, volatile: frozenset[str], place: str) -> str | None:
    if type(ours) is not type(theirs):
        return f"{place} is {type(theirs).__name__}, the baseline's {type(ours).__name__}"
    if isinstance(ours, dict):
        return _dict_difference(ours, theirs, volatile, place)
    if isinstance(ours, list):
        if len(ours) != len(theirs):
            return f"{place} has {len(theirs)} entries, the baseline's {len(ours)}"
        pairs = enumerate(zip(ours, theirs, strict=True))
        found = (_first_difference(one, other, volatile, f"{place}[{index}]") for index, (one, other) in pairs)
        return next((difference for difference in found if difference), None)
    return None if ours == theirs else f"{place} is {_short(theirs)}, the baseline's {_short(ours)}"


def _dict_difference(ours: dict[str, Any], theirs: dict[str, Any], volatile: frozenset[str], place: str) -> str | None:
    if ours.keys() != theirs.keys():
        return f"{place} has the keys {sorted(theirs)}, the baseline's {sorted(ours)}"
    for key in ours:
        if key in volatile:
            if type(ours[key]) is not type(theirs[key]):
                return f"{place}.{key} is {type(theirs[key]).__name__}, the baseline's {type(ours[key]).__name__}"
            continue
        found = _first_difference(ours[key], theirs[key], volatile, f"{place}.{key}")
        if found:
            return found
    return None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
