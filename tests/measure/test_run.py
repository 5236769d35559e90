"""The loop starts, asks, drives, records and stops; what fails is recorded and the rest goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bakeoff.experiment.plan import plan_blocks
from bakeoff.load.generator import GeneratorLost, Watcher
from bakeoff.load.messages import Drive, Driven, Second
from bakeoff.measure.run import Observer, RunContext, execute, run_block
from bakeoff.model import (
    Answer,
    Block,
    BlockResult,
    Certificate,
    ClosedLoad,
    EndpointCounts,
    Experiment,
    Histogram,
    Manifest,
    Outcomes,
    Scenario,
    Stack,
)
from bakeoff.results.store import load_run
from bakeoff.stacks import StartFailure, Unknown, Usage, host
from tests.builders import experiment, stack

LATENCY_S = {"a": 0.02, "b": 0.01, "c": 0.02}


class FakeStack:
    """A stack that is always ready and uses 1 ms of CPU each time it is looked at."""

    def __init__(self, one: Stack, events: list[str], ends: str | None = None) -> None:
        self.stack = one
        self.url = one.name
        self.pid = None
        self._events = events
        self._ends = ends
        self._looks = 0

    def wait_ready(self) -> float:
        if self.stack.name == "unready":
            raise StartFailure("not ready within 30 s")
        return 0.5

    def confine(self) -> None:
        return

    def extensions(self) -> tuple[str, ...]:
        return ("uvloop",)

    def usage(self) -> Usage | Unknown:
        if self.stack.name == "elsewhere":
            return Unknown("it runs elsewhere")
        self._looks += 1
        return Usage(cpu_s=1e-3 * self._looks, rss_bytes=2**20, processes=1, threads=1)

    def exit_message(self) -> str | None:
        return self._ends

    def log_tail(self) -> str:
        return "the log's end"

    def ask_to_stop(self) -> None:
        return

    def stop(self) -> None:
        self._events.append(f"stop {self.stack.name}")


class FakeBackend:
    """Starts fakes, and remembers what was started and stopped."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def start(self, one: Stack, block: Block, logs: Path) -> FakeStack:
        if one.name == "unstartable":
            raise StartFailure("port 80 is taken")
        self.events.append(f"start {one.name}")
        return FakeStack(one, self.events, ends="ended with status 3" if one.name == "dying" else None)


class FakeGenerator:
    """Answers and drives in no time: each stack with a latency of its own, and nothing out of the ordinary."""

    def __init__(self, answers: dict[str, str] | None = None, interrupt_after: int | None = None) -> None:
        self._answers = answers or {}
        self._interrupt_after = interrupt_after
        self.driven: list[Drive] = []

    def use(self, scenario: Scenario) -> None:
        return

    def ask(self, scenario: str, url: str) -> tuple[Answer, ...]:
        body = self._answers.get(url, "cake")
        return (Answer(endpoint="/", method="GET", path="/", status=200, body=body),)

    def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
        if self._interrupt_after == len(self.driven):
            raise KeyboardInterrupt
        self.driven.append(order)
        latency_s = LATENCY_S.get(order.targets[""], 0.02)
        load = order.load
        slice_s = watcher.warm(latency_s)
        answered = int((load.users / latency_s if isinstance(load, ClosedLoad) else load.rate_rps) * slice_s)
        watcher.window_opened()
        watcher.tick(0.5, answered / slice_s)
        watcher.window_closed()
        blob = Histogram.of([int(latency_s * 1e9)] * answered).encode()
        driven = Driven(
            window_s=slice_s,
            warmup_s=order.warmup_s,
            cpu_s=0.01,
            connections_opened=0,
            requests_sent=answered,
            waited=0,
            endpoints=(
                EndpointCounts(endpoint="/", offered=answered, outcomes=Outcomes(right=answered), completed=answered),
            ),
        )
        return driven, [Second(second=0, endpoint="/", kind="latency", blob=blob)]


class LosingGenerator(FakeGenerator):
    """One of several that it stands for dies in the first slice."""

    def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
        if not self.driven:
            self.driven.append(order)
            raise GeneratorLost("worker b has been silent for 5 s")
        return super().drive(order, watcher)


def manifest(asked: Experiment) -> Manifest:
    """A manifest for an experiment."""
    return Manifest(
        run_id="20260101T000000Z-test",
        experiment=asked,
        profile="full",
        seed=1,
        machine=host.describe(),
        state="running",
        started_utc="2026-01-01T00:00:00+00:00",
    )


