"""Several generators act as one: shares and sums are exact, and a slice that lost a generator has no result."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.load.coordinator import (
    AskCoordinator,
    Coordinator,
    DriveCoordinator,
    HistogramSums,
    Step,
    UseCoordinator,
)
from bakeoff.load.distributed.protocol import from_worker_decoder
from bakeoff.load.messages import (
    Answers,
    Ask,
    Drive,
    Driven,
    GeneratorProblem,
    Lost,
    OpenWindow,
    Ready,
    Report,
    Second,
    Tick,
    UseScenario,
    Warm,
    WindowClosed,
    WindowOpened,
    line,
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
    """The account of one generator."""
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


class Script:
    """A coordinator, and all orders and reports that came from it."""

    def __init__(self, coordinator: Coordinator) -> None:
        self.coordinator = coordinator
        self.orders: list[tuple[str, object]] = []
        self.reports: list[Report | Lost] = []
        self.over = False
        self._take(coordinator.begin())

    def _take(self, step: Step) -> None:
        assert not self.over
        self.orders += step.orders
        self.reports += step.reports
        self.over = step.over

    def report(self, member: str, report: Report, at_s: float = 0.0) -> None:
        """A member reports."""
        self._take(self.coordinator.report(member, report, at_s))

    def lose(self, member: str) -> None:
        """A member is gone."""
        self._take(self.coordinator.lose(member, f"{member} is silent", 0.0))

    def open(self, slice_s: float, at_s: float = 0.0) -> None:
        """The harness opens the window."""
        assert isinstance(self.coordinator, DriveCoordinator)
        self._take(self.coordinator.open_window(slice_s, at_s))


def begun_slice(members: Sequence[str], load: Load | None = None, *, shared_clock: bool = False) -> Script:
    """A slice that has begun."""
    order = drive_order(load or OpenLoad(rate_rps=100.0))
    return Script(DriveCoordinator(order, members, shared_clock=shared_clock))


def complete_slice() -> list[Report]:
    """What a generator reports in a slice, in order."""
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
    """No generator takes part without a user."""
    script = begun_slice([str(number) for number in range(members)], ClosedLoad(users=users))
    orders = [order for _, order in script.orders if isinstance(order, Drive)]
    taking_part = min(users, members)
    assert [(order.share, order.shares) for order in orders] == [(share, taking_part) for share in range(taking_part)]


def test_windows_open_when_the_last_generator_is_warm() -> None:
    """The harness is told the longest latency that any of them saw."""
    script = begun_slice(["a", "b"])
    script.report("a", Warm(mean_latency_s=0.02))
    assert script.reports == []
    script.report("b", Warm(mean_latency_s=0.01))
    assert script.reports == [Warm(mean_latency_s=0.02)]
    script.open(2.5)
    assert script.orders[-2:] == [("a", OpenWindow(slice_s=2.5)), ("b", OpenWindow(slice_s=2.5))]


def test_without_a_shared_clock_windows_are_measured_by_the_coordinators() -> None:
    """From the report that a window opened to the one that it closed; the workers' own clocks do not count."""
    script = begun_slice(["a", "b"])
    for member in ("a", "b"):
        script.report(member, Warm(mean_latency_s=0.01))
    script.open(2.0, at_s=10.0)
    script.report("a", WindowOpened(), at_s=10.001)
    assert WindowOpened() not in script.reports
    script.report("b", WindowOpened(), at_s=10.030)
    assert WindowOpened() in script.reports
    for member, closed_s in (("a", 12.001), ("b", 12.034)):
        script.report(member, WindowClosed(), at_s=closed_s)
        script.report(member, driven(7))
    *_, account = script.reports
    assert isinstance(account, Driven)
    assert account.window_s == pytest.approx(2.002)
    assert account.opened_within_s == pytest.approx(0.030)
    assert (account.opened_ns, account.generators) == (0, 2)
    assert account.endpoints[0].completed == 14


def test_with_a_shared_clock_windows_are_measured_by_the_generators() -> None:
    """The window is as long as theirs on average, and opened when the first of them did."""
    script = begun_slice(["a", "b"], shared_clock=True)
    accounts = [
        msgspec.structs.replace(driven(7), window_s=2.0, opened_ns=5_000_000_000),
        msgspec.structs.replace(driven(7), window_s=2.5, opened_ns=5_004_000_000),
    ]
    for member in ("a", "b"):
        script.report(member, Warm(mean_latency_s=0.01))
    script.open(2.0)
    for member, account in zip(("a", "b"), accounts, strict=True):
        for report in (WindowOpened(), WindowClosed(), account):
            script.report(member, report, at_s=99.0)
    *_, merged = script.reports
    assert isinstance(merged, Driven)
    assert merged.window_s == pytest.approx(2.25)
    assert merged.opened_within_s == pytest.approx(0.004)
    assert (merged.opened_ns, merged.generators) == (5_000_000_000, 2)


