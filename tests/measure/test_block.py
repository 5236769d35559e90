"""A block starts its stacks, asks, drives, records and stops; what fails is recorded and the rest is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bakeoff.experiment import plan_blocks
from bakeoff.load.generator import Watcher
from bakeoff.load.messages import Drive, Driven, Second
from bakeoff.measure import measure_block
from bakeoff.model import Answer, BlockResult, Stack, UserError
from bakeoff.stacks import Unknown, Usage
from tests.builders import experiment, stack
from tests.measure.fakes import FakeBackend, FakeGenerator, FakeStack, LosingGenerator, context


def block_of(stacks: Sequence[Stack], **generator: Any) -> tuple[BlockResult, FakeBackend]:
    """The first block of an experiment on fakes."""
    asked = experiment(*stacks)
    backend = FakeBackend()
    block = plan_blocks(asked, 1)[0]
    result, _ = measure_block(asked, block, Path(), context(backend, FakeGenerator(**generator)))
    return result, backend


def test_stacks_start_in_the_order_of_the_draw_and_are_all_stopped() -> None:
    """Nothing is left behind."""
    result, backend = block_of([stack("a"), stack("b"), stack("c")])
    starts = [event.removeprefix("start ") for event in backend.events if event.startswith("start")]
    stops = {event.removeprefix("stop ") for event in backend.events if event.startswith("stop")}
    assert tuple(starts) == plan_blocks(experiment(), 1)[0].start_order
    assert stops == {"a", "b", "c"}
    assert set(result.ready_s) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("name", "stage", "message"),
    [
        ("unstartable", "start", "port 80 is taken"),
        ("unready", "start", "not ready within 30 s"),
        ("dying", "exit", "ended with status 3"),
    ],
)
def test_a_stack_that_fails_is_a_record_and_the_rest_goes_on(name: str, stage: str, message: str) -> None:
    """Each of its slices says why; the others are measured."""
    result, _ = block_of([stack("a"), stack(name), stack("c")])
    failed = [record.failure for record in result.records if record.stack == name]
    assert {(failure.stage, failure.message) for failure in failed if failure} == {(stage, message)}
    assert len([failure for failure in failed if failure]) == 4
    assert all(record.failure is None for record in result.records if record.stack == "a")


def test_each_process_is_recorded_with_what_it_used_and_holds() -> None:
    """Its CPU time within the window, its memory after the slice."""
    result, _ = block_of([stack("a"), stack("elsewhere")])
    for record in result.records:
        if record.stack == "elsewhere":
            assert record.server is None
        else:
            assert record.server is not None
            (process,) = record.server.by_process
            assert process.cpu_s == pytest.approx(record.server.cpu_s)
            assert (process.pss_bytes, process.private_bytes) == (2**20, 2**19)


def test_idle_stacks_are_looked_at_outside_of_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at many takes long: it would disturb the load, and miss CPU time of the measured stack."""
    events: list[str] = []
    usage = FakeStack.usage

    def noted(self: FakeStack) -> Usage | Unknown:
        events.append(self.stack.name)
        return usage(self)

    class NotingWatcher(Watcher):
        def __init__(self, watcher: Watcher) -> None:
            self._watcher = watcher

        def warm(self, mean_latency_s: float) -> float:
            return self._watcher.warm(mean_latency_s)

        def window_opened(self) -> None:
            events.append("opened")
            self._watcher.window_opened()

        def window_closed(self) -> None:
            events.append("closed")
            self._watcher.window_closed()

    class NotingGenerator(FakeGenerator):
        def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
            driven = super().drive(order, NotingWatcher(watcher))
            opened, closed = events.index("opened"), events.index("closed")
            (measured,) = order.targets.values()
            assert events[opened + 1 : closed] == [measured]
            assert events[closed + 1] == measured
            events.clear()
            return driven

    monkeypatch.setattr(FakeStack, "usage", noted)
    asked = experiment(stack("a"), stack("b"), stack("c"))
    result, _ = measure_block(asked, plan_blocks(asked, 1)[0], Path(), context(FakeBackend(), NotingGenerator()))
    assert all(record.server and record.server.others_cpu_s > 0 for record in result.records)


def test_a_slice_that_lost_a_generator_is_a_failed_record_and_the_rest_goes_on() -> None:
    """The stack is not to blame: its other slices are measured."""
    asked = experiment(stack("a"), stack("b"))
    result, _ = measure_block(asked, plan_blocks(asked, 1)[0], Path(), context(generator=LosingGenerator()))
    first, *others = result.records
    assert first.failure
    assert (first.failure.stage, first.failure.message) == ("load", "worker b has been silent for 5 s")
    assert [record.failure for record in others] == [None] * 7


