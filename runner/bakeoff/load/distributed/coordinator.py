"""What several generators say, as if one said it: reports are waited for, added up and handed on. Pure.

Each order begins a gathering, which hears what its members report or that one is lost, and says in turn what is to be
told to whom. It knows no sockets; the time is an argument, always the master's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bakeoff.load.account import merged
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
    Tick,
    Trouble,
    UseScenario,
    Warm,
    WindowClosed,
    WindowOpened,
)
from bakeoff.model import ClosedLoad, Histogram

AT_ONCE_S = 0.0
"""The length of a window that is opened only so that a slice can end."""
MERGED_AT_ONCE = 32


@dataclass(frozen=True)
class Words:
    """What is to be said next: orders to members, reports to the harness; and whether that was all."""

    orders: Sequence[tuple[str, Order]] = ()
    reports: Sequence[Report] = ()
    over: bool = False


NOTHING = Words()


class Gathering:
    """Members that carry out one order. Base of one class for each kind of order."""

    def __init__(self, members: Sequence[str]) -> None:
        """``members`` are not empty."""
        self._living = list(members)
        self._lost: list[str] = []

    def begin(self) -> Words:
        """The order, as each member gets it."""
        raise NotImplementedError

    def hear(self, member: str, report: Report, now_s: float) -> Words:
        """A member's report. Those who have no part in this are not heard."""
        return self._heard(member, report, now_s) if member in self._living else NOTHING

    def lose(self, member: str, why: str, now_s: float) -> Words:
        """A member is gone."""
        if member not in self._living:
            return NOTHING
        self._living.remove(member)
        self._lost.append(f"worker {member} {why}")
        return self._go_on(now_s)

    def _heard(self, member: str, report: Report, now_s: float) -> Words:
        raise NotImplementedError

    def _go_on(self, now_s: float) -> Words:
        """What the loss of a member changes for the others."""
        raise NotImplementedError


def none_left(lost: Sequence[str]) -> Trouble:
    """There is nobody to go on with."""
    return Trouble(message="; ".join([*lost, "no worker is left"]))


def gathering_for(order: Order, members: Sequence[str]) -> Gathering:
    """The gathering that carries out an order; ``members`` are not empty."""
    if isinstance(order, UseScenario):
        return Using(order, members)
    if isinstance(order, Ask):
        return Asking(order, members)
    if isinstance(order, Drive):
        return Driving(order, members)
    raise ValueError(f"no order for several: {order!r}")


class Using(Gathering):
    """All load a scenario."""

    def __init__(self, order: UseScenario, members: Sequence[str]) -> None:
        super().__init__(members)
        self._order = order
        self._ready: set[str] = set()

    def begin(self) -> Words:
        """All are told the same."""
        return Words(orders=[(member, self._order) for member in self._living])

    def _heard(self, member: str, report: Report, now_s: float) -> Words:
        if isinstance(report, Trouble):
            return Words(reports=[named(member, report)], over=True)
        self._ready.add(member)
        return self._go_on(now_s)

    def _go_on(self, now_s: float) -> Words:
        if not self._living:
            return Words(reports=[none_left(self._lost)], over=True)
        return Words(reports=[Ready()], over=True) if self._ready.issuperset(self._living) else NOTHING


class Asking(Gathering):
    """One asks a target; another in its place, if it is lost."""

    def __init__(self, order: Ask, members: Sequence[str]) -> None:
        super().__init__(members)
        self._order = order
        self._asked = ""

    def begin(self) -> Words:
        """One is enough to know."""
        self._asked = self._living[0]
        return Words(orders=[(self._asked, self._order)])

    def _heard(self, member: str, report: Report, now_s: float) -> Words:
        if member != self._asked:
            return NOTHING
        answer = named(member, report) if isinstance(report, Trouble) else report
        assert isinstance(answer, Answers | Trouble)
        return Words(reports=[answer], over=True)

    def _go_on(self, now_s: float) -> Words:
        if not self._living:
            return Words(reports=[none_left(self._lost)], over=True)
        return NOTHING if self._asked in self._living else self.begin()