def block_of(stacks: Sequence[Stack], **generator: Any) -> tuple[BlockResult, FakeBackend]:
    """The first block of an experiment on fakes."""
    asked = experiment(*stacks)
    backend = FakeBackend()
    context = RunContext(backend, FakeGenerator(**generator), Observer(), Certificate)
    result, _ = run_block(asked, plan_blocks(asked, 1)[0], Path(), context)
    return result, backend


def test_a_run_leaves_a_whole_folder(tmp_path: Path) -> None:
    """Manifest, blocks, summary and reports, and every slice has its record."""
    asked = experiment()
    run = execute(manifest(asked), tmp_path, RunContext(FakeBackend(), FakeGenerator(), Observer(), Certificate))
    folder = tmp_path / run.manifest.run_id
    assert load_run(folder).summary == run.summary
    assert run.manifest.state == "complete"
    assert len(run.blocks) == asked.blocks
    assert all(len(block.records) == 12 for block in run.blocks)
    assert (folder / "report.html").exists()


def test_twice_the_speed_is_found_and_called_faster(tmp_path: Path) -> None:
    """B answers in half of a's time, c in the same."""
    context = RunContext(FakeBackend(), FakeGenerator(), Observer(), Certificate)
    run = execute(manifest(experiment()), tmp_path, context)
    found = {
        (one.candidate, one.metric): one
        for one in run.summary.comparisons
        if isinstance(one.load, ClosedLoad) and one.endpoint == "*"
    }
    assert found["b", "throughput"].ratio.point == pytest.approx(2.0, rel=1e-3)
    assert found["b", "latency_p50"].ratio.point == pytest.approx(0.5, rel=1e-2)
    assert found["b", "throughput"].verdict == found["b", "latency_p50"].verdict == "faster"
    assert found["c", "throughput"].verdict == "same"


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
    result, _ = block_of([stack("a"), stack(name)])
    failed = [record.failure for record in result.records if record.stack == name]
    assert {(one.stage, one.message) for one in failed if one} == {(stage, message)}
    assert len([one for one in failed if one]) == 4
    assert all(record.failure is None for record in result.records if record.stack == "a")


def test_a_slice_that_lost_a_generator_is_a_failed_record_and_the_rest_goes_on() -> None:
    """The stack is not to blame: its other slices are measured."""
    asked = experiment(stack("a"), stack("b"))
    context = RunContext(FakeBackend(), LosingGenerator(), Observer(), Certificate)
    result, _ = run_block(asked, plan_blocks(asked, 1)[0], Path(), context)
    first, *others = result.records
    assert first.failure
    assert (first.failure.stage, first.failure.message) == ("load", "worker b has been silent for 5 s")
    assert [one.failure for one in others] == [None] * 7


def test_a_stack_with_another_answer_is_not_measured() -> None:
    """Comparing the speed of different answers would mean nothing."""
    result, _ = block_of([stack("a"), stack("b")], answers={"b": "pie"})
    failures = [record.failure for record in result.records if record.stack == "b"]
    assert {one.message for one in failures if one} == {"GET /: body is 'pie', the baseline's 'cake'"}


def test_a_stack_whose_use_nobody_can_see_has_a_valid_row_without_it(tmp_path: Path) -> None:
    """CPU time and memory are missing, with the reason, and never zero; no ratio of them is made."""
    context = RunContext(FakeBackend(), FakeGenerator(), Observer(), Certificate)
    run = execute(manifest(experiment(stack("a"), stack("elsewhere"))), tmp_path, context)
    rows = [row for row in run.summary.results if row.stack == "elsewhere"]
    assert all(row.valid and row.throughput_rps and row.latency_ms.p50 for row in rows)
    assert {(row.cpu_ms_per_request, row.rss_mib) for row in rows} == {(None, None)}
    assert all("server CPU time and memory are unknown: it runs elsewhere" in row.withheld for row in rows)
    assert {one.metric for one in run.summary.comparisons} & {"throughput", "cpu_per_request"} == {"throughput"}


def test_an_interrupted_run_says_so_and_stops_its_stacks(tmp_path: Path) -> None:
    """Complete blocks are kept."""
    asked = experiment()
    backend = FakeBackend()
    context = RunContext(backend, FakeGenerator(interrupt_after=17), Observer(), Certificate)
    with pytest.raises(KeyboardInterrupt):
        execute(manifest(asked), tmp_path, context)
    (folder,) = tmp_path.iterdir()
    stored = (folder / "manifest.json").read_text("utf-8")
    assert '"state": "failed"' in stored
    assert '"error": "KeyboardInterrupt"' in stored
    assert [path.parent.name for path in folder.glob("blocks/*/record.json")] == ["0000"]
    assert sum(event.startswith("start") for event in backend.events) == 6
    assert sum(event.startswith("stop") for event in backend.events) == 6
