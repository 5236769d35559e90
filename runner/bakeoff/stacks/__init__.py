"""Where stacks run. Every backend starts a stack, says where it listens and what it uses, and stops it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from bakeoff.model import Block, Stack
from bakeoff.stacks.usage import Unknown, Usage

__all__ = ["Backend", "RunningStack", "StartFailure", "Unknown", "Usage"]


class StartFailure(Exception):
    """A stack that did not come up: a fact about the stack, to be recorded."""


class RunningStack(Protocol):
    """A stack that was started."""

    stack: Stack
    url: str

    @property
    def pid(self) -> int | None:
        """The process that all its others descend from, where it runs on this machine."""

    def wait_ready(self) -> float: ...
    def confine(self) -> None: ...
    def extensions(self) -> tuple[str, ...]: ...
    def usage(self) -> Usage | Unknown: ...
    def exit_message(self) -> str | None: ...
    def log_tail(self) -> str: ...
    def ask_to_stop(self) -> None: ...
    def stop(self) -> None: ...


class Backend(Protocol):
    """A place where stacks run."""

    def start(self, stack: Stack, block: Block, logs: Path) -> RunningStack: ...
