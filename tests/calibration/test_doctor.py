"""The doctor examines a real generator, and does not certify one that miscounts or whose send lag is unknown."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from bakeoff.calibration import Doctor
from bakeoff.calibration.doctor import FULL, SHORT, cases
from bakeoff.calibration.oracle import OracleProcess, start_oracle
from bakeoff.load import Drive, Driven, LoadGenerator, LocalGenerators, Second, Watcher
from bakeoff.model import Answer, OracleCheck, Scenario


@pytest.fixture(scope="module")
def generators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGenerators]:
    """A generator of one process."""
    with LocalGenerators((), tmp_path_factory.mktemp("logs")) as generators:
        yield generators


class Wrapped:
    """A generator that reports something else than it measured."""

    def __init__(self, generator: LoadGenerator) -> None:
        self._generator = generator

    def use(self, scenario: Scenario) -> None:
        self._generator.use(scenario)

    def ask(self, scenario: str, url: str) -> tuple[Answer, ...]:
        return self._generator.ask(scenario, url)

    def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
        driven, seconds = self._generator.drive(order, watcher)
        return self.change(driven), self.keep(seconds)

    def change(self, driven: Driven) -> Driven:
        return driven

    def keep(self, seconds: list[Second]) -> list[Second]:
        return seconds


class Silent(Wrapped):
    """A generator that is never driven."""

    def __init__(self) -> None:
        return

    def use(self, scenario: Scenario) -> None:
        return


class Miscounting(Wrapped):
    """Forgets one right answer."""

    def change(self, driven: Driven) -> Driven:
        first, *others = driven.endpoints
        outcomes = msgspec.structs.replace(first.outcomes, right=first.outcomes.right - 1)
        endpoints = (msgspec.structs.replace(first, outcomes=outcomes), *others)
        return msgspec.structs.replace(driven, endpoints=endpoints)


class WithoutLag(Wrapped):
    """Does not say how late it sent."""

    def keep(self, seconds: list[Second]) -> list[Second]:
        return [second for second in seconds if second.kind != "lag"]


def test_the_full_examination_has_every_case_of_the_short_one_and_more() -> None:
    """Both have a stall and every fault; delays are examined in the full one only."""
    short, full = [case.name for case in cases(SHORT)], [case.name for case in cases(FULL)]
    assert short == ["5 ms with a stall of 100 ms every 0.5 s", "every fault, closed loop", "every fault, open loop"]
    assert full == [
        "5 ms with a stall of 320 ms every 1.6 s",
        "lognormal 5 ms",
        "bimodal 2 or 50 ms",
        "every fault, closed loop",
        "every fault, open loop",
    ]


@pytest.mark.e2e
def test_a_certificate_has_ceilings_and_a_check_of_each_case(generators: LocalGenerators) -> None:
    """Whether it is certified depends on how busy the machine is: late answers time out."""
    steps: list[str] = []
    certificate = Doctor(generators, (), steps.append).short_certificate()

    assert steps[0] == "ceiling, closed loop"
    assert set(steps) >= {case.name for case in cases(SHORT)}
    assert {check.case for check in certificate.oracle} == {case.name for case in cases(SHORT)}
    assert all(check.ok for check in certificate.oracle if check.what == "offered = sum of outcomes")
    assert certificate.closed_ceiling_rps is not None
    assert certificate.closed_ceiling_rps > 100
    assert set(certificate.send_lag_us) == {"p50", "p90", "p99", "p999"}
    assert certificate.certified == (certificate.reasons == ())


@pytest.mark.e2e
def test_a_generator_that_loses_one_answer_is_not_certified(generators: LocalGenerators) -> None:
    """In either loop."""
    certificate = Doctor(Miscounting(generators), (), lambda _: None).short_certificate()

    assert not certificate.certified
    assert certificate.failed
    wrong = {(check.case, check.what) for check in certificate.oracle if not check.ok}
    assert {("every fault, closed loop", "right"), ("every fault, open loop", "right")} <= wrong


@pytest.mark.e2e
def test_a_generator_without_a_known_lag_has_no_open_ceiling_and_is_not_certified(generators: LocalGenerators) -> None:
    """An unknown lag is not a small one."""
    certificate = Doctor(WithoutLag(generators), (), lambda _: None).short_certificate()

    assert certificate.open_ceiling_rps is None
    assert certificate.send_lag_us == {}
    assert "send lag p99 is unknown ms, limit 5 ms" in certificate.reasons
    assert not certificate.certified


@pytest.mark.e2e
def test_an_oracle_that_is_killed_fails_the_examination(
    generators: LocalGenerators, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it served until then shows nothing of the generator."""

    def start_and_kill(*arguments: Any) -> OracleProcess:
        oracle = start_oracle(*arguments)
        os.kill(oracle.pid, signal.SIGKILL)
        return oracle

    monkeypatch.setattr("bakeoff.calibration.doctor.start_oracle", start_and_kill)
    certificate = Doctor(generators, (), lambda _: None).short_certificate()

    assert (certificate.certified, certificate.failed) == (False, True)
    assert certificate.reasons[0].startswith("the examination was interrupted: the oracle")


def test_a_case_that_fails_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may have disturbed it; a generator that is wrong fails every time."""
    failed = OracleCheck(case="stall", what="p99", asked=5.0, measured=9.0, ok=False)
    passed = msgspec.structs.replace(failed, measured=5.0, ok=True)
    results = iter([(failed,)] * 4 + [(passed,)] + [(failed,)] * 5)
    doctor = Doctor(Silent(), (), lambda _: None)
    monkeypatch.setattr(doctor, "_check", lambda case: next(results))
    (case, *_) = cases(SHORT)
    assert doctor._check_until_right(case) == (passed,)
    assert doctor._check_until_right(case) == (failed,)