def test_one_histogram_of_a_kind_is_handed_on_unchanged() -> None:
    """As with a single generator."""
    sums = HistogramSums()
    second = second_of([1, 2, 3])
    sums.add(second)
    assert sums.seconds() == [second]


def test_the_rate_that_is_shown_is_the_sum_of_all() -> None:
    """By the last tick of each."""
    script = begun_slice(["a", "b"])
    script.report("b", Tick(elapsed_s=0.4, rate_rps=30.0))
    script.report("a", Tick(elapsed_s=0.5, rate_rps=20.0))
    assert script.reports == [Tick(elapsed_s=0.5, rate_rps=50.0)]


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
    sums = HistogramSums()
    for (at, kind), histograms in parts.items():
        for values_ns in histograms:
            sums.add(second_of(values_ns, at, kind))
    merged = {(second.second, second.kind): Histogram.decode(second.blob) for second in sums.seconds()}
    assert merged == {
        key: Histogram.of([value for values_ns in histograms for value in values_ns])
        for key, histograms in parts.items()
    }


@given(data=st.data(), members=st.integers(2, 4))
def test_a_slice_that_lost_a_member_is_never_a_result(data: st.DataObject, members: int) -> None:
    """Whenever it was lost, and in whatever order the others report: they end the slice, and it is void."""
    names = [f"w{number}" for number in range(members)]
    script = begun_slice(names)
    scripts = {name: complete_slice() for name in names}
    victim = data.draw(st.sampled_from(names))
    before = data.draw(st.integers(0, len(scripts[victim]) - 1))
    opened = False
    while not script.over:
        if not opened and any(isinstance(report, Warm) for report in script.reports):
            script.open(1.0)
            opened = True
        told_to_open = {member for member, order in script.orders if isinstance(order, OpenWindow)}
        able = [
            name
            for name, script in scripts.items()
            if script and (isinstance(script[0], Warm) or name in told_to_open) and (name != victim or before)
        ]
        if victim in scripts and (not before or not able):
            script.lose(victim)
            del scripts[victim]
            continue
        name = data.draw(st.sampled_from(able))
        if name == victim:
            before -= 1
        script.report(name, scripts[name].pop(0))
    assert [report for report in script.reports if isinstance(report, Driven | Second)] == []
    assert script.reports[-1] == Lost(message=f"{victim} is silent")


def test_after_a_loss_before_the_window_the_others_end_at_once() -> None:
    """They wait for an order to open, and get one with a length of 0."""
    script = begun_slice(["a", "b"])
    script.report("a", Warm(mean_latency_s=0.01))
    script.lose("b")
    assert script.orders[-1] == ("a", OpenWindow(slice_s=0.0))
    assert script.reports == []


def test_the_loss_of_a_generator_without_a_share_changes_nothing() -> None:
    """One user needs one generator."""
    script = begun_slice(["a", "b"], ClosedLoad(users=1))
    script.lose("b")
    for report in complete_slice():
        if isinstance(report, WindowOpened):
            script.open(1.0)
        script.report("a", report)
    assert isinstance(script.reports[-1], Driven)


def test_an_error_in_a_scenario_is_reported_when_all_generators_have_ended_the_slice() -> None:
    """Once, however many of them found it."""
    script = begun_slice(["a", "b"])
    problem = GeneratorProblem(message="Old cannot be driven at a rate", user_error=True)
    script.report("a", problem)
    assert not script.over
    script.report("b", problem)
    assert script.reports == [problem]


def test_a_scenario_is_ready_when_all_generators_have_loaded_it() -> None:
    """One that is lost meanwhile is not waited for."""
    script = Script(UseCoordinator(USE, ["a", "b", "c"]))
    assert [member for member, _ in script.orders] == ["a", "b", "c"]
    script.report("a", Ready())
    script.lose("b")
    assert not script.over
    script.report("c", Ready())
    assert script.reports == [Ready()]


def test_one_generator_asks_and_another_when_it_is_lost() -> None:
    """The answers are those of one."""
    answers = Answers(answers=(Answer(endpoint="/", method="GET", path="/", status=200, body="cake"),))
    script = Script(AskCoordinator(ASK, ["a", "b"]))
    assert script.orders == [("a", ASK)]
    script.lose("a")
    assert script.orders[-1] == ("b", ASK)
    script.report("b", answers)
    assert script.reports == [answers]


@pytest.mark.parametrize("coordinator", [UseCoordinator(USE, ["a"]), AskCoordinator(ASK, ["a"])], ids=["use", "ask"])
def test_the_loss_of_the_last_generator_is_reported(coordinator: Coordinator) -> None:
    """With the reason."""
    script = Script(coordinator)
    script.lose("a")
    assert script.over
    assert script.reports == [Lost(message="a is silent")]


def test_a_worker_can_send_every_report() -> None:
    """And no order."""
    for report in [*complete_slice(), Ready(), GeneratorProblem(message="x")]:
        assert from_worker_decoder.decode(line(report)) == report
    with pytest.raises(msgspec.ValidationError):
        from_worker_decoder.decode(line(USE))
