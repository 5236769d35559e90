"""How a container ended is learnt from its engine, even while its control group still lists processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bakeoff.stacks import StartFailure
from bakeoff.stacks.cgroup import Cgroup
from bakeoff.stacks.compose import container as container_module
from bakeoff.stacks.compose.container import ContainerStack
from bakeoff.stacks.compose.engine import ContainerState, Engine, EngineError
from tests.builders import stack

STARTED_S = 100.0
RUNNING = ContainerState(
    running=True, exit_code=0, out_of_memory=False, pid=7, addresses=(), published_port=1
)  # Nothing listens on port 1.
KILLED = RUNNING._replace(running=False, exit_code=137, out_of_memory=True)


class Clock:
    """A clock that only sleeping advances, in place of the module ``time``."""

    def __init__(self) -> None:
        self.now_s = STARTED_S

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass(frozen=True, kw_only=True)
class FakeEngine(Engine):
    """Reports the last of the states whose time has come; ``None`` is a container that was removed."""

    version: str = ""
    compose: tuple[str, ...] = ()
    compose_version: str = ""
    clock: Clock
    states: dict[float, ContainerState | None]
    """By seconds since the start."""
    asked_s: list[float] = field(default_factory=list)

    def state(self, container: str) -> ContainerState:
        self.asked_s.append(self.clock.now_s)
        state = [state for since_s, state in self.states.items() if since_s <= self.clock.now_s - STARTED_S][-1]
        if state is None:
            raise EngineError(f"Error: No such container: {container}")
        return state

    def run(self, *command: str, **_: Any) -> str:
        assert command[:2] == ("docker", "logs")
        return ""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time that passes only in sleeps, for the container and for the wait until it is ready."""
    clock = Clock()
    monkeypatch.setattr(container_module, "time", clock)
    monkeypatch.setattr("bakeoff.stacks.ready.time", clock)
    return clock


def starting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: FakeEngine, *, listed: str = "7\n"
) -> ContainerStack:
    """A container that was just started; its control group lists ``listed``."""
    (tmp_path / "cgroup.procs").write_text(listed, "utf-8")
    monkeypatch.setattr(container_module, "cgroup_of", lambda *_: Cgroup(tmp_path, tmp_path))
    return ContainerStack(stack("hungry"), engine, "c0ffee", tmp_path / "log", started_s=engine.clock.now_s)


def test_a_container_that_ended_before_it_had_a_port_has_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: Clock
) -> None:
    """The engine publishes no port any more when it is first asked; the control group may list processes still."""
    engine = FakeEngine(clock=clock, states={0.0: KILLED._replace(published_port=None, pid=0)})
    with pytest.raises(StartFailure, match=r"^ran out of the memory it may use$"):
        starting(monkeypatch, tmp_path, engine).wait_ready()
    assert clock.now_s == STARTED_S


def test_a_killed_container_whose_group_still_lists_processes_has_ended(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = FakeEngine(clock=clock, states={0.0: RUNNING, 0.3: KILLED})
    hungry = starting(monkeypatch, tmp_path, engine)
    with pytest.raises(StartFailure, match=r"^ran out of the memory it may use$"):
        hungry.wait_ready()
    assert clock.now_s - STARTED_S < 0.3 + 2, "found within seconds, not at the end of the wait"


def test_the_engine_is_asked_at_most_once_a_second_while_a_container_starts(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = FakeEngine(clock=clock, states={0.0: RUNNING})
    with pytest.raises(StartFailure, match=r"^not ready within 30 s: "):
        starting(monkeypatch, tmp_path, engine).wait_ready()
    assert 25 < len(engine.asked_s) < 36
    assert clock.now_s - engine.asked_s[-1] < 0.1, "also at the end of the wait"


def test_the_engine_is_asked_at_once_when_the_group_is_empty(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The group is empty a moment before the engine reports the end."""
    engine = FakeEngine(clock=clock, states={0.0: RUNNING, 0.1: KILLED._replace(out_of_memory=False, exit_code=3)})
    with pytest.raises(StartFailure, match=r"^ended with status 3$"):
        starting(monkeypatch, tmp_path, engine, listed="").wait_ready()
    assert clock.now_s - STARTED_S < 0.3


def test_a_server_that_lost_processes_to_its_limit_and_never_got_ready_says_so(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = FakeEngine(clock=clock, states={0.0: RUNNING, 5.0: RUNNING._replace(out_of_memory=True)})
    with pytest.raises(StartFailure, match=r"ran out of the memory it may use; not ready within 30 s"):
        starting(monkeypatch, tmp_path, engine).wait_ready()


@pytest.mark.parametrize(
    ("state", "message"),
    [(RUNNING, None), (KILLED, "ran out of the memory it may use"), (None, "its container was removed")],
)
def test_after_a_slice_the_engine_says_whether_a_container_lives(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: ContainerState | None, message: str | None
) -> None:
    engine = FakeEngine(clock=clock, states={0.0: RUNNING, 1.0: state})
    measured = starting(monkeypatch, tmp_path, engine)
    clock.sleep(1.5)
    assert measured.exit_message() == message
