"""The operational laws: no bound is exceeded by what it bounds, and the least of them binds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.analysis import bounds as laws
from bakeoff.model import BlockResult, ClosedLoad, EndpointCounts, OpenLoad, Outcomes, Record, Stack, Stage

SYNC = Stack(name="sync", interface="wsgi", workers=4)
ASYNC = Stack(name="async", interface="asgi", workers=4)
seconds = st.floats(1e-4, 10)


@given(seconds, seconds, st.integers(1, 64), st.integers(1, 500))
def test_the_bound_is_the_least_of_the_three(unloaded_s: float, cpu_s: float, cores: int, users: int) -> None:
    """Users over latency, slots over latency, cores over CPU time."""
    found = laws.bound(SYNC, ClosedLoad(users=users), unloaded_s, cpu_s, cores)
    assert found is not None
    assert found.rps == pytest.approx(min(users / unloaded_s, 4 / unloaded_s, cores / cpu_s))


def test_four_slots_of_110_ms_allow_36_requests_a_second() -> None:
    """However many users wait."""
    found = laws.bound(SYNC, ClosedLoad(users=64), 0.110, 0.001, 1)
    assert found is not None
    assert (round(found.rps, 1), found.by) == (36.4, "slots")


def test_an_async_stack_has_no_slots() -> None:
    """Its workers turn to others while they wait."""
    found = laws.bound(ASYNC, ClosedLoad(users=64), 0.110, 0.001, 1)
    assert found is not None
    assert found.by == "load"


def test_an_open_load_bounds_at_its_rate() -> None:
    """No more can be answered than was sent."""
    found = laws.bound(ASYNC, OpenLoad(rate_rps=80), 0.1, 0.001, 1)
    assert found is not None
    assert (found.rps, found.by) == (80, "load")


def test_a_ramp_bounds_at_its_mean_rate() -> None:
    """From 10 to 200 requests a second for four seconds, then 200 for one: 620 requests in five seconds."""
    stages = (Stage(for_s=4, rate_rps=10, to_rps=200), Stage(for_s=1, rate_rps=200, to_rps=200))
    found = laws.bound(ASYNC, OpenLoad(rate_rps=200, stages=stages), 0.1, 0.001, 1)
    assert found is not None
    assert (found.rps, found.by) == (124, "load")


def test_without_an_unloaded_latency_there_is_no_bound() -> None:
    """A bound that nobody measured is no bound."""
    assert laws.bound(SYNC, ClosedLoad(users=64), None, 0.001, 1) is None


def record(**offered: int) -> Record:
    """A slice with so many requests to each endpoint."""
    endpoint_counts = tuple(
        EndpointCounts(endpoint=name, offered=amount, outcomes=Outcomes(right=amount), completed=amount)
        for name, amount in offered.items()
    )
    return Record(
        block=0, position=0, stack="sync", scenario="s", load=ClosedLoad(users=1), started_unix_s=0, window_s=1,
        warmup_s=0, endpoints=endpoint_counts,
    )  # fmt: skip


def test_each_endpoint_weighs_as_much_as_it_was_asked() -> None:
    """Three of four requests took 10 ms, one took 50."""
    block = BlockResult(number=0, records=(), unloaded_s={"sync": {"a": 0.010, "b": 0.050}})
    assert laws.unloaded_latency_s("sync", [record(a=3, b=1)], [block]) == pytest.approx(0.020)


def test_an_endpoint_that_was_never_asked_alone_leaves_the_latency_unknown() -> None:
    """A mean over the rest would be another workload's."""
    block = BlockResult(number=0, records=(), unloaded_s={"sync": {"a": 0.010}})
    assert laws.unloaded_latency_s("sync", [record(a=3, b=1)], [block]) is None
