"""Whether stacks are equivalent: their answers to the same requests are equal except for what is volatile. Pure.

Volatile is what differs between two answers of the same stack (tokens, times, ids), the stack's own address, and what
the experiment declares: keys, patterns. JSON is compared as data, everything else as text, word by word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bakeoff.model import Answer, Compare, Experiment, Scenario
from bakeoff.stacks.aligned_text import SHOWN_CHARACTERS, text_difference

SHOWN_KEYS = 5
_UNDECODABLE = "\ufffd"
_KEY = re.compile(r"\.([^.\[\]]+)(?:\[\d+\])*(?:, line \d+)?$")


@dataclass(frozen=True)
class Rules:
    """What is compared of the answers to a scenario's requests."""

    scenario: str
    volatile: frozenset[str] = frozenset()
    """JSON keys of whose values only presence and type must agree."""
    patterns: tuple[str, ...] = ()
    """Regular expressions; what they match is not compared."""
    compare: Compare = "body"
    compare_by_request: Mapping[tuple[str, str], Compare] = field(default_factory=dict)
    """For single requests, by method and path."""

    def compares_body(self, answer: Answer) -> bool:
        """Whether more than the status of an answer counts."""
        return self.compare_by_request.get((answer.method, answer.path), self.compare) == "body"


def rules_of(experiment: Experiment, scenario: Scenario) -> Rules:
    """What an experiment says about the answers to one of its scenarios."""
    return Rules(
        scenario=scenario.name,
        volatile=frozenset(experiment.volatile),
        patterns=experiment.volatile_patterns,
        compare=scenario.compare or experiment.compare,
        compare_by_request={
            (request.method, request.path): request.compare for request in scenario.requests if request.compare
        },
    )


@dataclass(frozen=True)
class Answered:
    """A stack's answers to the requests of a scenario, in their order, and the URL where it gave them."""

    url: str
    answers: tuple[Answer, ...]

    def with_later(self, later: Iterable[Answer]) -> Answered:
        """The same, with the bodies of right answers to the same requests that were given later."""
        bodies: dict[tuple[str, str], tuple[str, ...]] = {}
        for answer in later:
            if answer.problem is None:
                bodies[answer.method, answer.path] = (answer.body, *answer.others)
        return Answered(
            self.url,
            tuple(
                msgspec.structs.replace(answer, others=answer.others + bodies.get((answer.method, answer.path), ()))
                for answer in self.answers
            ),
        )


@dataclass(frozen=True)
class _Difference:
    place: str
    """The path from the body, such as ``body.steps[0]``."""
    clause: str
    is_binary: bool = False


def difference(baseline: Answered, candidate: Answered, rules: Rules) -> str | None:
    """The first difference between two stacks' answers, with its place and what to do; ``None`` if there is none.

    Requests that only one of the stacks was sent are left out where each has some: the scenario draws them.
    """
    expected_answers = {(answer.method, answer.path): answer for answer in baseline.answers}
    actual_answers = {(answer.method, answer.path): answer for answer in candidate.answers}
    for request, actual in actual_answers.items():
        expected = expected_answers.get(request)
        if expected and (found := _answer_difference(baseline, candidate, expected, actual, rules)):
            return f"{' '.join(request)}{found}"
    lacking = [request for request in expected_answers if request not in actual_answers]
    additional = [request for request in actual_answers if request not in expected_answers]
    if bool(lacking) == bool(additional):
        return None
    whom = "the baseline" if lacking else "it"
    return f"{' '.join([*lacking, *additional][0])} was sent to {whom} alone: the scenario goes by earlier answers"


def _answer_difference(
    baseline: Answered, candidate: Answered, expected: Answer, actual: Answer, rules: Rules
) -> str | None:
    """The predicate of a sentence about the request."""
    if expected.status != actual.status:
        return f" answered {actual.status}, the baseline {expected.status}"
    if not rules.compares_body(actual):
        return None
    found = _body_difference(baseline, candidate, expected, actual, rules)
    return f": {found.place} {found.clause}; {_remedy(found, rules)}" if found else None


def _body_difference(
    baseline: Answered, candidate: Answered, expected: Answer, actual: Answer, rules: Rules
) -> _Difference | None:
    def compared(read: Callable[[Sequence[str]], list[Any]]) -> _Difference | None:
        of_baseline, of_candidate = (
            read(_without(rules.patterns, (answer.body, *answer.others))) for answer in (expected, actual)
        )
        if not _difference(of_baseline, of_candidate, rules.volatile, "body"):
            return None  # Before addresses are replaced: a value may equal the number of one stack's port by chance.
        of_baseline = [_without_address(value, baseline.url) for value in of_baseline]
        of_candidate = [_without_address(value, candidate.url) for value in of_candidate]
        return _difference(of_baseline, of_candidate, rules.volatile, "body")

    try:
        return compared(_as_data)
    except RecursionError:  # Nested beyond reason.
        return compared(list)


def _remedy(found: _Difference, rules: Rules) -> str:
    key = _KEY.search(found.place)
    setting = f'volatile = ["{key[1]}"]' if key else "volatile_patterns = ['REGULAR EXPRESSION']"
    first = "" if found.is_binary else f"{setting} in [experiment], or "
    return f'if both are right, set {first}compare = "status" in [scenarios.{rules.scenario}] or in the request'


