"""Locust processes drive an oracle, and their account of the requests is the oracle's."""

from __future__ import annotations

import gzip
import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bakeoff.calibration import FAULTS, SCENARIO, check_accounting, drive_oracle
from bakeoff.calibration.oracle import Behaviour, Fixed, OracleProcess, start_oracle
from bakeoff.load import Drive, FixedLength, GeneratorError, LocalGenerators
from bakeoff.load.distributed.sources import list_sources
from bakeoff.model import ClosedLoad, Histogram, Load, OpenLoad, Request, Scenario, Stage, UserError, total_outcomes
from tests.load.scripted import scripted

pytestmark = pytest.mark.e2e

LOCUSTFILE = """
from locust import {base}, task

class Old({base}):
    @task
    def ask(self):
        self.client.get("/old")
"""


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two processes"])
def generators(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGenerators]:
    """One process or two, which drive many slices, as in a run."""
    with LocalGenerators((), tmp_path_factory.mktemp("logs"), processes=request.param) as generators:
        generators.use(SCENARIO)
        yield generators


@pytest.fixture
def oracle() -> Iterator[OracleProcess]:
    """An oracle that answers everything at once."""
    with start_oracle(Behaviour()) as oracle:
        yield oracle


LOADS: list[Load] = [
    ClosedLoad(users=1),
    ClosedLoad(users=5, think_s=0.01),
    OpenLoad(rate_rps=300.0),
    OpenLoad(rate_rps=300.0, arrivals="constant"),
]


@pytest.mark.parametrize("load", LOADS, ids=str)
def test_no_request_is_unaccounted_for(generators: LocalGenerators, load: Load) -> None:
    """Under every fault at once, the generator's account is the oracle's, count by count."""
    with start_oracle(FAULTS) as oracle:
        driven = drive_oracle(generators, SCENARIO, oracle, load, slice_s=0.5, timeout_s=0.3).driven
        served = oracle.outcomes()
    checks = check_accounting("faults", driven, served)
    assert [check for check in checks if not check.ok] == []


@pytest.mark.parametrize("load", LOADS, ids=str)
def test_every_right_answer_is_in_each_histogram_once(
    generators: LocalGenerators, oracle: OracleProcess, load: Load
) -> None:
    """Latency, service time and lag of as many requests as were answered."""
    measured = drive_oracle(generators, SCENARIO, oracle, load, slice_s=0.5)
    rights = sum(counts.outcomes.right for counts in measured.driven.endpoints)
    assert rights > 0
    for kind in ("latency", "service", "lag"):
        assert measured.histogram(kind).total == rights


def test_every_request_without_a_right_answer_is_in_a_histogram_for_as_long_as_it_waited(
    generators: LocalGenerators,
) -> None:
    """The oracle leaves one request in ten unanswered: each waits until the slice has been drained for 0.3 s."""
    with start_oracle(Behaviour(never_every=10)) as oracle:
        measured = drive_oracle(generators, SCENARIO, oracle, OpenLoad(rate_rps=300.0), slice_s=0.5, timeout_s=0.3)
    outcomes, waited = total_outcomes(measured.driven.endpoints), measured.histogram("error")
    assert waited.total == outcomes.errors > 0
    assert waited.total + measured.histogram("latency").total == outcomes.offered
    shortest_s = waited.quantile_s(0.0)
    assert shortest_s is not None
    assert shortest_s >= 0.3


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_histograms_of_several_processes_are_merged(tmp_path: Path, oracle: OracleProcess, processes: int) -> None:
    """One for each second, endpoint and kind. The account says how many drove, and how far apart windows opened."""
    with LocalGenerators((), tmp_path, processes=processes) as generators:
        generators.use(SCENARIO)
        measured = drive_oracle(generators, SCENARIO, oracle, OpenLoad(rate_rps=400.0), slice_s=0.5)
    keys = [(second.second, second.endpoint, second.kind) for second in measured.seconds]
    assert len(keys) == len(set(keys))
    assert measured.histogram("latency").total == sum(counts.outcomes.right for counts in measured.driven.endpoints) > 0
    assert measured.driven.generators == processes
    assert (measured.driven.opened_within_s > 0) == (processes > 1)


def test_shares_of_constant_arrivals_add_up_to_the_rate(tmp_path: Path, oracle: OracleProcess) -> None:
    """Three processes offer what one would, to within one arrival each."""
    with LocalGenerators((), tmp_path, processes=3) as generators:
        generators.use(SCENARIO)
        load = OpenLoad(rate_rps=200.0, arrivals="constant")
        driven = drive_oracle(generators, SCENARIO, oracle, load, slice_s=0.5).driven
    assert abs(sum(counts.offered for counts in driven.endpoints) - 200 * driven.window_s) <= 3


