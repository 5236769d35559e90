"""Published figures: each claim can be measured by its experiment, and is judged by what was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from starlette.types import ASGIApp

from bakeoff.experiment import read_experiment
from benchmarks.reproduce.claims import CLAIMS, EXPERIMENTS, Claim
from benchmarks.reproduce.frameworks import fastapi_app, starlette_app
from benchmarks.reproduce.handlers import in_event_loop, in_thread_pool
from benchmarks.reproduce.measure import config
from benchmarks.reproduce.measured import Measured, Number, Ratio, Row, judged, page

CLAIM = replace(CLAIMS[0], published=0.66)


def measured(*ratios: Ratio, withheld: tuple[str, ...] = (), not_installed: dict[str, str] | None = None) -> Measured:
    rows = [
        Row(
            stack=stack,
            scenario=CLAIM.scenario,
            throughput_rps=None if withheld else Number(1000.0, 990.0, 1010.0),
            cpu_ms_per_request=None,
            withheld=(*withheld, "p99.9 needs 10,000 requests, there were 9"),
        )
        for stack in ("fastapi", "starlette")
    ]
    return Measured(
        experiment=CLAIM.experiment,
        started_utc="2026-01-01T00:00:00+00:00",
        machine="a machine",
        versions={},
        seconds=60.0,
        load_before=0.0,
        certified=True,
        not_installed=not_installed or {},
        rows=tuple(rows),
        ratios=ratios,
    )


def ratio(low: float, point: float, high: float) -> Ratio:
    return Ratio(stack="fastapi", baseline="starlette", scenario=CLAIM.scenario, ratio=Number(point, low, high))


@pytest.mark.parametrize(
    ("low", "point", "high", "verdict"),
    [
        (0.60, 0.64, 0.68, "agrees"),
        (0.80, 0.85, 0.90, "agrees"),
        (0.83, 0.85, 0.87, "**differs**, see below"),
        (0.40, 0.45, 0.50, "**differs**, see below"),
    ],
)
def test_a_ratio_agrees_when_its_interval_comes_near_the_published_one(
    low: float, point: float, high: float, verdict: str
) -> None:
    assert judged(CLAIM, measured(ratio(low, point, high)))[1] == verdict


def test_what_was_not_measured_says_why() -> None:
    """A number is never made up for a stack that was withheld, or whose server is not there."""
    assert judged(CLAIM, None) == (None, "not measured yet")
    absent = measured(not_installed={"fastapi": "uvicorn"})
    assert judged(CLAIM, absent) == (None, "not measured: uvicorn is not installed")
    doubted = judged(CLAIM, measured(withheld=("Little's law",)))
    assert doubted[0] is None
    assert doubted[1].startswith("withheld: fastapi: Little's law")
    assert judged(CLAIM, measured()) == (None, "not compared")


def test_a_figure_that_differs_is_explained_on_the_page() -> None:
    explained = page([measured(ratio(0.4, 0.45, 0.5))])
    assert "## Where they differ" in explained
    assert "fastapi: 1,000 [990, 1,010] requests/s" in explained


def test_the_last_measurement_of_an_experiment_counts() -> None:
    assert "0.650 [" not in page([measured(ratio(0.6, 0.65, 0.7)), measured(ratio(0.5, 0.7, 0.9))])


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.what)
def test_every_claim_has_its_stacks_and_its_scenario(claim: Claim) -> None:
    experiment = read_experiment(config(claim.experiment))
    assert {claim.stack, claim.baseline or claim.stack} <= {stack.name for stack in experiment.stacks}
    assert claim.scenario in {scenario.name for scenario in experiment.scenarios}
    assert claim.experiment in EXPERIMENTS


@pytest.mark.parametrize("app", [starlette_app, fastapi_app], ids=["starlette", "fastapi"])
def test_both_frameworks_do_the_same_work(app: ASGIApp) -> None:
    client = TestClient(app)
    path = "/api/users/1/records/2?query=test"
    assert client.get("/html").text == "<b>hello</b>"
    assert client.put(path, json={}).status_code == 401
    assert client.put(path, json={"foo": "bar"}, headers={"authorization": "user"}).json() == {
        "params": {"user": 1, "record": 2},
        "query": {"query": "test"},
        "data": {"foo": "bar"},
    }


def test_both_kinds_of_handlers_answer_the_same() -> None:
    assert TestClient(in_event_loop).get("/").content == TestClient(in_thread_pool).get("/").content