def test_a_stack_with_another_answer_is_not_measured() -> None:
    """Comparing the speed of different answers would mean nothing."""
    result, _ = block_of([stack("a"), stack("b"), stack("c")], answers={"b": "pie"})
    failures = {record.failure.message for record in result.records if record.failure}
    assert {record.stack for record in result.records if record.failure} == {"b"}
    (message,) = failures
    assert message.startswith("GET /: body is 'pie', the baseline's 'cake'; if both are right, set ")


def test_wrong_answers_are_the_failure_of_the_stack_that_gave_them_alone() -> None:
    """A stack that is asked after it is measured, compared with the baseline."""
    result, _ = block_of([stack("a"), stack("b"), stack("c")], wrong={"b"})
    failures = {record.stack: record.failure.message for record in result.records if record.failure}
    assert failures == {"b": "GET /: not what was expected"}


def test_a_baseline_with_wrong_answers_is_replaced_as_reference() -> None:
    """The next stack whose answers are right takes its place."""
    result, _ = block_of([stack("a"), stack("b"), stack("c")], wrong={"a"}, answers={"c": "pie"})
    failures = {record.stack: record.failure.message for record in result.records if record.failure}
    assert failures["a"] == "GET /: not what was expected"
    assert failures["c"].startswith("GET /: body is 'pie', the baseline's 'cake'")


def test_a_stack_whose_answers_make_a_task_raise_has_failed_alone() -> None:
    """The others show that the scenario is not to blame."""
    result, _ = block_of([stack("a"), stack("b"), stack("c")], raising={"b"})
    failures = {record.stack: record.failure.message for record in result.records if record.failure}
    assert failures == {"b": "task buy: KeyError: 'slices', raised in buy (shop.py, line 12)"}


def test_a_task_that_raises_whichever_stack_answers_is_the_users_mistake() -> None:
    """With the place and a remedy."""
    with pytest.raises(UserError, match=r"scenario 'front': KeyError: 'slices', raised in .*; fix it, or try it alone"):
        block_of([stack("a"), stack("b")], raising={"a", "b"})


class CountingGenerator(FakeGenerator):
    """Each answer holds the number of answers that all stacks have given so far."""

    def ask(self, scenario: str, url: str) -> tuple[Answer, ...]:
        (answer,) = super().ask(scenario, url)
        self.asked = getattr(self, "asked", 0) + 1
        return (msgspec.structs.replace(answer, body=f"{answer.body} at {self.asked}"),)


@pytest.mark.parametrize(("answers", "failed"), [({}, set()), ({"b": "pie"}, {"b"})])
def test_what_changes_with_time_is_no_difference(answers: dict[str, str], failed: set[str]) -> None:
    """A clock that shows seconds is the same in answers that come at once; later ones show that it goes."""
    asked = experiment(stack("a"), stack("b"), stack("c"))
    generator = CountingGenerator(answers=answers)
    result, _ = measure_block(asked, plan_blocks(asked, 1)[0], Path(), context(generator=generator))
    assert {record.stack for record in result.records if record.failure} == failed


class WorkersGenerator(FakeGenerator):
    """Each stack has workers that name themselves in their answers; the second is reached the fourth time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def ask(self, scenario: str, url: str) -> tuple[Answer, ...]:
        (answer,) = super().ask(scenario, url)
        self.asked[url] += 1
        return (msgspec.structs.replace(answer, body=f"worker {url}{self.asked[url] // 4}"),)


def test_what_differs_between_the_workers_of_a_stack_is_no_difference() -> None:
    """Though one worker may give all of the first answers."""
    asked, generator = experiment(stack("a"), stack("b")), WorkersGenerator()
    result, _ = measure_block(asked, plan_blocks(asked, 1)[0], Path(), context(generator=generator))
    assert {record.failure for record in result.records} == {None}
    assert generator.asked == {"a": 4, "b": 4}


def test_stacks_that_take_long_and_differ_are_asked_again_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bakeoff.measure.block.ASKED_AGAIN_FOR_S", -1.0)
    asked, generator = experiment(stack("a"), stack("b")), WorkersGenerator()
    result, _ = measure_block(asked, plan_blocks(asked, 1)[0], Path(), context(generator=generator))
    assert {record.stack for record in result.records if record.failure} == {"b"}
    assert generator.asked == {"a": 2, "b": 2}


@pytest.mark.parametrize(("number", "measured"), [(0, set()), (1, {"a"})])
def test_the_first_block_measures_nothing_where_nothing_is_left_to_compare(number: int, measured: set[str]) -> None:
    """In later ones a stack has failed that did run."""
    asked = experiment(stack("a"), stack("unready"))
    generator = FakeGenerator()
    result, _ = measure_block(asked, plan_blocks(asked, 1)[number], Path(), context(generator=generator))
    assert {record.stack for record in result.records if record.failure} == {"unready"}
    assert {record.stack for record in result.records if not record.failure} == measured
    assert bool(generator.driven) == bool(measured)
