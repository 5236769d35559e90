"""Whole gates on fakes: what goes wrong is in the verdict, and no gate passes on an account that is not complete."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from bakeoff.gate import execute_gate
from bakeoff.load import GeneratorError
from bakeoff.load.generator import Watcher
from bakeoff.load.messages import Drive, Driven, Second
from bakeoff.model import Block, EndpointCounts, GateResult, GateSettings, Outcomes, Scenario, Stack
from bakeoff.stacks import StartFailure
from tests.builders import experiment, stack
from tests.measure.fakes import FakeBackend, FakeGenerator, FakeStack, context, manifest

Change = Callable[[EndpointCounts], EndpointCounts]


class ChangedGenerator(FakeGenerator):
    """Reports the account of the head, or of both sides, changed."""

    def __init__(self, change: Change, sides: tuple[str, ...] = ("head",), users: int | None = None) -> None:
        super().__init__()
        self._change = change
        self._sides = sides
        self._users = users

    def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
        driven, seconds = super().drive(order, watcher)
        endpoints = tuple(
            self._change(counts) if counts.endpoint.startswith(self._sides) else counts for counts in driven.endpoints
        )
        return replace(driven, endpoints=endpoints, users=self._users, user_error="KeyError: 'login'"), seconds


class FailingGenerator(FakeGenerator):
    """Fails in the second slice, or when it is to load the scenario."""

    def __init__(self, *, at_once: bool) -> None:
        super().__init__()
        self._at_once = at_once

    def use(self, scenario: Scenario) -> None:
        if self._at_once:
            raise GeneratorError("the load generator has reported nothing for 120 s")

    def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
        if len(self.driven) == 2:
            raise GeneratorError("the load generator has reported nothing for 120 s")
        return super().drive(order, watcher)


class FailingBackend(FakeBackend):
    """Some starts of a side fail, counted from the first one, which is that of the probe."""

    def __init__(self, side: str, *failing: int) -> None:
        super().__init__()
        self._side = side
        self._failing = failing
        self._starts = 0

    def start(self, stack: Stack, block: Block, logs: Path) -> FakeStack:
        if stack.name == self._side:
            self._starts += 1
            if self._starts in self._failing:
                raise StartFailure("no flour")
        return super().start(stack, block, logs)


def gate(folder: Path, generator: FakeGenerator, backend: FakeBackend | None = None) -> GateResult:
    """The stored result of a gate of equal sides."""
    asked = experiment(stack("base"), stack("head"), loads=(), gate=GateSettings(users=8, budget_s=3.0, rate_rps=100.0))
    _, summary = execute_gate(
        manifest(asked), folder, context(backend, generator), ("main", "working tree"), time.monotonic()
    )
    assert summary.gate is not None
    return summary.gate


def rejected(share: float) -> Change:
    """A check that raises for a share of the answers."""

    def change(counts: EndpointCounts) -> EndpointCounts:
        wrong = round(share * counts.offered)
        return replace(
            counts,
            outcomes=Outcomes(right=counts.offered - wrong, wrong=wrong),
            completed=counts.offered - wrong,
            reason="the check raised KeyError: 'cake'",
        )

    return change


def one_lost(counts: EndpointCounts) -> EndpointCounts:
    """A request without an outcome."""
    return replace(counts, offered=counts.offered + 1)


def test_a_head_whose_answers_make_a_check_raise_once_in_150_requests_does_not_pass(tmp_path: Path) -> None:
    """It fails more requests than the base, and the exception is the reason."""
    result = gate(tmp_path, ChangedGenerator(rejected(1 / 150)))
    assert result.verdict == "regression"
    assert result.errors["base"].errors == 0
    assert any("the check raised KeyError: 'cake'" in reason for reason in result.reasons)


def test_a_request_without_an_outcome_makes_a_gate_invalid(tmp_path: Path) -> None:
    """At once: what is missing may be the very difference."""
    result = gate(tmp_path, ChangedGenerator(one_lost))
    assert (result.verdict, result.exit_code, result.blocks) == ("invalid", 3, 0)
    assert any(reason.startswith("head: /: ") and "accounted for" in reason for reason in result.reasons)


def test_a_request_of_neither_side_makes_a_gate_invalid(tmp_path: Path) -> None:
    """It would be missing from both accounts."""
    result = gate(tmp_path, ChangedGenerator(lambda counts: replace(counts, endpoint="(task)")))
    assert result.verdict == "invalid"
    assert any("(task) belong to neither base nor head" in reason for reason in result.reasons)


def test_users_that_have_ended_make_a_gate_invalid(tmp_path: Path) -> None:
    """The load was not the one that is stated; the reason says what ended them."""
    result = gate(tmp_path, ChangedGenerator(lambda counts: counts, users=7))
    assert result.verdict == "invalid"
    assert any("only 7 of 8 users were running" in reason and "'login'" in reason for reason in result.reasons)


def test_errors_at_both_sides_make_a_gate_invalid(tmp_path: Path) -> None:
    """Such as those of a scenario whose data have run out: the effects are those of another workload."""
    result = gate(tmp_path, ChangedGenerator(rejected(0.02), sides=("base", "head")))
    assert result.verdict == "invalid"
    assert any("at the base, " in reason and "'cake'" in reason for reason in result.reasons)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_generator_that_fails_makes_a_gate_invalid(tmp_path: Path, at_once: bool) -> None:
    """The result says what happened."""
    result = gate(tmp_path, FailingGenerator(at_once=at_once))
    assert (result.verdict, result.exit_code) == ("invalid", 3)
    assert "the load generator has reported nothing for 120 s" in result.reasons


@pytest.mark.parametrize("start", [1, 3])
def test_a_head_that_fails_once_is_started_again(tmp_path: Path, start: int) -> None:
    """In the probe or in a block: an accident is no regression, and is not left unsaid."""
    result = gate(tmp_path, FakeGenerator(), FailingBackend("head", start))
    assert result.verdict in ("pass", "inconclusive")
    assert "head did not start: no flour; both were started again" in result.reasons


@pytest.mark.parametrize("starts", [(1, 2), (1, 4), (3, 4), (2, 5)])
def test_a_head_that_fails_twice_is_a_regression(tmp_path: Path, starts: tuple[int, int]) -> None:
    """At once or later."""
    result = gate(tmp_path, FakeGenerator(), FailingBackend("head", *starts))
    assert (result.verdict, result.exit_code, result.broken_head) == ("regression", 1, "head did not start: no flour")


def test_a_base_that_fails_makes_a_gate_invalid(tmp_path: Path) -> None:
    """Nothing is left to compare with."""
    result = gate(tmp_path, FakeGenerator(), FailingBackend("base", 1))
    assert (result.verdict, result.exit_code) == ("invalid", 3)