def _without(patterns: Sequence[str], bodies: Sequence[str]) -> list[str]:
    for pattern in patterns:
        bodies = [re.sub(pattern, "volatile", body) for body in bodies]
    return list(bodies)


def _as_data(bodies: Sequence[str]) -> list[Any]:
    """Bodies as data if all of them are JSON, else as texts."""
    try:
        return [json.loads(body) for body in bodies]
    except ValueError:
        return list(bodies)


def _without_address(value: Any, url: str) -> Any:
    """A value in which the address of a stack, and the number of its port, are replaced."""
    address = urlsplit(url)
    if not address.netloc:
        return value
    port = address.port
    number = re.compile(rf"(?<!\d){port}(?!\d)")

    def replaced(part: Any) -> Any:
        if isinstance(part, dict):
            return {replaced(key): replaced(item) for key, item in part.items()}
        if isinstance(part, list):
            return [replaced(item) for item in part]
        if isinstance(part, str):
            part = part.replace(address.netloc, "own-address")
            return part if port is None else number.sub("own-port", part)
        return "own-port" if type(part) is int and part == port else part

    return replaced(value)


def _difference(
    expected: Sequence[Any], actual: Sequence[Any], volatile: frozenset[str], place: str
) -> _Difference | None:
    """The first difference between what two stacks have in one place, each in one answer or in several."""
    kinds = {type(value) for value in (*expected, *actual)}
    if kinds == {dict}:
        return _dict_difference(expected, actual, volatile, place)
    if kinds == {list}:
        return _list_difference(expected, actual, volatile, place)
    if kinds == {str}:
        return _text_difference(expected, actual, place)
    if found := _type_difference(expected, actual, place):
        return found
    if _varies(expected) or _varies(actual) or expected[0] == actual[0]:
        return None
    return _Difference(place, f"is {_short(actual[0])}, the baseline's {_short(expected[0])}")


def _varies(values: Sequence[Any]) -> bool:
    return any(value != values[0] or type(value) is not type(values[0]) for value in values)


def _type_difference(expected: Sequence[Any], actual: Sequence[Any], place: str) -> _Difference | None:
    """Values that have no type in common. A number that varies may be whole now and then."""
    types = [{type(value) for value in values} for values in (expected, actual)]
    if _varies(expected) or _varies(actual):
        types = [{float if kind is int else kind for kind in kinds} for kinds in types]
    if types[0] & types[1]:
        return None
    return _Difference(place, f"is {type(actual[0]).__name__}, the baseline's {type(expected[0]).__name__}")


def _dict_difference(
    expected: Sequence[dict[str, Any]], actual: Sequence[dict[str, Any]], volatile: frozenset[str], place: str
) -> _Difference | None:
    """A key that only some answers of a stack have may be missing."""
    keys_of_expected, keys_of_actual = [set(value) for value in expected], [set(value) for value in actual]
    if missing := set.intersection(*keys_of_expected).difference(*keys_of_actual):
        return _Difference(place, f"lacks {_listed(missing)}, which the baseline's has")
    if added := set.intersection(*keys_of_actual).difference(*keys_of_expected):
        return _Difference(place, f"has {_listed(added)}, which the baseline's lacks")
    for key in dict.fromkeys(key for value in expected for key in value):
        expected_values, actual_values = ([value[key] for value in side if key in value] for side in (expected, actual))
        if not actual_values:
            continue
        if key in volatile:
            found = _type_difference(expected_values, actual_values, f"{place}.{key}")
        else:
            found = _difference(expected_values, actual_values, volatile, f"{place}.{key}")
        if found:
            return found
    return None


def _list_difference(
    expected: Sequence[list[Any]], actual: Sequence[list[Any]], volatile: frozenset[str], place: str
) -> _Difference | None:
    """A list whose length differs between the answers of a stack is volatile as a whole."""
    lengths = [{len(value) for value in side} for side in (expected, actual)]
    if max(map(len, lengths)) > 1:
        return None
    if lengths[0] != lengths[1]:
        return _Difference(place, f"has {len(actual[0])} entries, the baseline's {len(expected[0])}")
    for index in range(len(actual[0])):
        expected_entries, actual_entries = ([value[index] for value in side] for side in (expected, actual))
        if found := _difference(expected_entries, actual_entries, volatile, f"{place}[{index}]"):
            if _in_any_order(expected[0]) == _in_any_order(actual[0]):
                return _Difference(place, "has the baseline's entries in another order")
            return found
    return None


def _in_any_order(entries: Sequence[Any]) -> list[str]:
    return sorted(json.dumps(entry, sort_keys=True) for entry in entries)


def _text_difference(expected: Sequence[str], actual: Sequence[str], place: str) -> _Difference | None:
    found = text_difference(expected, actual)
    if found is None:
        return None
    if _UNDECODABLE in found.expected + found.actual:
        return _Difference(place, "is not text, and differs from the baseline's", is_binary=True)
    line = "" if found.line is None else f", line {found.line}"
    return _Difference(f"{place}{line}", f"is {found.actual!r}, the baseline's {found.expected!r}")


def _listed(keys: Iterable[str]) -> str:
    names = [repr(key) for key in sorted(keys)]
    more = [f"{len(names) - SHOWN_KEYS} more"] if len(names) > SHOWN_KEYS else []
    return ", ".join(names[:SHOWN_KEYS] + more)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."
