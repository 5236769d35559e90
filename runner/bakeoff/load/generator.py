"""The harness's handle on its load generator: a Locust process that lives as long as the run."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, Self, TypeVar

from bakeoff.load.messages import (
    Answers,
    Ask,
    Drive,
    Driven,
    Lost,
    OpenWindow,
    Order,
    Ready,
    Report,
    Second,
    Stop,
    Tick,
    Trouble,
    UseScenario,
    Warm,
    WindowClosed,
    WindowOpened,
    line,
    report_decoder,
)
from bakeoff.load.process import pinning, start_module
from bakeoff.model import Answer, BakeoffError, Scenario, UserError

T = TypeVar("T", bound=Report)


class GeneratorError(BakeoffError):
    """The load generator itself failed. Nothing it measured afterwards can be believed."""


class GeneratorLost(GeneratorError):
    """One of several generators ended in the middle of a slice. The slice is void; those that are left can go on."""


class Watcher:
    """Told what goes on within a slice, and asked how long it is to be."""

    def warm(self, mean_latency_s: float) -> float:
        """The warm-up is over, and saw this mean latency; returns how long the window is to be, in seconds."""
        raise NotImplementedError

    def window_opened(self) -> None:
        """Requests count from now on."""

    def window_closed(self) -> None:
        """The measured window is over."""

    def tick(self, elapsed_s: float, rate_rps: float) -> None:
        """A moment within the window."""


class FixedLength(Watcher):
    """A window of a given length."""

    def __init__(self, slice_s: float) -> None:
        self._slice_s = slice_s

    def warm(self, mean_latency_s: float) -> float:
        """As long as was asked for."""
        return self._slice_s


class LoadGenerator(Protocol):
    """What drives the load: one process (`Generator`) or several (`bakeoff.load.fleet.Fleet`)."""

    def use(self, scenario: Scenario) -> None: ...
    def ask(self, scenario: str, url: str) -> tuple[Answer, ...]: ...
    def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]: ...


class GeneratorProcess:
    """A process that takes orders and drives slices, by itself or through others.

    A context manager: leaving it ends the process.
    """

    def __init__(self, module: str, arguments: Sequence[str], log: Path) -> None:
        """Start a module as that process, its own messages going to ``log``."""
        self._log = log
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = start_module(module, [theirs], arguments, log)
        self._reports: BinaryIO = self._channel.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            try:
                self._channel.sendall(line(Stop()))
                self._channel.shutdown(socket.SHUT_RDWR)
                self._process.wait(timeout=2)
            except (OSError, subprocess.TimeoutExpired):
                self._process.kill()
        self._process.wait()
        self._reports.close()
        self._channel.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def use(self, scenario: Scenario) -> None:
        """Load a scenario. Raises `UserError` when it cannot be used."""
        self._tell(UseScenario(scenario=scenario))
        self._expect(Ready)

    def ask(self, scenario: str, url: str) -> tuple[Answer, ...]:
        """What a target answers to each task of a scenario."""
        self._tell(Ask(scenario=scenario, url=url))
        return self._expect(Answers).answers

    def drive(self, order: Drive, watcher: Watcher) -> tuple[Driven, list[Second]]:
        """Drive one slice. Returns its account and its histograms.

        Raises `GeneratorLost` when one of several that drive it together ended, and others are left.
        """
        self._tell(order)
        seconds: list[Second] = []
        for report in self._listen():
            match report:
                case Warm(mean_latency_s=mean_latency_s):
                    self._tell(OpenWindow(slice_s=watcher.warm(mean_latency_s)))
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
                case Lost(message=message):
                    raise GeneratorLost(message)
                case _:
                    raise GeneratorError(f"the load generator said {report!r} in the middle of a slice")
        raise self._gone()

    def _tell(self, order: Order) -> None:
        try:
            self._channel.sendall(line(order))
        except OSError as error:
            raise self._gone() from error

    def _listen(self) -> Iterable[Report]:
        for received in self._lines():
            report = report_decoder.decode(received)
            if isinstance(report, Trouble):
                raise UserError(report.message) if report.users_mistake else GeneratorError(report.message)
            yield report

    def _lines(self) -> Iterable[bytes]:
        """What the process says, until it ends, in whatever way."""
        with contextlib.suppress(ConnectionResetError):
            # Not "yield from", which would close the channel when the caller stops listening.
            for received in self._reports:  # noqa: UP028
                yield received

    def _expect(self, kind: type[T]) -> T:
        for report in self._listen():
            if not isinstance(report, kind):
                raise GeneratorError(f"the load generator said {report!r} where {kind.__name__} was due")
            return report
        raise self._gone()

    def _gone(self) -> GeneratorError:
        status = self._process.wait()
        return GeneratorError(f"the load generator ended with status {status}; its messages are in {self._log}")


class Generator(GeneratorProcess):
    """A Locust process on this machine."""

    def __init__(self, cpus: Sequence[int], log: Path) -> None:
        """Start it, pinned to ``cpus`` (anywhere if empty), its own messages going to ``log``.

        Raises `GeneratorError` when it does not start.
        """
        super().__init__("bakeoff.load.child", pinning(cpus), log)
        self._expect(Ready)