def test_a_rate_in_stages_offers_their_area(tmp_path: Path, oracle: OracleProcess) -> None:
    """A ramp from 0 to 400/s in half a second, then none: a hundred arrivals."""
    ramp = OpenLoad(rate_rps=1.0, arrivals="constant", stages=(Stage(for_s=0.5, rate_rps=0.0, to_rps=400.0),))
    with LocalGenerators((), tmp_path) as generator:
        generator.use(SCENARIO)
        driven = drive_oracle(generator, SCENARIO, oracle, ramp, slice_s=0.6).driven
    assert abs(sum(counts.offered for counts in driven.endpoints) - 100) <= 1


@pytest.mark.parametrize("base", ["HttpUser", "FastHttpUser"])
def test_an_existing_locustfile_runs_unchanged(tmp_path: Path, oracle: OracleProcess, base: str) -> None:
    """In a closed loop, at its own speed. A rate is refused with a remedy."""
    path = tmp_path / "old.py"
    path.write_text(LOCUSTFILE.format(base=base), "utf-8")
    scenario = Scenario(name="old", locustfile=str(path))
    with LocalGenerators((), tmp_path) as generator:
        generator.use(scenario)
        measured = drive_oracle(generator, scenario, oracle, ClosedLoad(users=3), slice_s=0.5)
        (counts,) = measured.driven.endpoints
        assert counts.endpoint == "/old"
        assert counts.outcomes.right == counts.offered == measured.histogram("latency").total > 0
        with pytest.raises(UserError, match=r"cannot be driven at a rate; derive it from bakeoff\.load\.BakeoffUser"):
            drive_oracle(generator, scenario, oracle, OpenLoad(rate_rps=10.0), slice_s=0.5)


def test_requests_are_asked_by_weight(tmp_path: Path, oracle: OracleProcess) -> None:
    """Nine to one, within five standard errors."""
    requests = (Request(method="GET", path="/often", weight=9), Request(method="GET", path="/seldom"))
    scenario = Scenario(name="weighted", requests=requests)
    with LocalGenerators((), tmp_path) as generator:
        generator.use(scenario)
        endpoint_counts = drive_oracle(generator, scenario, oracle, ClosedLoad(users=4), slice_s=0.5).driven.endpoints
    offered = {counts.endpoint: counts.offered for counts in endpoint_counts}
    total = sum(offered.values())
    assert abs(offered["/seldom"] - total / 10) < 5 * (total * 0.09) ** 0.5


@pytest.mark.parametrize("processes", [1, 2])
def test_a_process_that_dies_fails_the_run(tmp_path: Path, oracle: OracleProcess, processes: int) -> None:
    """Nothing of the slice is used, whichever process it was."""
    with LocalGenerators((), tmp_path, processes) as generators:
        generators.use(SCENARIO)
        os.kill(generators.pids[-1], signal.SIGKILL)
        with pytest.raises(GeneratorError, match="ended with status -9"):
            drive_oracle(generators, SCENARIO, oracle, ClosedLoad(users=2), slice_s=0.3)


