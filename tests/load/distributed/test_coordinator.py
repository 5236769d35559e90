"""Several generators speak as one: shares are exact, sums are exact, and a slice that lost one is never a result."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.load.distributed.coordinator import Driving, Gathering, Sums, Words, gathering_for
from bakeoff.load.messages import (
    Answers,
    Ask,
    Drive,
    Driven,
    Lost,
    OpenWindow,
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
from bakeoff.model import (
    Answer,
    ClosedLoad,
    EndpointCounts,
    Histogram,
    HistogramKind,
    Load,
    OpenLoad,
    Outcomes,
    Scenario,
)

USE = UseScenario(scenario=Scenario(name="front"))
ASK = Ask(scenario="front", url="http://10.0.0.1:8000")


def drive_order(load: Load) -> Drive:
    """An order to drive that load."""
    return Drive(
        scenario="front",
        targets={"": "http://10.0.0.1:8000"},
        load=load,
        seed=1,
        warmup_s=0.1,
    )


def driven(answered: int) -> Driven:
    """The account of one member."""
    return Driven(
        window_s=99.0,
        warmup_s=0.1,
        cpu_s=0.25,
        connections_opened=1,
        requests_sent=answered,
        waited=0,
        endpoints=(
            EndpointCounts(endpoint="/", offered=answered, outcomes=Outcomes(right=answered), completed=answered),
        ),
        opened_ns=123456789,
    )


def second_of(values_ns: Sequence[int], second: int = 0, kind: HistogramKind = "latency") -> Second:
    """A finished histogram."""
    return Second(second=second, endpoint="/", kind=kind, blob=Histogram.of(values_ns).encode())


class Play:
    """A gathering, and all that was said in it."""

    def __init__(self, gathering: Gathering) -> None:
        self.gathering = gathering
        self.orders: list[tuple[str, object]] = []
        self.reports: list[Report] = []
        self.over = False
        self._take(gathering.begin())

    def _take(self, words: Words) -> None:
        assert not self.over
        self.orders += words.orders
        self.reports += words.reports
        self.over = words.over

    def hear(self, member: str, report: Report, at_s: float = 0.0) -> None:
        """A member reports."""
        self._take(self.gathering.hear(member, report, at_s))

    def lose(self, member: str) -> None:
        """A member is gone."""
        self._take(self.gathering.lose(member, "has been silent for 5 s", 0.0))

    def open(self, slice_s: float, at_s: float = 0.0) -> None:
        """The harness opens the window."""
        assert isinstance(self.gathering, Driving)
        self._take(self.gathering.open_window(OpenWindow(slice_s=slice_s), at_s))


def slice_of(members: Sequence[str], load: Load | None = None) -> Play:
    """A slice that has begun."""
    return Play(gathering_for(drive_order(load or OpenLoad(rate_rps=100.0)), members))


def whole_course(member: str) -> list[Report]:
    """What a member says in a slice, in order."""
    return [
        Warm(mean_latency_s=0.01),
        WindowOpened(),
        Tick(elapsed_s=0.5, rate_rps=10.0),
        second_of([1000, 2000]),
        WindowClosed(),
        driven(2),
    ]


@given(users=st.integers(1, 12), members=st.integers(1, 8))
def test_every_share_of_a_slice_is_given_once(users: int, members: int) -> None:
    """And no member is without a user."""
    play = slice_of([str(number) for number in range(members)], ClosedLoad(users=users))
    orders = [order for _, order in play.orders if isinstance(order, Drive)]
    taking_part = min(users, members)
    assert [(order.share, order.shares) for order in orders] == [(share, taking_part) for share in range(taking_part)]


def test_the_last_to_be_warm_opens_the_window_of_all() -> None:
    """With the longest latency that any of them saw."""
    play = slice_of(["a", "b"])
    play.hear("a", Warm(mean_latency_s=0.02))
    assert play.reports == []
    play.hear("b", Warm(mean_latency_s=0.01))
    assert play.reports == [Warm(mean_latency_s=0.02)]
    play.open(2.5)
    assert play.orders[-2:] == [("a", OpenWindow(slice_s=2.5)), ("b", OpenWindow(slice_s=2.5))]


def test_windows_are_those_of_the_masters_clock() -> None:
    """From first to last word of each, however long these were on their way; the workers' own clocks do not count."""
    play = slice_of(["a", "b"])
    for member in ("a", "b"):
        play.hear(member, Warm(mean_latency_s=0.01))
    play.open(2.0, at_s=10.0)
    play.hear("a", WindowOpened(), at_s=10.001)
    assert WindowOpened() not in play.reports
    play.hear("b", WindowOpened(), at_s=10.030)
    assert WindowOpened() in play.reports
    for member, closed_s in (("a", 12.001), ("b", 12.034)):
        play.hear(member, WindowClosed(), at_s=closed_s)
        play.hear(member, driven(7))
    *_, account = play.reports
    assert isinstance(account, Driven)
    assert account.window_s == pytest.approx(2.002)
    assert account.opened_within_s == pytest.approx(0.030)
    assert (account.opened_ns, account.generators) == (0, 2)
    assert account.endpoints[0].completed == 14


