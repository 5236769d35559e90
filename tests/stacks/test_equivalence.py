"""Answers are equal when they say the same, whenever and by whichever process they are given."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.model import Answer, Request, Scenario
from bakeoff.stacks import Answered, difference, rules_of
from bakeoff.stacks.equivalence import Rules
from tests.builders import experiment

VOLATILE = Rules(scenario="front", volatile=frozenset({"start_s", "worker_pid"}))
STRICT = Rules(scenario="front")
BASELINE_URL, CANDIDATE_URL = "http://127.0.0.1:20001", "http://127.0.0.1:20002"

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.sampled_from("abc"), parts, max_size=3),
    max_leaves=8,
)

LOGIN_PAGE = """<!doctype html>
<html><head><title>Log in</title></head>
<body class="login">
<form action="/login/" method="post">
<input type="hidden" name="csrfmiddlewaretoken" value="{token}">
<input name="username" value="">
<input type="submit" value="{button}">
</form>
</body></html>
"""


def text_of(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)


def answer(*bodies: Any, status: int = 200, path: str = "/cake") -> Answer:
    """What a stack answered to one request, with some JSON or some text, once or several times."""
    first, *others = map(text_of, bodies)
    return Answer(endpoint=path, method="GET", path=path, status=status, body=first, others=tuple(others))


def differs(baseline: Answer, candidate: Answer, rules: Rules = STRICT) -> str | None:
    """The difference without what to do about it."""
    message = difference(Answered(BASELINE_URL, (baseline,)), Answered(CANDIDATE_URL, (candidate,)), rules)
    return None if message is None else message.partition("; if both are right")[0]


def login_page(button: str = "Log in") -> str:
    return LOGIN_PAGE.format(token=secrets.token_urlsafe(48), button=button)


# --- what is volatile by observation ---------------------------------------------------------------------------------


def test_a_token_in_an_attribute_that_is_new_in_each_answer_is_no_difference() -> None:
    """Django's login page."""
    assert differs(answer(login_page(), login_page()), answer(login_page(), login_page())) is None
    assert differs(answer(login_page(), login_page()), answer(login_page())) is None, "either stack shows it"


def test_a_real_difference_beside_a_token_is_found_and_shown_with_its_line() -> None:
    """Not the two beginnings, which are the same."""
    baseline, candidate = answer(login_page(), login_page()), answer(login_page("Sign in"), login_page("Sign in"))
    message = (
        'GET /cake: body, line 7 is \'<input type="submit" value="Sign in">\', '
        'the baseline\'s \'<input type="submit" value="Log in">\''
    )
    assert differs(baseline, candidate) == message


def test_a_token_that_only_one_stack_has_is_a_difference() -> None:
    """An empty value is no token."""
    empty = LOGIN_PAGE.format(token="", button="Log in")
    assert differs(answer(login_page(), login_page()), answer(empty)) is not None
    assert differs(answer(empty), answer(login_page(), login_page())) is not None


@pytest.mark.parametrize(
    ("baseline", "candidate"),
    [
        (["at 10:00:01, id 17", "at 10:00:02, id 18"], ["at 10:00:07, id 99"]),
        ([{"id": 1, "at": "10:00:01"}, {"id": 2, "at": "10:00:02"}], [{"id": 9, "at": "10:00:07"}]),
        ([{"took_s": 0.5}, {"took_s": 1}], [{"took_s": 2}]),
        ([[1, 2], [2, 1]], [[2, 1]]),
        ([{"log": ["a"]}, {"log": ["a", "b"]}], [{"log": ["a", "b", "c"]}]),
        ([{"cake": 1, "debug": 2}, {"cake": 1}], [{"cake": 1}]),
        ([{"next": None}, {"next": "b"}], [{"next": "c"}]),
        ([{"html": "<p>at 10:00"}, {"html": "<p>at 10:01"}], [{"html": "<p>at 10:02"}]),
        (["<li>a\n<li>b\n", "<li>a\n<li>b\n<li>c\n"], ["<li>a\n<li>b\n<li>c\n"]),
        (["one", "two"], ["three"]),
    ],
    ids=["text", "JSON", "whole number", "order", "length", "key", "null", "HTML in JSON", "more lines", "all of it"],
)
def test_what_differs_between_answers_of_one_stack_may_differ(baseline: list[Any], candidate: list[Any]) -> None:
    """In whichever of the two stacks it was observed."""
    assert differs(answer(*baseline), answer(*candidate)) is None
    assert differs(answer(*candidate), answer(*baseline)) is None
    assert differs(answer(baseline[0]), answer(candidate[0])) is not None or baseline[0] == candidate[0]


