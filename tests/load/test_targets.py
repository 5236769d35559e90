"""Targets under one load: the same mix for each; in turns one at a time, and no wait without a limit."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import gevent
import pytest
from gevent import GreenletExit

from bakeoff.load import targets
from bakeoff.load.targets import DrawnTargets, Turns

if TYPE_CHECKING:
    from bakeoff.load.user import BakeoffUser

NAMES = ("base", "head")


@pytest.fixture(autouse=True)
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several of them in a test."""
    monkeypatch.setattr(targets, "MEASURED_S", 0.005)


@dataclass
class FakeUser:
    """A user whose tasks note the target that they are for, at their start and at their end."""

    took_s: float = 0.001
    slow_tasks: int = 0
    """So many first tasks on each target take 0.1 s."""
    clients: tuple[str, ...] = NAMES
    client: str = ""
    tasks: list[str] = field(default_factory=lambda: ["cake", "cake", "frosting"])
    begun: Counter[str] = field(default_factory=Counter)

    def carry_out_task(self) -> None:
        """Take the time of a task on the client's target."""
        self.begun[self.client] += 1
        gevent.sleep(0.1 if self.begun[self.client] <= self.slow_tasks else self.took_s)


class Loop:
    """Users of a closed loop on two targets."""

    def __init__(self, *users: FakeUser, drain_s: float = 5.0) -> None:
        self.turns = Turns(dict.fromkeys(NAMES, "http://127.0.0.1:1"))
        self.done: list[tuple[str, str]] = []
        """Task and target, in the order in which tasks ended."""
        self.events: list[tuple[str, int]] = []
        """Target, and by how much the number of its tasks under way changed."""
        self.turns.start(len(users), drain_s)
        self.greenlets = [gevent.spawn(self._run, user) for user in users]

    def _run(self, user: FakeUser) -> None:
        while True:
            try:
                task = cast("Any", self.turns.begin(cast("BakeoffUser", user)))
            except GreenletExit:
                return
            target = user.client
            self.events.append((target, 1))
            user.carry_out_task()
            self.events.append((target, -1))
            self.done.append((task, target))
            self.turns.end()


def finished(loop: Loop, tasks: int) -> dict[str, float]:
    """Wait for a number of tasks, end the loop and its users; the seconds that each target had."""
    with gevent.Timeout(20):
        while len(loop.done) < tasks:
            gevent.sleep(0.001)
        seconds = dict(loop.turns.finish())
        gevent.joinall(loop.greenlets)
    return seconds


def test_no_task_of_a_target_is_under_way_while_another_has_its_turn() -> None:
    """However long tasks take: a turn ends with its last task."""
    loop = Loop(*(FakeUser(took_s=took_s) for took_s in (0.0005, 0.001, 0.004, 0.012)))
    finished(loop, 200)
    under_way = Counter[str]()
    for target, change in loop.events:
        under_way[target] += change
        assert min(under_way.values()) >= 0
        assert sum(count > 0 for count in under_way.values()) <= 1
    assert sum(under_way.values()) == 0
    turns_of_targets = [target for target, _ in itertools.groupby(target for target, _ in loop.events)]
    assert len(turns_of_targets) > 4


def test_each_target_gets_the_same_mix_of_tasks() -> None:
    """Two cakes to a frosting, to within one round of them."""
    loop = Loop(*(FakeUser() for _ in range(3)))
    finished(loop, 300)
    for name in NAMES:
        mix = Counter(task for task, target in loop.done if target == name)
        assert mix["cake"] > 20
        assert abs(mix["cake"] - 2 * mix["frosting"]) <= 2 + 3


def test_every_round_is_finished() -> None:
    """No target has a second turn before every other had its first, and all have equally many in the end."""
    loop = Loop(*(FakeUser() for _ in range(3)))
    seconds = finished(loop, 200)
    assert seconds.keys() == set(NAMES)
    turns = Counter[str]()
    under_way = 0
    for target, change in loop.events:
        turns[target] += under_way == 0
        under_way += change
        assert max(turns.values()) - min(turns[name] for name in NAMES) <= 1
    assert turns["base"] == turns["head"]


def test_the_ends_of_a_turn_do_not_slow_a_target_down() -> None:
    """All users begin a turn at once, which makes their first tasks slow here. The rate of the rest counts."""
    loop = Loop(*(FakeUser(slow_tasks=2) for _ in range(3)))
    seconds = finished(loop, 10)
    assert all(0 < target_s < 0.15 for target_s in seconds.values())


def test_a_task_that_does_not_end_holds_up_the_others_for_the_drain_time_and_no_longer() -> None:
    loop = Loop(FakeUser(took_s=60.0), FakeUser(), FakeUser(), drain_s=0.05)
    with gevent.Timeout(20):
        while {target for _, target in loop.done} != set(NAMES):
            gevent.sleep(0.001)
        loop.turns.finish()
        gevent.joinall(loop.greenlets[1:])
    assert not loop.greenlets[0].dead
    gevent.killall(loop.greenlets)


@pytest.mark.parametrize("seed", range(3))
def test_targets_that_are_drawn_get_equally_many_tasks_of_each_kind(seed: int) -> None:
    """At any moment, to within one."""
    random.seed(seed)
    drawn, user = DrawnTargets(dict.fromkeys(NAMES, "http://127.0.0.1:1")), FakeUser()
    counts = Counter[tuple[str, str]]()
    for _ in range(200):
        task = cast("str", drawn.begin(cast("BakeoffUser", user)))
        counts[task, user.client] += 1
        drawn.end()
        assert all(abs(counts[kind, "base"] - counts[kind, "head"]) <= 1 for kind in ("cake", "frosting"))
    assert drawn.finish() == {}
