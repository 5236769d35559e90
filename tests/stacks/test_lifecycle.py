"""All stacks of a block are started, waited for and stopped, whatever becomes of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakeoff.model import Block, Redaction, Stack
from bakeoff.stacks import ProcessMemory, StackUnderTest, StartFailure, Unknown, Usage, cpu_s_of, started
from tests.builders import stack

USAGE = Usage(cpu_s=1.5, rss_bytes=2**20, processes=1, threads=1)


class FakeRunning:
    """A running stack that notes what is done to it."""

    def __init__(self, stack: Stack, events: list[str]) -> None:
        self.stack = stack
        self.url = f"http://{stack.name}"
        self.pid = None
        self._events = events

    def _note(self, event: str) -> None:
        self._events.append(f"{event} {self.stack.name}")

    def wait_ready(self) -> float:
        self._note("wait")
        if self.stack.name == "unready":
            raise StartFailure("not ready within 30 s")
        return 0.5

    def confine(self) -> None:
        self._note("confine")
        if self.stack.name == "unpinnable":
            raise StartFailure("process 7 of it cannot be pinned")

    def extensions(self) -> tuple[str, ...]:
        return ("uvloop",)

    def usage(self) -> Usage | Unknown:
        return Unknown("it runs elsewhere") if self.stack.name == "elsewhere" else USAGE

    def memory(self) -> dict[int, ProcessMemory]:
        return {7: ProcessMemory(pss_bytes=2**20, private_bytes=2**19)}

    def exit_message(self) -> str | None:
        return "ended with status 3" if self.stack.name == "dying" else None

    def log_tail(self) -> str:
        return "the end of the log"

    def ask_to_stop(self) -> None:
        self._note("ask")

    def stop(self) -> None:
        self._note("stop")


class FakeBackend:
    """Starts fakes."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def start(self, stack: Stack, block: Block, logs: Path) -> FakeRunning:
        self.events.append(f"start {stack.name}")
        if stack.name == "unstartable":
            raise StartFailure("port 80 is in use")
        return FakeRunning(stack, self.events)


def block(*start_order: str) -> Block:
    """A block that starts stacks in an order."""
    return Block(number=0, start_order=start_order, hash_seed=0, port_seed=0, slices=())


def stacks_named(*names: str) -> list[Stack]:
    return [stack(name) for name in names]


def test_stacks_are_started_and_waited_for_in_the_drawn_order() -> None:
    """A fixed order would give the last one the longest start-up."""
    backend = FakeBackend()
    with started(stacks_named("a", "b"), block("b", "a"), Path(), backend):
        assert backend.events == ["start b", "start a", "wait b", "wait a", "confine a", "confine b"]


def test_all_stacks_are_asked_to_stop_before_any_is_waited_for() -> None:
    """So that they end at the same time; and they do when the block fails, too."""
    backend = FakeBackend()
    with (
        pytest.raises(ZeroDivisionError),
        started(stacks_named("a", "b"), block("a", "b"), Path(), backend),
    ):
        raise ZeroDivisionError
    assert backend.events[-4:] == ["ask a", "ask b", "stop a", "stop b"]


@pytest.mark.parametrize(
    ("name", "message", "log"),
    [
        ("unstartable", "port 80 is in use", ""),
        ("unready", "not ready within 30 s", "the end of the log"),
        ("unpinnable", "process 7 of it cannot be pinned", "the end of the log"),
    ],
)
def test_a_stack_that_does_not_start_has_a_failure_with_its_log_and_the_others_run(
    name: str, message: str, log: str
) -> None:
    backend = FakeBackend()
    with started(stacks_named("a", name), block(name, "a"), Path(), backend) as stacks:
        failure = stacks[name].failure
        assert failure is not None
        assert (failure.stage, failure.message, failure.log) == ("start", message, log)
        assert not stacks[name].is_running
        assert (stacks["a"].is_running, stacks["a"].ready_s, stacks["a"].extensions) == (True, 0.5, ("uvloop",))
    assert backend.events.count(f"stop {name}") == (name != "unstartable")


def test_a_stack_that_ended_has_a_failure() -> None:
    with started(stacks_named("dying"), block("dying"), Path(), FakeBackend()) as stacks:
        stacks["dying"].check_alive()
        failure = stacks["dying"].failure
    assert failure is not None
    assert (failure.stage, failure.message) == ("exit", "ended with status 3")


def test_the_cpu_time_of_several_stacks_is_of_those_that_can_be_seen() -> None:
    names = ("a", "b", "elsewhere", "unready")
    with started(stacks_named(*names), block(*names), Path(), FakeBackend()) as stacks:
        assert cpu_s_of(stacks.values()) == 2 * USAGE.cpu_s


def test_a_stack_that_was_never_started_is_not_running() -> None:
    with pytest.raises(RuntimeError, match="a is not running"):
        _ = StackUnderTest(stack("a"), Redaction(())).running
