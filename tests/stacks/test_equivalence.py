"""Answers are equal when they say the same, whenever and by whichever process they are given."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.model import Answer
from bakeoff.stacks import difference

VOLATILE = ("start_s", "worker_pid")

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.sampled_from("abc"), parts, max_size=3),
    max_leaves=8,
)


def answer(body: Any, status: int = 200) -> Answer:
    """An answer with some JSON, or with some text."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(endpoint="/cake", method="GET", path="/cake", status=status, body=text)


def test_volatile_values_may_differ() -> None:
    baseline = answer({"steps": [{"name": "mix", "start_s": 1.0}], "worker_pid": 1})
    candidate = answer({"steps": [{"name": "mix", "start_s": 2.0}], "worker_pid": 2})
    assert difference([baseline], [candidate], VOLATILE) is None


def test_a_difference_is_named_with_its_place() -> None:
    baseline, candidate = answer({"steps": [{"name": "mix"}]}), answer({"steps": [{"name": "bake"}]})
    message = "GET /cake: body.steps[0].name is 'bake', the baseline's 'mix'"
    assert difference([baseline], [candidate], VOLATILE) == message


def test_a_missing_volatile_key_is_a_difference() -> None:
    message = "GET /cake: body has the keys [], the baseline's ['worker_pid']"
    assert difference([answer({"worker_pid": 1})], [answer({})], VOLATILE) == message


def test_a_volatile_value_of_another_type_is_a_difference() -> None:
    message = "GET /cake: body.worker_pid is str, the baseline's int"
    assert difference([answer({"worker_pid": 1})], [answer({"worker_pid": "1"})], VOLATILE) == message


def test_another_status_is_a_difference() -> None:
    assert difference([answer({})], [answer({}, status=404)], ()) == "GET /cake answered 404, the baseline 200"


def test_lists_of_unequal_length_differ() -> None:
    assert difference([answer([1, 2])], [answer([1])], ()) == "GET /cake: body has 1 entries, the baseline's 2"


def test_another_number_of_answers_is_a_difference() -> None:
    assert difference([answer({})], [answer({}), answer({})], ()) == "2 answers, the baseline gave 1"


def test_a_body_that_is_not_json_is_compared_as_text() -> None:
    assert difference([answer("<p>a")], [answer("<p>a")], ()) is None
    assert difference([answer("<p>a")], [answer("<p>b")], ()) == "GET /cake: body is '<p>b', the baseline's '<p>a'"


def test_json_is_compared_as_data() -> None:
    """Spaces and the order of keys do not matter."""
    assert difference([answer('{"a": 1, "b": 2}')], [answer('{"b":2,"a":1}')], ()) is None


def test_true_is_not_one() -> None:
    assert (
        difference([answer({"ok": True})], [answer({"ok": 1})], ()) == "GET /cake: body.ok is int, the baseline's bool"
    )


def test_a_long_value_is_cut_in_the_message() -> None:
    message = difference([answer({"text": "a"})], [answer({"text": "b" * 1000})], ())
    assert message == f"GET /cake: body.text is '{'b' * 56}..., the baseline's 'a'"


@given(first=documents, second=documents)
def test_documents_are_equal_exactly_if_their_json_is(first: Any, second: Any) -> None:
    equal = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    baseline, candidate = answer({"body": first}), answer({"body": second})
    assert (difference([baseline], [candidate], ()) is None) == equal
    assert difference([baseline], [baseline], ()) is None