@pytest.mark.parametrize(
    ("baseline", "candidate", "message"),
    [
        ([{"id": 1}, {"id": 2}], {"id": "9"}, "body.id is str, the baseline's int"),
        ([{"id": 1, "b": 0}, {"id": 2, "b": 0}], {"id": 3}, "body lacks 'b', which the baseline's has"),
        ([{"id": 1}, {"id": 2}], {"id": 3, "b": 0}, "body has 'b', which the baseline's lacks"),
        (["id 1, cake", "id 2, cake"], "id 3, pie", "body is 'id 3, pie', the baseline's 'id 1, cake'"),
    ],
)
def test_a_difference_beside_what_is_volatile_is_found(baseline: list[Any], candidate: Any, message: str) -> None:
    assert differs(answer(*baseline), answer(candidate)) == f"GET /cake: {message}"


def test_the_own_address_and_port_may_differ() -> None:
    """In text, in JSON, and as a number."""
    for shape in ("<a href='http://127.0.0.1:{0}/x'>", {"links": ["http://127.0.0.1:{0}/x"], "port": 0}):
        bodies = []
        for port in (20001, 20002):
            text = text_of(shape).replace("{0}", str(port)).replace('"port": 0', f'"port": {port}')
            bodies.append(text)
        assert differs(answer(bodies[0]), answer(bodies[1])) is None


def test_the_address_of_another_stack_is_a_difference() -> None:
    assert differs(answer("on 127.0.0.1:20001"), answer("on 127.0.0.1:20001 or so")) is not None
    assert differs(answer("on 127.0.0.1:20001"), answer("on 127.0.0.1:20003")) is not None


def test_a_value_that_equals_the_port_of_one_stack_by_chance_is_equal() -> None:
    assert differs(answer({"price": 20001}), answer({"price": 20001})) is None


@given(
    words=st.lists(st.sampled_from(["<p>", "cake", " ", "\n", '"', "=", "pie", "&"]), max_size=30),
    place=st.integers(0, 30),
)
def test_a_token_anywhere_in_any_text_is_found_volatile(words: list[str], place: int) -> None:
    bodies = ["".join([*words[:place], f" {secrets.token_hex(16)} ", *words[place:]]) for _ in range(4)]
    assert differs(answer(*bodies[:2]), answer(*bodies[2:])) is None


@given(first=documents, second=documents)
def test_documents_are_equal_exactly_if_their_json_is(first: Any, second: Any) -> None:
    equal = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    baseline, candidate = answer({"body": first}), answer({"body": second})
    assert (differs(baseline, candidate) is None) == equal
    assert differs(baseline, baseline) is None


@given(first=documents, second=documents, third=documents)
def test_answers_that_both_stacks_gave_are_equal(first: Any, second: Any, third: Any) -> None:
    """In whichever order."""
    baseline, candidate = answer(first, second, third), answer(third, first, second)
    assert differs(baseline, candidate) is None


def test_large_pages_are_aligned_quickly() -> None:
    """A token at each end of a megabyte."""
    page = "".join(f"<li class='item'>cake {number}</li>\n" for number in range(5_000))
    bodies = [f"<b>{secrets.token_hex(16)}</b>{page}<i>{secrets.token_hex(16)}</i>" for _ in range(3)]
    assert differs(answer(*bodies[:2]), answer(bodies[2])) is None
    assert differs(answer(*bodies[:2]), answer(bodies[2].replace("cake 2500", "pie 2500"))) is not None


# --- what the experiment declares ------------------------------------------------------------------------------------


def test_declared_values_may_differ() -> None:
    baseline = answer({"steps": [{"name": "mix", "start_s": 1.0}], "worker_pid": 1})
    candidate = answer({"steps": [{"name": "mix", "start_s": 2.0}], "worker_pid": 2})
    assert differs(baseline, candidate, VOLATILE) is None


def test_a_missing_volatile_key_is_a_difference() -> None:
    message = "GET /cake: body lacks 'worker_pid', which the baseline's has"
    assert differs(answer({"worker_pid": 1}), answer({}), VOLATILE) == message


def test_a_volatile_value_of_another_type_is_a_difference() -> None:
    message = "GET /cake: body.worker_pid is str, the baseline's int"
    assert differs(answer({"worker_pid": 1}), answer({"worker_pid": "1"}), VOLATILE) == message


def test_what_a_pattern_matches_may_differ() -> None:
    rules = Rules(scenario="front", patterns=(r"build-\d+",))
    assert differs(answer("<p>build-1"), answer("<p>build-22"), rules) is None
    assert differs(answer({"on": "build-1"}), answer({"on": "build-22"}), rules) is None
    assert differs(answer("<p>build-1 a"), answer("<p>build-22 b"), rules) is not None


def test_only_the_status_counts_where_the_experiment_says_so() -> None:
    """For all, for a scenario, or for a request."""
    requests = (Request(method="GET", path="/cake", compare="status"), Request(method="GET", path="/pie"))
    by_request = Scenario(name="front", requests=requests)
    by_scenario = Scenario(name="front", locustfile="users.py", compare="status")
    rules = rules_of(experiment(), by_request)
    assert differs(answer("a"), answer("b"), rules) is None
    assert differs(answer("a", path="/pie"), answer("b", path="/pie"), rules) is not None
    assert differs(answer("a"), answer("b", status=201), rules) == "GET /cake answered 201, the baseline 200"
    assert differs(answer("a"), answer("b"), rules_of(experiment(), by_scenario)) is None
    assert differs(answer("a"), answer("b"), rules_of(experiment(compare="status"), Scenario(name="front"))) is None


