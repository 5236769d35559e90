"""The harness's handle on its generators, which it uses as one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from bakeoff.load.channels import Channel, GeneratorError, LocalChannel
from bakeoff.load.coordinator import AskCoordinator, Coordinator, DriveCoordinator, Step, UseCoordinator
from bakeoff.load.messages import (
    Answers,
    Ask,
    Drive,
    Driven,
    GeneratorProblem,
    ListSources,
    Lost,
    Report,
    Second,
    Sources,
    Tick,
    UseScenario,
    Warm,
    WindowClosed,
    WindowOpened,
)
from bakeoff.model import Answer, Scenario, UserError

POLL_S = 0.5


@dataclass(frozen=True)
class Limits:
    """How long generators may take before the run fails."""

    silence_s: float = 120.0
    """To report something, beyond what the order allows."""
    load_s: float = 300.0
    """To import a scenario."""
    task_s: float = 120.0
    """To run a task alone, whose requests may all time out."""


class GeneratorLost(GeneratorError):
    """One of several generators ended in the middle of a slice. The slice is void; the others can go on."""


class Watcher:
    """Follows a slice while it is driven, and decides how long its window is."""

    def warm(self, mean_latency_s: float) -> float:
        """The warm-up is over, and saw this mean latency; returns the length of the window in seconds."""
        raise NotImplementedError

    def window_opened(self) -> None:
        """Requests count from now on."""

    def window_closed(self) -> None:
        """The measured window is over."""

    def tick(self, elapsed_s: float, rate_rps: float) -> None:
        """Called a few times a second within the window."""


class FixedLength(Watcher):
    """A window of a fixed length."""

    def __init__(self, slice_s: float) -> None:
        self._slice_s = slice_s

    def warm(self, mean_latency_s: float) -> float:
        """The fixed length."""
        return self._slice_s


class LoadGenerator(Protocol):
    """What drives the load."""

    def use(self, scenario: Scenario) -> None:
        """Load a scenario."""
        ...

    def ask(self, scenario: str, url: str) -> tuple[Answer, ...]:
        """A target's answers to each task of a scenario, without load."""
        ...

    def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
        """Drive one slice; its account and its histograms."""
        ...


class Generators:
    """Generators behind a channel, which carry out each order together. A context manager: leaving it ends them.

    Every method raises `UserError` for a mistake in a scenario, and `GeneratorError` when generators fail.
    """

    def __init__(self, channel: Channel, limits: Limits = Limits()) -> None:
        self._channel = channel
        self._limits = limits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def use(self, scenario: Scenario) -> None:
        """Load a scenario in every generator."""
        coordinator = UseCoordinator(UseScenario(scenario=scenario), self._members())
        for _ in self._reports(coordinator, self._limits.load_s):
            pass

    def ask(self, scenario: str, url: str) -> tuple[Answer, ...]:
        """A target's answers to each task of a scenario, without load; one generator asks."""
        order = Ask(scenario=scenario, url=url, task_within_s=self._limits.task_s)
        coordinator = AskCoordinator(order, self._members())
        (answers,) = self._reports(coordinator, self._limits.silence_s + self._limits.task_s)
        assert isinstance(answers, Answers)
        return answers.answers

    def list_sources(self, order: ListSources) -> dict[str, str]:
        """Digests of the Python files that scenarios have imported from some folders."""
        (sources,) = self._reports(AskCoordinator(order, self._members()), self._limits.silence_s)
        assert isinstance(sources, Sources)
        return sources.digests

    def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
        """Drive one slice; its account and its histograms.

        Raises `GeneratorLost` when a generator ended meanwhile, and others are left.
        """
        coordinator = DriveCoordinator(order, self._members(), shared_clock=self._channel.shared_clock)
        silence_s = self._limits.silence_s + order.warmup_s + order.max_warmup_s + order.timeout_s
        seconds: list[Second] = []
        for report in self._reports(coordinator, silence_s):
            match report:
                case Warm(mean_latency_s=mean_latency_s):
                    self._send(coordinator.open_window(watcher.warm(mean_latency_s), time.monotonic()))
                case WindowOpened():
                    watcher.window_opened()
                case WindowClosed():
                    watcher.window_closed()
                case Tick(elapsed_s=elapsed_s, rate_rps=rate_rps):
                    watcher.tick(elapsed_s, rate_rps)
                case Second():
                    seconds.append(report)
                case Driven():
                    return report, seconds
                case _:
                    raise GeneratorError(f"the load generator reported {report!r} in the middle of a slice")
        raise AssertionError("a slice ends with an account or an error")

    def _members(self) -> Sequence[str]:
        members = self._channel.members()
        if not members:
            raise GeneratorError("no worker is left")
        return members

    def _send(self, step: Step) -> None:
        for member, order in step.orders:
            self._channel.send(member, order)

    def _reports(self, coordinator: Coordinator, silence_s: float) -> Iterator[Report]:
        """Carry out an order: its reports, as they come. Raises what goes wrong."""
        step = coordinator.begin()
        self._send(step)
        reported_s = time.monotonic()
        while True:
            for member, report in self._channel.receive(POLL_S):
                reported_s = time.monotonic()
                if isinstance(report, Lost):
                    step = coordinator.lose(member, report.message, reported_s)
                else:
                    step = coordinator.report(member, report, reported_s)
                self._send(step)
                yield from self._checked(step)
                if step.over:
                    return
            if time.monotonic() - reported_s > silence_s:
                places = "".join(f"; it hangs at {place}" for place in self._channel.whereabouts())
                raise GeneratorError(f"the load generator has reported nothing for {silence_s:g} s{places}")

    def _checked(self, step: Step) -> Iterator[Report]:
        for report in step.reports:
            if isinstance(report, GeneratorProblem):
                raise UserError(report.message) if report.user_error else GeneratorError(report.message)
            if isinstance(report, Lost):
                if self._channel.members():
                    raise GeneratorLost(report.message)
                raise GeneratorError(f"{report.message}; no worker is left")
            yield report


class LocalGenerators(Generators):
    """Generators that are processes on this machine."""

    def __init__(
        self, cpus: Sequence[int], logs: Path, processes: int | None = None, limits: Limits = Limits()
    ) -> None:
        """Start one process for each of ``cpus``, or as many as ``processes`` says; their messages go to ``logs``.

        Raises `GeneratorError` when one does not start.
        """
        channel = LocalChannel(cpus, logs, processes)
        super().__init__(channel, limits)
        self.pids = channel.pids