def test_the_sources_of_a_scenario_are_the_files_that_it_imports_from_its_folders(tmp_path: Path) -> None:
    """Through packages and relative imports. Installed packages and Bakeoff are left out."""
    files = {
        "scenarios/shop.py": LOCUSTFILE.format(base="HttpUser")
        + "import json, msgspec, sys\nimport bakeoff.model\nfrom basket.items import cakes\n"
        + f"sys.path.append({str(tmp_path)!r})\nimport prices\n",
        "scenarios/basket/__init__.py": "",
        "scenarios/basket/items.py": "from . import sizes\ncakes = 1\n",
        "scenarios/basket/sizes.py": "",
        "scenarios/other.py": "",
        "prices.py": "",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    locustfile = tmp_path / "scenarios" / "shop.py"
    with LocalGenerators((), tmp_path, processes=1) as generators:
        generators.use(Scenario(name="shop", locustfile=str(locustfile)))
        digests = generators.list_sources(list_sources([locustfile], tmp_path))
    assert digests == {
        name: hashlib.sha256(content.encode()).hexdigest()
        for name, content in files.items()
        if name != "scenarios/other.py"
    }


PAIRED_LOADS: tuple[Load, ...] = (ClosedLoad(users=4), OpenLoad(rate_rps=400.0))


@pytest.mark.parametrize("load", PAIRED_LOADS, ids=str)
def test_targets_under_one_load_get_the_same_mix_of_requests(tmp_path: Path, load: Load) -> None:
    """Two targets under one load: the same share of every endpoint, counted separately, as the targets count them."""
    scenario = Scenario(
        name="two", requests=(Request(method="GET", path="/a"), Request(method="GET", path="/b", weight=3))
    )
    with (
        start_oracle(Behaviour(log=False)) as first,
        start_oracle(Behaviour(log=False)) as second,
        LocalGenerators((), tmp_path) as generator,
    ):
        generator.use(scenario)
        targets = {"base": first.url, "head": second.url}
        order = Drive(
            scenario=scenario.name,
            targets=targets,
            load=load,
            seed=1,
            warmup_s=0.1,
            max_connections=64,
        )
        driven, seconds = generator.drive(order, FixedLength(0.5))
        received = {name: sum(oracle.outcomes().values()) for name, oracle in (("base", first), ("head", second))}
    ever = driven.endpoints + driven.warmup + driven.drain
    endpoints = {counts.endpoint for counts in driven.endpoints if counts.offered}
    assert endpoints == {"base /a", "head /a", "base /b", "head /b"}
    for name in targets:
        sent = {path: sum(counts.offered for counts in ever if counts.endpoint == f"{name} /{path}") for path in "ab"}
        assert sent["a"] > 10
        assert abs(3 * sent["a"] - sent["b"]) <= (3 if isinstance(load, ClosedLoad) else sent["b"])
        assert received[name] == sum(counts.offered for counts in ever if counts.endpoint.startswith(name))
    assert {second.endpoint for second in seconds} == endpoints
    if isinstance(load, ClosedLoad):
        assert driven.turns_s.keys() == targets.keys()
        assert min(driven.turns_s.values()) > 0
    else:
        assert driven.turns_s == {}


def test_an_arrival_belongs_to_the_slice_in_which_it_was_due_however_late_it_is_sent(
    tmp_path: Path,
) -> None:
    """Two connections at 50 ms an answer carry 40 of 100 arrivals a second; the others are sent after the window."""
    order = Drive(
        scenario=SCENARIO.name,
        targets={},
        load=OpenLoad(rate_rps=100.0, arrivals="constant"),
        seed=1,
        warmup_s=0.1,
        max_connections=2,
    )
    with LocalGenerators((), tmp_path) as generators, start_oracle(Behaviour(delay=Fixed(delay_s=0.05))) as slow:
        generators.use(SCENARIO)
        order = msgspec.structs.replace(order, targets={"": slow.url})
        driven, seconds = generators.drive(order, FixedLength(1.0))
    latencies = Histogram.merge(Histogram.decode(second.blob) for second in seconds if second.kind == "latency")
    assert sum(counts.offered for counts in driven.endpoints) in range(98, 103)
    assert latencies.total == sum(counts.outcomes.right for counts in driven.endpoints) > 90
    longest_s = latencies.max_s
    assert longest_s is not None
    assert longest_s > 1.0


def test_a_wrong_answer_of_one_target_is_not_held_against_the_next(tmp_path: Path, oracle: OracleProcess) -> None:
    """Each target is judged by its own answers."""
    with LocalGenerators((), tmp_path) as generators, start_oracle(Behaviour(wrong_every=1)) as wrong:
        generators.use(SCENARIO)
        problems = [
            {answer.problem for answer in generators.ask(SCENARIO.name, url)} for url in (wrong.url, oracle.url)
        ]
    assert None not in problems[0]
    assert problems[1] == {None}


def test_a_target_that_answers_wrong_once_in_three_times_has_a_problem(tmp_path: Path) -> None:
    """Whether its wrong answer was the quickest or not."""
    with LocalGenerators((), tmp_path) as generators, start_oracle(Behaviour(wrong_every=3)) as sometimes:
        generators.use(SCENARIO)
        (answer,) = generators.ask(SCENARIO.name, sometimes.url)
    assert answer.problem is not None


def test_a_body_that_is_too_long_to_be_compared_is_told_by_its_digest(tmp_path: Path) -> None:
    """It is not sent to the harness; two that differ differ still."""
    bodies = [b"x" * 5_000_000, b"x" * 4_999_999 + b"y"]
    compared = []
    with LocalGenerators((), tmp_path) as generators:
        generators.use(SCENARIO)
        for body in bodies:
            sent = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            with scripted(*[(sent,)] * 3) as server:
                (answer,) = generators.ask(SCENARIO.name, server.url)
            compared.append(answer.body)
    assert [len(body) for body in compared] == [len(compared[0])] * 2
    assert len(compared[0]) < 200
    assert compared[0] != compared[1]


def test_the_bodies_of_all_answers_are_kept_once_decompressed(tmp_path: Path) -> None:
    """The head of gzip holds a time."""
    front = Scenario(name="front", requests=(Request(method="GET", path="/"),))
    cakes = [b"cake", b"cake", b"pie"]
    bodies = [gzip.compress(cake, mtime=moment) for moment, cake in enumerate(cakes)]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    with (
        LocalGenerators((), tmp_path) as generators,
        scripted(*((head % len(body) + body,) for body in bodies)) as server,
    ):
        generators.use(front)
        (answer,) = generators.ask(front.name, server.url)
    assert sorted([answer.body, *answer.others]) == ["cake", "pie"]