@pytest.mark.parametrize(
    ("baseline", "candidate", "remedy"),
    [
        ({"steps": [{"name": "a"}]}, {"steps": [{"name": "b"}]}, 'set volatile = ["name"] in [experiment]'),
        ("<p>a", "<p>b", "set volatile_patterns = ['REGULAR EXPRESSION'] in [experiment]"),
    ],
)
def test_a_difference_says_what_to_do_about_it(baseline: Any, candidate: Any, remedy: str) -> None:
    sides = Answered(BASELINE_URL, (answer(baseline),)), Answered(CANDIDATE_URL, (answer(candidate),))
    message = str(difference(*sides, STRICT))
    assert message.endswith(
        f'; if both are right, {remedy}, or compare = "status" in [scenarios.front] or in the request'
    )


def test_a_difference_in_what_is_not_text_is_not_shown() -> None:
    """An image; no pattern would match it."""
    sides = Answered(BASELINE_URL, (answer("\ufffdPNG a"),)), Answered(CANDIDATE_URL, (answer("\ufffdPNG b"),))
    assert difference(*sides, STRICT) == (
        "GET /cake: body is not text, and differs from the baseline's; "
        'if both are right, set compare = "status" in [scenarios.front] or in the request'
    )


# --- what is different, and where ------------------------------------------------------------------------------------


def test_a_difference_is_named_with_its_place() -> None:
    baseline, candidate = answer({"steps": [{"name": "mix"}]}), answer({"steps": [{"name": "bake"}]})
    assert differs(baseline, candidate) == "GET /cake: body.steps[0].name is 'bake', the baseline's 'mix'"


def test_another_status_is_a_difference() -> None:
    assert differs(answer({}), answer({}, status=404)) == "GET /cake answered 404, the baseline 200"


def test_lists_of_unequal_length_differ() -> None:
    assert differs(answer([1, 2]), answer([1])) == "GET /cake: body has 1 entries, the baseline's 2"


def test_a_list_in_another_order_is_called_that() -> None:
    message = "GET /cake: body.cakes has the baseline's entries in another order"
    assert differs(answer({"cakes": ["a", "b"]}), answer({"cakes": ["b", "a"]})) == message


def test_a_request_that_only_one_stack_was_sent_is_a_difference() -> None:
    """A page without the link that a scenario follows on the other stack."""
    one, two = Answered("", (answer({}),)), Answered("", (answer({}), answer({}, path="/cart")))
    message = "GET /cart was sent to {} alone: the scenario goes by earlier answers"
    assert difference(one, two, STRICT) == message.format("it")
    assert difference(two, one, STRICT) == message.format("the baseline")


def test_requests_that_a_scenario_draws_are_not_compared() -> None:
    """However many of them are the same; those that both stacks were sent are."""

    def answered(front: str, *numbers: int) -> Answered:
        drawn = (answer(f"cake {number}", path=f"/product/{number}") for number in numbers)
        return Answered("", (answer(front, path="/"), *drawn))

    assert difference(answered("a", 1, 2, 3), answered("a", 4, 5), STRICT) is None
    assert difference(answered("a", 1, 2, 3), answered("a", 3, 5, 4), STRICT) is None
    assert difference(answered("a", 1, 2, 3), answered("b", 4, 5), STRICT) is not None


def test_a_body_that_is_not_json_is_compared_as_text() -> None:
    assert differs(answer("<p>a"), answer("<p>a")) is None
    assert differs(answer("<p>a"), answer("<p>b")) == "GET /cake: body is '<p>b', the baseline's '<p>a'"


def test_json_is_compared_as_data() -> None:
    """Spaces and the order of keys do not matter."""
    assert differs(answer('{"a": 1, "b": 2}'), answer('{"b":2,"a":1}')) is None


def test_true_is_not_one() -> None:
    assert differs(answer({"ok": True}), answer({"ok": 1})) == "GET /cake: body.ok is int, the baseline's bool"


def test_json_that_is_nested_beyond_reason_is_compared_as_text() -> None:
    deep = ["[" * depth + f"{value}" + "]" * depth for depth in (400, 100_000) for value in (1, 2)]
    assert differs(answer(deep[0]), answer(deep[0])) is None
    assert differs(answer(deep[0]), answer(deep[1])) is not None
    assert differs(answer(deep[2]), answer(deep[3])) is not None


def test_only_what_is_around_a_difference_is_shown() -> None:
    message = differs(answer({"text": "x" * 1000 + "a"}), answer({"text": "x" * 1000 + "b" * 1000}))
    shown = f"...{'x' * 25}"
    assert message == f"GET /cake: body.text is '{shown}{'b' * 35}...', the baseline's '{shown}a'"
