"""Several generators act as one: orders are shared out, reports are waited for and added up. Pure.

A coordinator carries out one order. It receives reports of generators, or that one is lost, and returns the next step:
orders to generators, and reports of all of them together. It knows no sockets; the time is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bakeoff.load.messages import (
    Ask,
    Asked,
    Drive,
    Driven,
    GeneratorProblem,
    ListSources,
    Lost,
    OpenWindow,
    Order,
    Ready,
    Report,
    Second,
    Tick,
    UseScenario,
    Warm,
    WindowClosed,
    WindowOpened,
)
from bakeoff.model import ClosedLoad, Histogram, merged_counts

VOID_WINDOW_S = 0.0
"""The length of a window that is opened only so that a slice can end."""
MERGED_AT_ONCE = 32


@dataclass(frozen=True)
class Step:
    """What to do next: send these orders, hand on these reports; ``over`` when the order is carried out."""

    orders: Sequence[tuple[str, Order]] = ()
    reports: Sequence[Report | Lost] = ()
    over: bool = False


WAIT = Step()


class Coordinator:
    """Members that carry out one order. The base of one class for each kind of order."""

    def __init__(self, members: Sequence[str]) -> None:
        """``members`` are not empty."""
        self._members = list(members)
        self._lost: list[str] = []

    def begin(self) -> Step:
        """The orders to begin with."""
        raise NotImplementedError

    def report(self, member: str, report: Report, now_s: float) -> Step:
        """A member reports. Reports of generators that take no part are ignored."""
        return self._on_report(member, report, now_s) if member in self._members else WAIT

    def lose(self, member: str, message: str, now_s: float) -> Step:
        """A member is gone."""
        if member not in self._members:
            return WAIT
        self._members.remove(member)
        self._lost.append(message)
        return self._on_loss(now_s)

    def _on_report(self, member: str, report: Report, now_s: float) -> Step:
        raise NotImplementedError

    def _on_loss(self, now_s: float) -> Step:
        raise NotImplementedError

    def _all_lost(self) -> Step:
        return Step(reports=[Lost(message="; ".join(self._lost))], over=True)


class UseCoordinator(Coordinator):
    """All members load a scenario."""

    def __init__(self, order: UseScenario, members: Sequence[str]) -> None:
        super().__init__(members)
        self._order = order
        self._ready: set[str] = set()

    def begin(self) -> Step:
        """The same order to each."""
        return Step(orders=[(member, self._order) for member in self._members])

    def _on_report(self, member: str, report: Report, now_s: float) -> Step:
        if isinstance(report, GeneratorProblem):
            return Step(reports=[report], over=True)
        self._ready.add(member)
        return self._on_loss(now_s)

    def _on_loss(self, now_s: float) -> Step:
        if not self._members:
            return self._all_lost()
        return Step(reports=[Ready()], over=True) if self._ready.issuperset(self._members) else WAIT


class AskCoordinator(Coordinator):
    """One member answers; another in its place if it is lost."""

    def __init__(self, order: Ask | ListSources, members: Sequence[str]) -> None:
        super().__init__(members)
        self._order = order
        self._asked = ""

    def begin(self) -> Step:
        """The order, to the first member."""
        self._asked = self._members[0]
        return Step(orders=[(self._asked, self._order)])

    def _on_report(self, member: str, report: Report, now_s: float) -> Step:
        return Step(reports=[report], over=True) if member == self._asked and not isinstance(report, Asked) else WAIT

    def _on_loss(self, now_s: float) -> Step:
        if not self._members:
            return self._all_lost()
        return WAIT if self._asked in self._members else self.begin()


class DriveCoordinator(Coordinator):
    """All members drive a slice, each its share.

    When the last member is warm, the windows of all are opened. When a member is lost, or has a problem, the slice is
    void: the others end it as soon as they can, and nothing that they measured is handed on.
    """

    def __init__(self, order: Drive, members: Sequence[str], *, shared_clock: bool) -> None:
        """``shared_clock``: the members' clocks can be compared.

        No more members take part than there are users, and only one where targets take turns.
        """
        users = order.load.users if isinstance(order.load, ClosedLoad) else len(members)
        super().__init__(members[: max(1, users) if len(order.targets) <= 1 else 1])
        self._order = order
        self._shared_clock = shared_clock
        self._latencies_s: dict[str, float] = {}
        self._ordered_to_open_s: float | None = None
        self._opened_s: dict[str, float] = {}
        self._closed_s: dict[str, float] = {}
        self._rates_rps: dict[str, float] = {}
        self._driven: dict[str, Driven] = {}
        self._problem: GeneratorProblem | None = None
        self._histograms = HistogramSums()

    def begin(self) -> Step:
        """Equal orders, except for the share."""
        return Step(
            orders=[
                (member, msgspec.structs.replace(self._order, share=share, shares=len(self._members)))
                for share, member in enumerate(self._members)
            ]
        )

    def open_window(self, slice_s: float, now_s: float) -> Step:
        """Open the windows of all members; called after `Warm`."""
        return self._open(VOID_WINDOW_S if self._void else slice_s, now_s)

    @property
    def _void(self) -> bool:
        return bool(self._lost) or self._problem is not None

    def _open(self, slice_s: float, now_s: float) -> Step:
        if self._ordered_to_open_s is not None:
            return WAIT
        self._ordered_to_open_s = now_s
        return Step(orders=[(member, OpenWindow(slice_s=slice_s)) for member in self._members])

    def _on_report(self, member: str, report: Report, now_s: float) -> Step:
        match report:
            case Second():
                self._histograms.add(report)
                return WAIT
            case Tick():
                return self._on_tick(member, report)
            case Warm(mean_latency_s=mean_latency_s):
                self._latencies_s[member] = mean_latency_s
                return self._proceed(now_s)
            case WindowOpened():
                self._opened_s[member] = now_s
                return self._when_all(self._opened_s, report)
            case WindowClosed():
                self._closed_s[member] = now_s
                return self._when_all(self._closed_s, report)
            case Driven():
                self._driven[member] = report
                return self._proceed(now_s)
            case GeneratorProblem():
                self._members.remove(member)
                self._problem = self._problem or report
                return self._proceed(now_s)
            case _:
                raise ValueError(f"{member} reported {report!r} in the middle of a slice")

    def _on_loss(self, now_s: float) -> Step:
        return self._proceed(now_s)

    def _on_tick(self, member: str, tick: Tick) -> Step:
        """The sum of all rates, once for each tick of the first member."""
        self._rates_rps[member] = tick.rate_rps
        if self._void or member != self._members[0]:
            return WAIT
        return Step(reports=[msgspec.structs.replace(tick, rate_rps=sum(self._rates_rps.values()))])

    def _when_all(self, times_s: dict[str, float], report: Report) -> Step:
        return Step(reports=[report]) if len(times_s) == len(self._members) and not self._void else WAIT

    def _proceed(self, now_s: float) -> Step:
        if all(member in self._driven for member in self._members):  # Also when no member is left.
            return Step(reports=self._results(), over=True)
        if self._ordered_to_open_s is None and all(member in self._latencies_s for member in self._members):
            if self._void:
                return self._open(VOID_WINDOW_S, now_s)
            return Step(reports=[Warm(mean_latency_s=max(self._latencies_s.values()))])
        return WAIT

    def _results(self) -> list[Report | Lost]:
        if self._problem:
            return [self._problem]
        if self._lost:
            return [Lost(message="; ".join(self._lost))]
        parts = list(self._driven.values())
        driven = merged(parts) if self._shared_clock else self._merged_by_own_clock(parts)
        return [*self._histograms.seconds(), driven]

    def _merged_by_own_clock(self, parts: Sequence[Driven]) -> Driven:
        """The account of members whose clocks cannot be compared: windows are measured by the coordinator's clock.

        A member's window lasts from the arrival of its `WindowOpened` to that of its `WindowClosed`, so the delay that
        both messages had cancels. All windows opened between the order to open and the last report of that.
        """
        assert self._ordered_to_open_s is not None
        lengths_s = [self._closed_s[member] - self._opened_s[member] for member in self._members]
        return msgspec.structs.replace(
            merged(parts),
            window_s=sum(lengths_s) / len(lengths_s),
            opened_ns=0,
            opened_within_s=max(self._opened_s.values()) - self._ordered_to_open_s,
        )


def merged(parts: Sequence[Driven]) -> Driven:
    """The account of several generators with one clock. ``window_s`` is the mean length of their windows."""
    first_ns = min(part.opened_ns for part in parts)
    return Driven(
        window_s=sum(part.window_s for part in parts) / len(parts),
        warmup_s=max(part.warmup_s for part in parts),
        cpu_s=max(part.cpu_s for part in parts),
        connections_opened=sum(part.connections_opened for part in parts),
        requests_sent=sum(part.requests_sent for part in parts),
        waited=sum(part.waited for part in parts),
        endpoints=merged_counts(counts for part in parts for counts in part.endpoints),
        warmup=merged_counts(counts for part in parts for counts in part.warmup),
        drain=merged_counts(counts for part in parts for counts in part.drain),
        opened_ns=first_ns,
        generators=len(parts),
        opened_within_s=(max(part.opened_ns for part in parts) - first_ns) / 1e9,
        users=None if None in (users := [part.users for part in parts]) else sum(filter(None, users)),
        user_error=next((part.user_error for part in parts if part.user_error), None),
        turns_s=parts[0].turns_s,  # Where targets take turns, there is only one generator.
    )


class HistogramSums:
    """Histograms of several generators, added up count by count: one for each second, endpoint and kind."""

    def __init__(self) -> None:
        self._blobs: dict[Second, list[str]] = {}

    def add(self, second: Second) -> None:
        """Add one."""
        blobs = self._blobs.setdefault(msgspec.structs.replace(second, blob=""), [])
        blobs.append(second.blob)
        if len(blobs) == MERGED_AT_ONCE:
            blobs[:] = [_merged_blob(blobs)]

    def seconds(self) -> list[Second]:
        """The sums, by second, endpoint and kind."""
        return [
            msgspec.structs.replace(key, blob=_merged_blob(self._blobs[key]))
            for key in sorted(self._blobs, key=lambda key: (key.second, key.endpoint, key.kind))
        ]


def _merged_blob(blobs: Sequence[str]) -> str:
    if len(blobs) == 1:
        return blobs[0]
    return Histogram.merge([Histogram.decode(blob) for blob in blobs]).encode()
