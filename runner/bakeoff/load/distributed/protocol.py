"""Messages between master and worker, beside the orders and reports of `bakeoff.load.messages`. Pure.

Each ZeroMQ message holds one or more JSON objects, one a line. A worker begins with `Hello`, the master answers with
`Terms`, the worker with `Compatible` or `Leave`; from then on the master sends orders, and the worker reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from bakeoff.load.messages import (
    Answers,
    Ask,
    Asked,
    Drive,
    Driven,
    GeneratorProblem,
    OpenWindow,
    Ready,
    Second,
    Tick,
    UseScenario,
    Warm,
    WindowClosed,
    WindowOpened,
)
from bakeoff.model import Machine, Scenario, Struct


class Hello(Struct, frozen=True, kw_only=True, tag="hello"):
    """A worker has connected."""


class Terms(Struct, frozen=True, kw_only=True, tag="terms"):
    """What a worker must have in common with the master."""

    versions: dict[str, str]
    """By package; see `bakeoff.load.distributed.sources.versions`."""
    scenarios: tuple[Scenario, ...]
    """Those that have a Locust file, whose path is relative to the experiment's folder."""
    sources: dict[str, str]
    """A digest of each file that the scenarios import from beside them, by its path relative to that folder."""

    def version_difference(self, versions: Mapping[str, str]) -> str | None:
        """The first difference of a worker's versions, with a remedy, in one line; ``None`` if they are the same."""
        for package, version in self.versions.items():
            if versions.get(package) != version:
                own = versions.get(package, "missing")
                return f"{package} is {own} here, {version} on the master; install the same"
        return None

    def source_difference(self, sources: Mapping[str, str]) -> str | None:
        """The first difference of a worker's sources, with a remedy, in one line; ``None`` if they are the same."""
        for path in sorted(self.sources.keys() | sources.keys()):
            if self.sources.get(path) != sources.get(path):
                return f"{path} differs from the master's; bring both folders to the same state"
        return None


class Compatible(Struct, frozen=True, kw_only=True, tag="compatible"):
    """A worker meets the terms, and takes orders."""

    machine: Machine
    """What it runs on."""


class Ping(Struct, frozen=True, kw_only=True, tag="ping"):
    """The master asks for a sign of life, and for the reports that the worker has collected."""


class Pong(Struct, frozen=True, kw_only=True, tag="pong"):
    """The answer to `Ping`."""


Ending = Literal["done", "refused", "failed"]
"""How a worker ends: regularly, before it joined, or by an error."""


class Dismissal(Struct, frozen=True, kw_only=True, tag="dismissal"):
    """The worker is to end."""

    ending: Ending
    reason: str


class Leave(Struct, frozen=True, kw_only=True, tag="leave"):
    """The worker ends by itself."""

    reason: str


FromMaster = UseScenario | Ask | Drive | OpenWindow | Terms | Ping | Dismissal
WorkerReport = Ready | Asked | Answers | Warm | WindowOpened | WindowClosed | Tick | Second | Driven | GeneratorProblem
FromWorker = WorkerReport | Hello | Compatible | Pong | Leave

from_master_decoder = msgspec.json.Decoder(FromMaster)
from_worker_decoder = msgspec.json.Decoder(FromWorker)
