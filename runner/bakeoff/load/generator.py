"""The harness's handle on its load generator: a Locust process that lives as long as the run."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, Self, TypeVar

from bakeoff.errors import BakeoffError, UserError
from bakeoff.load.messages import (
    Answer,
    Answers,
    Ask,
    Drive,
    Driven,
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
from bakeoff.model import Scenario

T = TypeVar("T", bound=Report)


class GeneratorError(BakeoffError):
    """The load generator itself failed. Nothing it measured afterwards can be believed."""


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


class Generator:
    """A Locust process. A context manager: leaving it ends the process."""

    def __init__(self, cpus: Sequence[int], log: Path) -> None:
        """Start it, pinned to ``cpus`` (anywhere if empty), its own messages going to ``log``.

        Raises `GeneratorError` when it does not start.
        """
        ours, theirs = socket.socketpair()
        self._log = log
        with log.open("ab") as messages, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bakeoff.load.child", str(theirs.fileno()), *_pinning(cpus)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                start_new_session=True,
                env=_environment(),
            )
        self._channel = ours
        self._reports: BinaryIO = ours.makefile("rb")
        self._expect(Ready)

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
        """Drive one slice. Returns its account and its histograms."""
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


def _pinning(cpus: Sequence[int]) -> list[str]:
    return [",".join(map(str, cpus))] if cpus else []


def _environment() -> dict[str, str]:
    """This process's environment, so that the child finds the same packages, without Locust's own settings."""
    return {key: value for key, value in os.environ.items() if not key.startswith("LOCUST_")}
