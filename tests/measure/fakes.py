"""A backend and a generator that answer in no time, and a run on them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from bakeoff.load.generator import GeneratorLost, Watcher
from bakeoff.load.messages import Drive, Driven, Second
from bakeoff.measure import Observer, RunContext, measure_new
from bakeoff.model import (
    Answer,
    Block,
    Certificate,
    ClosedLoad,
    Code,
    EndpointCounts,
    Environment,
    Experiment,
    Histogram,
    Load,
    LoadOrigin,
    Manifest,
    Outcomes,
    Run,
    Scenario,
    Stack,
)
from bakeoff.results import load_run
from bakeoff.stacks import ProcessMemory, StartFailure, Unknown, Usage, describe_machine

LATENCY_S = {"a": 0.02, "b": 0.01, "c": 0.02}


class FakeStack:
    """A stack that is always ready and uses 1 ms of CPU each time it is looked at."""

    def __init__(self, stack: Stack, events: list[str], ends: str | None = None) -> None:
        self.stack = stack
        self.url = stack.name
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
        used_s = 1e-3 * self._looks
        return Usage(cpu_s=used_s, rss_bytes=2**20, processes=1, threads=1, cpu_s_by_pid={7: used_s})

    def memory(self) -> dict[int, ProcessMemory]:
        return {7: ProcessMemory(pss_bytes=2**20, private_bytes=2**19)}

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

    def start(self, stack: Stack, block: Block, logs: Path) -> FakeStack:
        if stack.name == "unstartable":
            raise StartFailure("port 80 is taken")
        self.events.append(f"start {stack.name}")
        return FakeStack(stack, self.events, ends="ended with status 3" if stack.name == "dying" else None)


class FakeGenerator:
    """Answers and drives in no time: each stack with a latency of its own, and nothing out of the ordinary."""

    def __init__(
        self,
        answers: dict[str, str] | None = None,
        wrong: Collection[str] = (),
        interrupt_after: int | None = None,
        raising: Collection[str] = (),
    ) -> None:
        """``wrong`` are stacks whose answers are wrong, ``raising`` those whose answers make a task raise."""
        self._raising = raising
        self._answers = answers or {}
        self._wrong = wrong
        self._interrupt_after = interrupt_after
        self.driven: list[Drive] = []

    def use(self, scenario: Scenario) -> None:
        return

    def ask(self, scenario: str, url: str) -> tuple[Answer, ...]:
        body = self._answers.get(url, "cake")
        problem = "not what was expected" if url in self._wrong else None
        if url in self._raising:
            raised = "KeyError: 'slices', raised in buy (shop.py, line 12)"
            return (Answer(endpoint="(task)", method="task", path="buy", status=0, body="", problem=raised),)
        return (Answer(endpoint="/", method="GET", path="/", status=200, body=body, problem=problem),)

    def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
        if self._interrupt_after == len(self.driven):
            raise KeyboardInterrupt
        self.driven.append(order)
        latencies_s = {name: LATENCY_S.get(url, 0.02) for name, url in order.targets.items()}
        load = order.load
        slice_s = watcher.warm(max(latencies_s.values()))
        share = slice_s / len(latencies_s)
        answered = {
            f"{name} /".strip(): (latency_s, int(share * _rate_rps(load, latency_s)))
            for name, latency_s in latencies_s.items()
        }
        watcher.window_opened()
        watcher.tick(0.5, sum(count for _, count in answered.values()) / slice_s)
        watcher.window_closed()
        driven = Driven(
            window_s=slice_s,
            warmup_s=order.warmup_s,
            cpu_s=0.01,
            connections_opened=0,
            requests_sent=sum(count for _, count in answered.values()),
            waited=0,
            endpoints=tuple(
                EndpointCounts(endpoint=endpoint, offered=count, outcomes=Outcomes(right=count), completed=count)
                for endpoint, (_, count) in answered.items()
            ),
            turns_s=dict.fromkeys(latencies_s, share) if len(latencies_s) > 1 and isinstance(load, ClosedLoad) else {},
        )
        return driven, [
            Second(
                second=0, endpoint=endpoint, kind="latency", blob=Histogram.of([int(latency_s * 1e9)] * count).encode()
            )
            for endpoint, (latency_s, count) in answered.items()
        ]


def _rate_rps(load: Load, latency_s: float) -> float:
    return load.users / latency_s if isinstance(load, ClosedLoad) else load.rate_rps


class LosingGenerator(FakeGenerator):
    """One of several that it stands for dies in the first slice."""

    def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
        if not self.driven:
            self.driven.append(order)
            raise GeneratorLost("worker b has been silent for 5 s")
        return super().drive(order, watcher)


def manifest(asked: Experiment, code: dict[str, Code] | None = None) -> Manifest:
    """A manifest for an experiment."""
    return Manifest(
        run_id="20260101T000000Z-test",
        experiment=asked,
        profile="full",
        seed=1,
        machine=describe_machine(),
        state="running",
        started_utc="2026-01-01T00:00:00+00:00",
        load_origin=LoadOrigin(generators=1),
        environments={stack.name: Environment(python="Python 3.11.7", packages={}) for stack in asked.stacks},
        code=code or {stack.name: Code(sha256="c0de" * 16, files=1) for stack in asked.stacks},
    )


def context(backend: FakeBackend | None = None, generator: FakeGenerator | None = None) -> RunContext:
    """What a run on fakes works with."""
    return RunContext(backend or FakeBackend(), generator or FakeGenerator(), Observer(), Certificate)


def measured(asked: Experiment, results: Path) -> Run:
    """A whole run of an experiment on fakes, read from its folder."""
    return load_run(measure_new(manifest(asked), results, context()).path)
