"""The file that is written: valid, commented, and with the stacks that make sense."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.discover.apps import AppCandidate
from bakeoff.discover.endpoints import Endpoint, classified
from bakeoff.discover.propose import Facts, experiment_text, loads_for, missing_servers, propose_stacks
from bakeoff.experiment import parse_experiment
from bakeoff.model import ClosedLoad, Experiment, OpenLoad

FLASK = AppCandidate(module="shop.wsgi", attribute="app", framework="Flask", interface="wsgi", path="src")
FASTAPI = AppCandidate(module="shop", attribute="app", framework="FastAPI", interface="asgi")
FACTORY = AppCandidate(module="shop", attribute="create", framework="FastAPI", interface="asgi", factory=True)


def parsed(text: str) -> Experiment:
    """The experiment in a text."""
    return parse_experiment(text, Path("/shop/bakeoff.toml"))


def written(
    *apps: AppCandidate, versions: dict[str, str], endpoints: tuple[Endpoint, ...] = (), python: str | None = None
) -> str:
    """The file for some apps."""
    facts = Facts(name="shop", stacks=propose_stacks(apps, versions, 2), endpoints=endpoints, python=python)
    return experiment_text(replace(facts, interpreter=python or "python"))


def test_the_file_has_a_stack_for_each_server_that_is_installed_and_names_the_others() -> None:
    text = written(FLASK, versions={"gunicorn": "23.0.0", "waitress": "3.0"}, python=".venv/bin/python")
    experiment = parsed(text)
    assert [stack.name for stack in experiment.stacks] == ["gunicorn-sync", "gunicorn-threads", "waitress"]
    assert "# [stacks.granian-wsgi]  # its server is not installed: .venv/bin/python -m pip install granian\n" in text
    sync, threads, waitress = experiment.stacks
    assert (sync.app, sync.python, sync.env) == ("shop.wsgi:app", "/shop/.venv/bin/python", {"PYTHONPATH": "src"})
    assert (sync.workers, threads.threads, waitress.workers) == (2, 8, 1)


def test_an_old_gunicorn_has_no_worker_for_asgi() -> None:
    def names(version: str) -> list[str]:
        stacks = propose_stacks([FASTAPI], {"uvicorn": "0.34", "gunicorn": version}, 2)
        return [stack.name for stack in stacks if stack.measured]

    assert names("23.0.0") == ["uvicorn"]
    assert names("25.1.0") == ["uvicorn", "gunicorn-asgi"]


def test_an_app_with_both_interfaces_has_stacks_of_both_and_four_in_all() -> None:
    versions = dict.fromkeys(("gunicorn", "granian", "waitress", "uvicorn", "hypercorn"), "30.0")
    text = written(FLASK, FASTAPI, versions=versions)
    names = [stack.name for stack in parsed(text).stacks]
    assert names == ["gunicorn-sync", "gunicorn-threads", "uvicorn", "granian-asgi"]
    assert "# [stacks.hypercorn]  # it makes a run longer\n" in text


def test_a_commented_stack_counts_once_its_comment_signs_are_removed() -> None:
    text = written(FASTAPI, versions={"uvicorn": "0.34"})
    comment = text.index("# [stacks.granian-asgi]")
    uncommented = text[:comment] + re.sub("^# ", "", text[comment:], flags=re.MULTILINE)
    assert parsed(uncommented).stacks[1].name == "granian-asgi"


def test_a_factory_is_named_as_each_server_wants_it() -> None:
    versions = {"uvicorn": "0.34", "hypercorn": "0.17", "granian": "2.0"}
    stacks = {stack.server: stack for stack in parsed(written(FACTORY, versions=versions)).stacks}
    assert (stacks["uvicorn"].app, stacks["uvicorn"].options) == ("shop:create", {"factory": True})
    assert (stacks["granian"].app, stacks["granian"].options) == ("shop:create", {"factory": True})
    assert (stacks["hypercorn"].app, stacks["hypercorn"].options) == ("shop:create()", {})


def test_without_any_server_the_usual_ones_are_proposed_and_known_to_be_missing() -> None:
    assert missing_servers(propose_stacks([FASTAPI], {}, 1)) == ("uvicorn", "granian")
    assert [stack.name for stack in parsed(written(FASTAPI, versions={})).stacks] == ["uvicorn", "granian-asgi"]


def test_one_stack_lacks_another_to_be_compared_with() -> None:
    assert missing_servers(propose_stacks([FASTAPI], {"uvicorn": "0.34"}, 1)) == ("granian",)
    assert missing_servers(propose_stacks([FASTAPI], {"uvicorn": "0.34", "uvloop": "0.21"}, 1)) == ()
    assert missing_servers(propose_stacks([FLASK], {"gunicorn": "23.0"}, 1)) == ()


def test_without_an_app_the_file_has_the_lines_to_fill_in() -> None:
    text = experiment_text(Facts(name="shop", stacks=(), endpoints=(), missing=("no app was found; name it",)))
    assert "# * no app was found; name it" in text
    assert "# fill in" in text
    assert parsed(text).stacks[0].app == "module:attribute"


def test_what_answered_is_requested_and_what_is_set_aside_is_a_comment() -> None:
    endpoints = (
        classified("GET", "/private").set_aside("needs a login"),
        classified("GET", "/items", weight=3, answer="200, text/html, 5 bytes"),
        classified("POST", "/items", json={"a": None, "b": [1.5, True]}, status=201),
    )
    text = written(FASTAPI, versions={"uvicorn": "0.34"}, endpoints=endpoints)
    experiment = parsed(text)
    assert [(known.path, known.weight) for known in experiment.scenarios[0].requests] == [("/items", 3)]
    assert '# { get = "/private" },' in text
    assert '# { post = "/items", json = { a = "", b = [1.5, true] }, status = 201 },' in text


def test_a_commented_request_is_valid_once_its_comment_sign_is_removed() -> None:
    aside = classified("POST", "/items", data='a"b\\\n', headers={"X-Odd key": "1"}, status=201)
    text = written(FASTAPI, versions={"uvicorn": "0.34"}, endpoints=(aside,))
    (_, request) = parsed(text.replace("# { post", "{ post")).scenarios[0].requests
    assert (request.data, request.headers, request.status) == ('a"b\\\n', {"X-Odd key": "1"}, 201)


def test_only_so_many_endpoints_are_requested() -> None:
    endpoints = tuple(classified("GET", f"/{number}") for number in range(60))
    text = written(FASTAPI, versions={"uvicorn": "0.34"}, endpoints=endpoints)
    assert len(parsed(text).scenarios[0].requests) == 10
    assert "# and 20 more" in text


@given(st.text(), st.text(), st.text(), st.dictionaries(st.text(), st.text(), max_size=2))
def test_whatever_an_app_is_called_the_file_is_valid(
    name: str, path: str, reason: str, headers: dict[str, str]
) -> None:
    endpoints = (
        Endpoint(method="GET", path=f"/{path}", headers=headers, answer=reason),
        Endpoint(method="GET", path=f"/{path}", aside=reason),
    )
    facts = Facts(
        name=name,
        stacks=propose_stacks([FASTAPI], {"uvicorn": "0.34"}, 2),
        endpoints=endpoints,
        python=path or None,
        summary=(name, reason),
        missing=(path,),
    )
    (request,) = parsed(experiment_text(facts)).scenarios[0].requests
    assert request.path == f"/{path}".encode("utf-8", "replace").decode()


@pytest.mark.parametrize(("cpus", "workers"), [(0, 2), (1, 2), (6, 6), (64, 8)])
def test_the_servers_have_as_many_workers_as_cpus_within_reason(cpus: int, workers: int) -> None:
    assert propose_stacks([FASTAPI], {"uvicorn": "0.34"}, cpus)[0].workers == workers


def test_the_loads_suit_the_cost_of_an_answer() -> None:
    assert [loads_for(cpu_s, 1) for cpu_s in (0.0002, 0.005, 0.02, 1.0)] == [(64, 200), (32, 20), (8, 10), (8, 5)]
    assert loads_for(0.005, 4) == (64, 100)
    facts = Facts(name="shop", stacks=propose_stacks([FASTAPI], {}, 1), endpoints=(), cpu_s=0.005)
    text = experiment_text(facts)
    assert parsed(text).loads == (ClosedLoad(users=32), OpenLoad(rate_rps=20))
    assert "# an answer takes about 5 ms of CPU time" in text


@given(st.floats(min_value=1e-6, max_value=100), st.integers(0, 64))
def test_a_dearer_answer_never_means_more_load(cpu_s: float, cpus: int) -> None:
    users, rate_rps = loads_for(cpu_s, cpus)
    dearer_users, dearer_rate_rps = loads_for(2 * cpu_s, cpus)
    assert dearer_users <= users
    assert dearer_rate_rps <= rate_rps