def test_the_rate_that_is_shown_is_that_of_all() -> None:
    """As each told it last."""
    play = slice_of(["a", "b"])
    play.hear("b", Tick(elapsed_s=0.4, rate_rps=30.0))
    play.hear("a", Tick(elapsed_s=0.5, rate_rps=20.0))
    assert play.reports == [Tick(elapsed_s=0.5, rate_rps=50.0)]


Parts = dict[tuple[int, HistogramKind], list[list[int]]]
KINDS: list[HistogramKind] = ["latency", "service", "lag"]


@given(
    parts=st.dictionaries(
        st.tuples(st.integers(0, 2), st.sampled_from(KINDS)),
        st.lists(st.lists(st.integers(0, 10**10), max_size=5), min_size=1, max_size=70),
        max_size=4,
    )
)
def test_merged_histograms_are_the_sum_of_their_parts_count_by_count(parts: Parts) -> None:
    """Whatever the number of parts."""
    sums = Sums()
    for (at, kind), several in parts.items():
        for values_ns in several:
            sums.add(second_of(values_ns, at, kind))
    found = {(one.second, one.kind): Histogram.decode(one.blob) for one in sums.seconds()}
    assert found == {key: Histogram.of([v for values in several for v in values]) for key, several in parts.items()}


@given(data=st.data(), members=st.integers(2, 4))
def test_a_slice_that_lost_a_member_is_never_a_result(data: st.DataObject, members: int) -> None:
    """Whenever it was lost, and in whatever order the others speak: they end it, and it is void."""
    names = [f"w{number}" for number in range(members)]
    play = slice_of(names)
    scripts = {name: whole_course(name) for name in names}
    victim = data.draw(st.sampled_from(names))
    before = data.draw(st.integers(0, len(scripts[victim]) - 1))
    opened = False
    while not play.over:
        if not opened and any(isinstance(report, Warm) for report in play.reports):
            play.open(1.0)
            opened = True
        told_to_open = {member for member, order in play.orders if isinstance(order, OpenWindow)}
        able = [
            name
            for name, script in scripts.items()
            if script and (isinstance(script[0], Warm) or name in told_to_open) and (name != victim or before)
        ]
        if victim in scripts and (not before or not able):
            play.lose(victim)
            del scripts[victim]
            continue
        name = data.draw(st.sampled_from(able))
        if name == victim:
            before -= 1
        play.hear(name, scripts[name].pop(0))
    assert [report for report in play.reports if isinstance(report, Driven | Second)] == []
    assert play.reports[-1] == Lost(message=f"worker {victim} has been silent for 5 s")


def test_a_loss_before_the_window_has_the_others_end_at_once() -> None:
    """They wait for an order to open, and get one of no length."""
    play = slice_of(["a", "b"])
    play.hear("a", Warm(mean_latency_s=0.01))
    play.lose("b")
    assert play.orders[-1] == ("a", OpenWindow(slice_s=0.0))
    assert play.reports == []


def test_a_member_without_a_share_may_go() -> None:
    """One user needs one generator."""
    play = slice_of(["a", "b"], ClosedLoad(users=1))
    play.lose("b")
    for report in whole_course("a"):
        if isinstance(report, WindowOpened):
            play.open(1.0)
        play.hear("a", report)
    assert isinstance(play.reports[-1], Driven)


def test_a_users_mistake_is_told_once_all_are_at_rest() -> None:
    """With the name of the worker that found it."""
    play = slice_of(["a", "b"])
    mistake = Trouble(message="Old cannot be driven at a rate", users_mistake=True)
    play.hear("a", mistake)
    assert not play.over
    play.hear("b", mistake)
    assert play.reports == [Trouble(message="worker a: Old cannot be driven at a rate", users_mistake=True)]


def test_a_scenario_is_in_use_when_it_is_everywhere() -> None:
    """A worker that is lost meanwhile is not waited for."""
    play = Play(gathering_for(USE, ["a", "b", "c"]))
    assert [member for member, _ in play.orders] == ["a", "b", "c"]
    play.hear("a", Ready())
    play.lose("b")
    assert not play.over
    play.hear("c", Ready())
    assert play.reports == [Ready()]


def test_one_worker_asks_and_another_when_it_is_lost() -> None:
    """The answers are those of one."""
    answers = Answers(answers=(Answer(endpoint="/", method="GET", path="/", status=200, body="cake"),))
    play = Play(gathering_for(ASK, ["a", "b"]))
    assert play.orders == [("a", ASK)]
    play.lose("a")
    assert play.orders[-1] == ("b", ASK)
    play.hear("b", answers)
    assert play.reports == [answers]


@pytest.mark.parametrize("order", [USE, ASK])
def test_when_nobody_is_left_it_is_said_loud(order: UseScenario | Ask) -> None:
    """With what became of each."""
    play = Play(gathering_for(order, ["a"]))
    play.lose("a")
    assert play.reports == [Trouble(message="worker a has been silent for 5 s; no worker is left")]


def test_reports_survive_the_wire() -> None:
    """A report that is not listed there would be refused."""
    from bakeoff.load.distributed.protocol import workers_word
    from bakeoff.load.messages import line

    for report in [*whole_course("a"), Ready(), Trouble(message="x")]:
        assert workers_word.decode(line(report)) == report
    with pytest.raises(msgspec.ValidationError):
        workers_word.decode(line(USE))
