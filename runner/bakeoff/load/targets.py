"""Which target a user's next task is for: the only one, or one of several that are compared under one load.

In an open loop each task draws its target, so that all get equal arrivals at the same time. In a closed loop that would
not do: users would gather at the slowest target and leave the others nearly idle. There, targets take turns, in which
each has all users and the servers' CPUs to itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import gevent
from gevent import GreenletExit
from gevent.event import Event

from bakeoff.load.client import Client
from bakeoff.load.traffic import now_ns

if TYPE_CHECKING:
    from bakeoff.load.user import BakeoffUser

Task = Callable[["BakeoffUser"], None]
"""What a user does again and again; it sends requests with the user's client."""

SETTLING_TASKS_PER_USER = 2
"""Tasks that each user ends at the start of a turn, on average, before it is measured: all users begin at once."""
MEASURED_TASKS_PER_USER = 4
"""Tasks that each user ends in the measured part, on average."""
MEASURED_S = 0.1
"""The least length of the measured part."""
MAX_TURN_S = 5.0
"""After this time a turn ends, however many tasks have ended."""
POLL_S = 0.002


class Targets(Protocol):
    """Where users send their requests."""

    def clients(self, user: BakeoffUser) -> list[Client]:
        """A new user's clients, one for each target."""
        ...

    def begin(self, user: BakeoffUser) -> Task:
        """Set the client of a user's next task, and return the task."""
        ...

    def end(self) -> None:
        """A task has ended, however it did."""
        ...

    def start(self, users: int, drain_s: float) -> None:
        """Begin a closed loop of ``users``. What is under way when a turn ends is waited for, at most ``drain_s``."""
        ...

    def finish(self) -> Mapping[str, float]:
        """No more tasks begin in a closed loop. If targets took turns, the seconds that each target's tasks took."""
        ...


class OneTarget:
    """A single target, which is the user's own host."""

    def clients(self, user: BakeoffUser) -> list[Client]:
        """The client that the user has."""
        return [user.client]

    def begin(self, user: BakeoffUser) -> Task:
        """A random task."""
        return cast("Task", random.choice(user.tasks))

    def end(self) -> None:
        """Nothing to note."""

    def start(self, users: int, drain_s: float) -> None:
        """Nothing to alternate."""

    def finish(self) -> Mapping[str, float]:
        """There were no turns."""
        return {}


class DrawnTargets(OneTarget):
    """Several targets, of which every task draws one.

    They are drawn in rounds: every task uses each target once, in a random order, before it uses one again
    (randomisation in permuted blocks). So each target gets equally many requests of each kind, and none comes first.
    """

    def __init__(self, targets: Mapping[str, str]) -> None:
        """``targets`` are URLs by name."""
        self._urls = targets
        self._left: dict[Any, list[int]] = {}

    def clients(self, user: BakeoffUser) -> list[Client]:
        """One client of a user for each target."""
        return _clients(user, self._urls)

    def begin(self, user: BakeoffUser) -> Task:
        """A random task, and its target's client."""
        task = super().begin(user)
        left = self._left.get(task)
        if not left:
            left = self._left[task] = random.sample(range(len(self._urls)), len(self._urls))
        user.client = user.clients[left.pop()]
        return task


