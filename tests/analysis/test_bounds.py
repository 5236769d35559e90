"""The bound of a stack is the lowest of those that the operational laws give."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.analysis import bound, slots, unloaded_latency_s
from bakeoff.model import BlockResult, ClosedLoad, EndpointCounts, OpenLoad, Outcomes, Record, Stack, Stage

SYNC = Stack(name="sync", interface="wsgi", workers=4)
ASYNC = Stack(name="async", interface="asgi", workers=4)
seconds = st.floats(1e-4, 10)


@given(seconds, seconds, st.floats(0.1, 64), st.integers(1, 500))
def test_the_bound_is_the_least_of_the_three(unloaded_s: float, cpu_s: float, cores: float, users: int) -> None:
    """Users over latency, slots over latency, cores over CPU time."""
    lowest = bound(SYNC, ClosedLoad(users=users), unloaded_s, cpu_s, cores)
    assert lowest is not None
    assert lowest.rps == pytest.approx(min(users / unloaded_s, 4 / unloaded_s, cores / cpu_s))


def test_four_slots_of_110_ms_allow_36_requests_a_second() -> None:
    """However many users wait."""
    lowest = bound(SYNC, ClosedLoad(users=64), 0.110, 0.001, 1)
    assert lowest is not None
    assert (round(lowest.rps, 1), lowest.by) == (36.4, "slots")


def test_a_worker_that_serves_many_at_a_time_has_no_slots() -> None:
    """On gevent, a WSGI app waits in greenlets, not in threads."""
    for worker_class, expected in (("gevent", None), ("sync", 2), ("gthread", 2)):
        assert slots(msgspec.structs.replace(SYNC, workers=2, options={"worker-class": worker_class})) == expected


def test_an_async_stack_has_no_slots() -> None:
    """Each of its workers handles other requests while one waits."""
    lowest = bound(ASYNC, ClosedLoad(users=64), 0.110, 0.001, 1)
    assert lowest is not None
    assert lowest.by == "load"


def test_an_open_load_bounds_at_its_rate() -> None:
    """No more can be answered than was sent."""
    lowest = bound(ASYNC, OpenLoad(rate_rps=80), 0.1, 0.001, 1)
    assert lowest is not None
    assert (lowest.rps, lowest.by) == (80, "load")


def test_a_ramp_bounds_at_its_mean_rate() -> None:
    """From 10 to 200 requests a second for four seconds, then 200 for one: 620 requests in five seconds."""
    stages = (Stage(for_s=4, rate_rps=10, to_rps=200), Stage(for_s=1, rate_rps=200, to_rps=200))
    lowest = bound(ASYNC, OpenLoad(rate_rps=200, stages=stages), 0.1, 0.001, 1)
    assert lowest is not None
    assert (lowest.rps, lowest.by) == (124, "load")


def test_without_an_unloaded_latency_there_is_no_bound() -> None:
    """It cannot be computed."""
    assert bound(SYNC, ClosedLoad(users=64), None, 0.001, 1) is None


def record(**offered: int) -> Record:
    """A slice with a number of requests to each endpoint."""
    endpoint_counts = tuple(
        EndpointCounts(endpoint=name, offered=amount, outcomes=Outcomes(right=amount), completed=amount)
        for name, amount in offered.items()
    )
    return Record(
        block=0, position=0, stack="sync", scenario="s", load=ClosedLoad(users=1), started_unix_s=0, window_s=1,
        warmup_s=0, endpoints=endpoint_counts,
    )  # fmt: skip


def test_each_endpoint_is_weighted_by_its_requests() -> None:
    """Three of four requests took 10 ms, one took 50."""
    block = BlockResult(number=0, records=(), unloaded_s={"sync": {"a": 0.010, "b": 0.050}})
    assert unloaded_latency_s("sync", [record(a=3, b=1)], [block]) == pytest.approx(0.020)


def test_an_endpoint_without_an_unloaded_latency_leaves_the_mean_unknown() -> None:
    """A mean over the other endpoints would be that of another workload."""
    block = BlockResult(number=0, records=(), unloaded_s={"sync": {"a": 0.010}})
    assert unloaded_latency_s("sync", [record(a=3, b=1)], [block]) is None


def test_async_cores_of_uwsgi_are_its_slots() -> None:
    """They replace its threads."""
    stack = msgspec.structs.replace(SYNC, server="uwsgi", workers=2, threads=1, options={"gevent": 100})
    assert slots(stack) == 200