class Driving(Gathering):
    """All drive a slice, each its share.

    The last to be warm opens the window of all. When a member is lost, or has trouble, the slice is void: the others
    end it as soon as they can, and nothing of it is handed on.
    """

    def __init__(self, order: Drive, members: Sequence[str]) -> None:
        """No more members take part than there are users to share out."""
        users = order.load.users if isinstance(order.load, ClosedLoad) else len(members)
        super().__init__(members[: max(1, users)])
        self._order = order
        self._latencies_s: dict[str, float] = {}
        self._told_to_open_s: float | None = None
        self._opened_s: dict[str, float] = {}
        self._closed_s: dict[str, float] = {}
        self._rates_rps: dict[str, float] = {}
        self._driven: dict[str, Driven] = {}
        self._trouble: Trouble | None = None
        self._sums = Sums()

    def begin(self) -> Words:
        """Equal orders, but for the share."""
        return Words(
            orders=[
                (member, msgspec.structs.replace(self._order, share=share, shares=len(self._living)))
                for share, member in enumerate(self._living)
            ]
        )

    def open_window(self, order: OpenWindow, now_s: float) -> Words:
        """The harness says how long the window is to be."""
        return self._open(AT_ONCE_S if self._void else order.slice_s, now_s)

    @property
    def _void(self) -> bool:
        return bool(self._lost) or self._trouble is not None

    def _open(self, slice_s: float, now_s: float) -> Words:
        if self._told_to_open_s is not None:
            return NOTHING
        self._told_to_open_s = now_s
        return Words(orders=[(member, OpenWindow(slice_s=slice_s)) for member in self._living])

    def _heard(self, member: str, report: Report, now_s: float) -> Words:
        match report:
            case Second():
                self._sums.add(report)
            case Tick():
                return self._tick(member, report)
            case Warm(mean_latency_s=mean_latency_s):
                self._latencies_s[member] = mean_latency_s
                return self._go_on(now_s)
            case WindowOpened():
                self._opened_s[member] = now_s
                return self._once_all(self._opened_s, report)
            case WindowClosed():
                self._closed_s[member] = now_s
                return self._once_all(self._closed_s, report)
            case Driven():
                self._driven[member] = report
                return self._go_on(now_s)
            case Trouble():
                self._living.remove(member)
                self._trouble = self._trouble or named(member, report)
                return self._go_on(now_s)
            case _:
                raise ValueError(f"worker {member} said {report!r} in the middle of a slice")
        return NOTHING

    def _tick(self, member: str, tick: Tick) -> Words:
        """The sum of all rates, once for each time that the first member tells its own."""
        self._rates_rps[member] = tick.rate_rps
        if self._void or member != self._living[0]:
            return NOTHING
        rate_rps = sum(self._rates_rps.values())
        return Words(reports=[msgspec.structs.replace(tick, rate_rps=rate_rps)])

    def _once_all(self, times_s: dict[str, float], report: Report) -> Words:
        return Words(reports=[report]) if len(times_s) == len(self._living) and not self._void else NOTHING

    def _go_on(self, now_s: float) -> Words:
        if all(member in self._driven for member in self._living):  # Or nobody is left.
            return self._result()
        if self._told_to_open_s is None and all(member in self._latencies_s for member in self._living):
            return self._open(AT_ONCE_S, now_s) if self._void else Words(reports=[self._all_warm()])
        return NOTHING

    def _all_warm(self) -> Warm:
        return Warm(mean_latency_s=max(self._latencies_s.values()))

    def _result(self) -> Words:
        if self._trouble:
            return Words(reports=[self._trouble], over=True)
        if self._lost:
            return Words(reports=[Lost(message="; ".join(self._lost))], over=True)
        return Words(reports=[*self._sums.seconds(), self._account()], over=True)

    def _account(self) -> Driven:
        """The sum of all, with the window as the master's clock has it: that of no worker is compared with another's.

        A member's window is taken from the arrival of its first word to that of its last, so the way that both took
        cancels. All opened between the order to do so and the last word of it.
        """
        assert self._told_to_open_s is not None
        lengths_s = [self._closed_s[member] - self._opened_s[member] for member in self._living]
        return msgspec.structs.replace(
            merged(list(self._driven.values())),
            window_s=sum(lengths_s) / len(lengths_s),
            opened_ns=0,
            opened_within_s=max(self._opened_s.values()) - self._told_to_open_s,
        )


def named(member: str, trouble: Trouble) -> Trouble:
    """A trouble, with the name of who has it."""
    return msgspec.structs.replace(trouble, message=f"worker {member}: {trouble.message}")


class Sums:
    """Histograms of several generators, added up count by count: one for each second, endpoint and kind."""

    def __init__(self) -> None:
        self._parts: dict[Second, list[Histogram]] = {}

    def add(self, second: Second) -> None:
        """Add one."""
        parts = self._parts.setdefault(msgspec.structs.replace(second, blob=""), [])
        parts.append(Histogram.decode(second.blob))
        if len(parts) == MERGED_AT_ONCE:
            parts[:] = [Histogram.merge(parts)]

    def seconds(self) -> list[Second]:
        """All sums."""
        return [
            msgspec.structs.replace(which, blob=Histogram.merge(parts).encode())
            for which, parts in sorted(self._parts.items(), key=lambda item: _order(item[0]))
        ]


def _order(second: Second) -> tuple[int, str, str]:
    return second.second, second.endpoint, second.kind