class Turns:
    """Several targets that take turns in a closed loop.

    All users begin a turn at once, and at its end fewer and fewer tasks are under way, so its two ends say little about
    a steady load. The seconds that a target's tasks took are therefore counted at the rate of the rest of its turns.
    """

    def __init__(self, targets: Mapping[str, str]) -> None:
        """``targets`` are URLs by name."""
        self._urls = targets
        self._turn = _Turn(target=0)
        self._pasts = [_Past() for _ in targets]
        self._under_way = 0
        """Tasks that have begun and not ended."""
        self._open = Event()
        """Set while tasks may begin."""
        self._idle = Event()
        """Set while none is under way."""
        self._last_round = False
        self._finished = False
        self._left: dict[tuple[type, int], list[Any]] = {}
        """Tasks that are still to be drawn of each user class and target."""
        self._drain_s = 0.0
        self._alternating: Any = None

    def clients(self, user: BakeoffUser) -> list[Client]:
        """One client of a user for each target."""
        return _clients(user, self._urls)

    def begin(self, user: BakeoffUser) -> Task:
        """Wait for a turn, if none is under way, and take its target's client. Raises ``GreenletExit`` after the last.

        Tasks are drawn without replacement, so that each target gets the same mix.
        """
        while not self._open.is_set():
            self._open.wait()
        if self._finished:
            raise GreenletExit
        self._under_way += 1
        self._idle.clear()
        target = self._turn.target
        user.client = user.clients[target]
        left = self._left.get((type(user), target))
        if not left:
            left = self._left[type(user), target] = random.sample(user.tasks, len(user.tasks))
        return cast("Task", left.pop())

    def end(self) -> None:
        """Count it."""
        self._under_way -= 1
        self._turn.tasks += 1
        if not self._under_way:
            self._idle.set()

    def start(self, users: int, drain_s: float) -> None:
        """Begin the first turn; each ends with the last of its tasks."""
        self._drain_s = drain_s
        self._alternating = gevent.spawn(self._alternate, users)

    def finish(self) -> Mapping[str, float]:
        """Wait for the turns of the round that is under way, and end the users that wait for another."""
        if self._alternating is not None:
            self._last_round = True
            self._alternating.get()
            self._alternating = None
            self._finished = True
            self._open.set()
        return {name: past.at_measured_rate_s() for name, past in zip(self._urls, self._pasts, strict=True)}

    def _alternate(self, users: int) -> None:
        """Give every target a turn in random order, again and again."""
        while not self._last_round:
            for target in random.sample(range(len(self._pasts)), len(self._pasts)):
                self._take_turn(target, users)

    def _take_turn(self, target: int, users: int) -> None:
        """Let tasks begin until enough have ended, and wait for those under way, at most for the drain time."""
        turn = self._turn = _Turn(target)
        began_ns = now_ns()
        longest_ns = began_ns + int(MAX_TURN_S * 1e9)
        self._open.set()
        turn.wait_for(SETTLING_TASKS_PER_USER * users, longest_ns)
        settled_ns, settled_tasks = now_ns(), turn.tasks
        gevent.sleep(MEASURED_S)
        turn.wait_for(settled_tasks + MEASURED_TASKS_PER_USER * users, longest_ns)
        self._open.clear()
        past = self._pasts[target]
        past.measured_s += (now_ns() - settled_ns) / 1e9
        past.measured_tasks += turn.tasks - settled_tasks
        if self._under_way:
            self._idle.wait(self._drain_s)
        past.seconds += (now_ns() - began_ns) / 1e9
        past.tasks += turn.tasks


@dataclass
class _Turn:
    """The turn that is under way."""

    target: int
    tasks: int = 0
    """Tasks that have ended."""

    def wait_for(self, tasks: int, until_ns: int) -> None:
        """Return when so many tasks have ended, or at a time."""
        while self.tasks < tasks and now_ns() < until_ns:
            gevent.sleep(POLL_S)


@dataclass
class _Past:
    """What has been counted of a target's turns."""

    seconds: float = 0.0
    tasks: int = 0
    measured_s: float = 0.0
    measured_tasks: int = 0

    def at_measured_rate_s(self) -> float:
        """The time that all tasks take at the measured rate; that of the whole turns, if nothing was measured."""
        if not self.measured_tasks:
            return self.seconds
        return self.measured_s * self.tasks / self.measured_tasks


def _clients(user: BakeoffUser, urls: Mapping[str, str]) -> list[Client]:
    """A user's clients for several targets, in place of its own; endpoints are counted as ``NAME ENDPOINT``."""
    user.client.leave()
    return [user.new_client(Client, url, f"{name} ") for name, url in urls.items()]
