"""Answers are equal when they say the same, whatever the time and whoever says it."""

import json
from typing import Any

from bakeoff.model import Answer
from bakeoff.stacks.equivalence import difference, first_problem

VOLATILE = ("start_s", "worker_pid")


def _answer(body: Any, status: int = 200, problem: str | None = None) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(endpoint="/cake", method="GET", path="/cake", status=status, body=text, problem=problem)


def test_volatile_values_may_differ() -> None:
    """Timings and process ids are no difference."""
    ours = _answer({"steps": [{"name": "mix", "start_s": 1.0}], "worker_pid": 1})
    theirs = _answer({"steps": [{"name": "mix", "start_s": 2.0}], "worker_pid": 2})
    assert difference([ours], [theirs], VOLATILE) is None


def test_a_difference_is_named_with_its_place() -> None:
    """The message says where, what, and what it should have been."""
    ours, theirs = _answer({"steps": [{"name": "mix"}]}), _answer({"steps": [{"name": "bake"}]})
    assert difference([ours], [theirs], VOLATILE) == "GET /cake: body.steps[0].name is 'bake', the baseline's 'mix'"


def test_a_missing_or_mistyped_volatile_key_is_a_difference() -> None:
    """Only the value may vary, not its being there or its type."""
    assert difference([_answer({"worker_pid": 1})], [_answer({})], VOLATILE)
    assert difference([_answer({"worker_pid": 1})], [_answer({"worker_pid": "1"})], VOLATILE)


def test_a_different_status_is_a_difference() -> None:
    """Before any body is looked at."""
    assert difference([_answer({})], [_answer({}, status=404)], ()) == "GET /cake answered 404, the baseline 200"


def test_lists_of_unequal_length_differ() -> None:
    """A step that is missing shows."""
    assert difference([_answer([1, 2])], [_answer([1])], ()) == "GET /cake: body has 1 entries, the baseline's 2"


def test_text_is_compared_as_it_is() -> None:
    """What is no JSON must be the same text."""
    assert difference([_answer("<p>a")], [_answer("<p>a")], ()) is None
    assert difference([_answer("<p>a")], [_answer("<p>b")], ())


def test_true_is_not_one() -> None:
    """JSON types are told apart."""
    assert difference([_answer({"ok": True})], [_answer({"ok": 1})], ())


def test_the_first_problem_is_told() -> None:
    """A wrong answer is a problem of its own, equal or not."""
    assert first_problem([_answer({}), _answer({}, problem="no cake")]) == "GET /cake: no cake"
