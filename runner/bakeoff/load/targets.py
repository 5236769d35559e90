"""Which target a user's next task is for: the only one, or one of several that are compared under one load.

In an open loop each task draws its target, so that all get equal arrivals at the same time. In a closed loop that would
not do: users would gather at the slowest target and leave the others nearly idle. There, targets take turns, in which
each has all users and the servers' CPUs to itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
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

TURN_S = 0.1
"""The least length of a turn."""
ANSWERS_PER_USER = 2
"""Tasks that each user finishes in a closed loop's turn, on average: a turn is longer for targets that take longer."""
MAX_TURN_S = 5.0
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
        """No more tasks begin in a closed loop; the seconds that each target had, if they took turns."""
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
    """Several targets that take turns in a closed loop."""

    def __init__(self, targets: Mapping[str, str]) -> None:
        """``targets`` are URLs by name."""
        self._urls = targets
        self._names = list(targets)
        self._order = self._draw_order()
        self._target = 0
        self._began_ns: int | None = None
        """When the turn began; ``None`` between two."""
        self._seconds = dict.fromkeys(targets, 0.0)
        self._under_way = 0
        """Tasks that have begun and not ended."""
        self._ended = 0
        """Tasks that have ended in this turn."""
        self._open = Event()
        """Set while tasks may begin."""
        self._idle = Event()
        """Set while none is under way."""
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
        user.client = user.clients[self._target]
        left = self._left.get((type(user), self._target))
        if not left:
            left = self._left[type(user), self._target] = random.sample(user.tasks, len(user.tasks))
        return cast("Task", left.pop())

    def end(self) -> None:
        """Count it."""
        self._under_way -= 1
        self._ended += 1
        if not self._under_way:
            self._idle.set()

    def start(self, users: int, drain_s: float) -> None:
        """Begin the first turn; each ends with the last of its tasks."""
        self._drain_s = drain_s
        self._begin_turn()
        self._alternating = gevent.spawn(self._alternate, users)

    def finish(self) -> Mapping[str, float]:
        """End the last turn, and the users that wait for another."""
        if self._alternating is not None:
            self._alternating.kill()
            self._alternating = None
            self._end_turn()
            self._finished = True
            self._open.set()
        return self._seconds

    def _alternate(self, users: int) -> None:
        while True:
            gevent.sleep(TURN_S)
            longest_ns = now_ns() + int(MAX_TURN_S * 1e9)
            while self._ended < ANSWERS_PER_USER * users and now_ns() < longest_ns:
                gevent.sleep(POLL_S)
            self._end_turn()
            self._begin_turn()

    def _begin_turn(self) -> None:
        self._target = next(self._order)
        self._ended = 0
        self._began_ns = now_ns()
        self._open.set()

    def _end_turn(self) -> None:
        """Let no more tasks begin, and wait for those that have begun, at most for the drain time."""
        self._open.clear()
        if self._under_way:
            self._idle.wait(self._drain_s)
        if self._began_ns is not None:
            self._seconds[self._names[self._target]] += (now_ns() - self._began_ns) / 1e9
            self._began_ns = None

    def _draw_order(self) -> Iterator[int]:
        """Targets for ever: each once, in random order, before any has another turn."""
        while True:
            yield from random.sample(range(len(self._names)), len(self._names))


def _clients(user: BakeoffUser, urls: Mapping[str, str]) -> list[Client]:
    """A user's clients for several targets, in place of its own; endpoints are counted as ``NAME ENDPOINT``."""
    user.client.leave()
    return [user.new_client(Client, url, f"{name} ") for name, url in urls.items()]
