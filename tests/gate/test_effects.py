"""What one block of a duet says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from bakeoff.gate.decision import Key
from bakeoff.gate.effects import measured, spoiled
from bakeoff.model import (
    BlockResult,
    ClosedLoad,
    Counts,
    EndpointCounts,
    GeneratorUse,
    Histogram,
    HistogramKind,
    Interval,
    Load,
    OpenLoad,
    Outcomes,
    Record,
    ServerUse,
)

CLOSED, OPEN = ClosedLoad(users=8), OpenLoad(rate_rps=100.0)


def record(position: int, side: str, load: Load, cpu_s: float, answers: dict[str, int], wrong: int = 0) -> Record:
    """One side's record."""
    return Record(
        block=1,
        position=position,
        stack=side,
        scenario="bakery",
        load=load,
        started_unix_s=0.0,
        window_s=2.0,
        warmup_s=0.2,
        endpoints=tuple(
            EndpointCounts(
                endpoint=endpoint,
                offered=count + wrong,
                outcomes=Outcomes(right=count, wrong=wrong),
                completed=count,
            )
            for endpoint, count in answers.items()
        ),
        server=ServerUse(cpu_s=cpu_s, rss_bytes=100 if side == "base" else 110, processes=1, threads=1, others_cpu_s=0),
        generator=GeneratorUse(cpu_s=0.2, window_s=2.0, connections_opened=8, requests_sent=100),
    )


def interval(position: int, endpoint: str, latency_s: float, count: int, kind: HistogramKind = "latency") -> Interval:
    """One second of equal latencies."""
    histogram = Histogram.of([int(latency_s * 1e9)] * count)
    return Interval(
        block=1, position=position, endpoint=endpoint, kind=kind, start_s=0.0, length_s=1.0, histogram=histogram
    )


def block(**changes: Any) -> tuple[BlockResult, list[Interval]]:
    """The head takes 10 % more CPU, 20 % longer for a cake, and as long for a frosting; 30 cakes to 10 frostings."""
    counts = {"/cake": 30, "/frosting": 10}
    records = (
        record(0, "base", CLOSED, 1.0, counts),
        record(1, "head", CLOSED, 1.1, counts),
        record(2, "base", OPEN, 0.1, counts),
        record(3, "head", OPEN, 0.1, counts, wrong=1),
    )
    intervals = [
        interval(position, endpoint, latency_s * (1.2 if position % 2 and endpoint == "/cake" else 1.0), count)
        for position in range(4)
        for endpoint, latency_s, count in (("/cake", 0.1, 30), ("/frosting", 0.05, 10))
    ]
    result = BlockResult(number=1, records=records, ready_s={"base": 1.0, "head": 2.0})
    return replace(result, **changes), intervals


def test_cpu_is_taken_over_both_loads() -> None:
    """Per right answer: 1.2 s for eighty of them against 1.1 s."""
    assert measured(*block()).effects[Key("cpu_per_request")] == pytest.approx(np.log(1.2 / 1.1))


def test_the_rounds_of_a_closed_loop_are_added_up() -> None:
    """The round with more requests counts for more."""
    result, intervals = block()
    more = {"/cake": 90, "/frosting": 30}
    rounds = (record(4, "base", CLOSED, 3.0, more), record(5, "head", CLOSED, 3.6, more))
    found = measured(replace(result, records=(*result.records, *rounds)), intervals)
    assert found.effects[Key("cpu_per_request")] == pytest.approx(np.log(4.8 / 4.1))
    assert found.base.requests == 200


def test_a_round_whose_use_is_unknown_leaves_none() -> None:
    """Half of the CPU time over all of the answers would be a wrong number."""
    result, intervals = block()
    unseen = replace(record(4, "base", CLOSED, 3.0, {"/cake": 90}), server=None)
    effects = measured(replace(result, records=(*result.records, unseen)), intervals).effects
    assert Key("cpu_per_request") not in effects


def test_latencies_are_taken_endpoint_by_endpoint() -> None:
    """And over all, weighted by requests: three cakes to a frosting."""
    effects = measured(*block()).effects
    assert effects[Key("latency_p50", "/cake")] == pytest.approx(np.log(1.2), abs=1e-3)
    assert effects[Key("latency_p50", "/frosting")] == 0
    assert effects[Key("latency_p50")] == pytest.approx(0.75 * np.log(1.2), abs=1e-3)


def test_a_percentile_of_too_few_answers_is_not_taken() -> None:
    """Ten frostings have a median; they have no p90 and no p99."""
    effects = measured(*block()).effects
    assert Key("latency_p50", "/frosting") in effects
    assert Key("latency_p90", "/frosting") not in effects
    assert Key("latency_p99") not in effects


def test_memory_start_up_and_throughput_stand_beside() -> None:
    """Above zero is worse for all of them."""
    effects = measured(*block()).effects
    assert effects[Key("memory")] == pytest.approx(np.log(1.1))
    assert effects[Key("start_up")] == pytest.approx(np.log(2))
    assert effects[Key("throughput")] > 0


def test_what_went_wrong_is_counted_on_its_side() -> None:
    """Over both loads."""
    found = measured(*block())
    assert found.base == Counts(requests=80, errors=0)
    assert found.head == Counts(requests=82, errors=2)


def test_a_side_that_answered_nothing_has_no_effects() -> None:
    """A failure is not turned into a number."""
    result, intervals = block()
    records = tuple(
        replace(one, endpoints=tuple(replace(counts, completed=0) for counts in one.endpoints))
        for one in result.records
    )
    effects = measured(replace(result, records=records), intervals[:4]).effects
    assert Key("cpu_per_request") not in effects
    assert not [key for key in effects if key.metric.startswith("latency")]


def test_a_block_whose_requests_were_sent_late_is_spoiled() -> None:
    """Late on both sides: nobody's fault, and nothing to decide on."""
    result, intervals = block()
    assert spoiled(result, intervals) is None
    lags = [interval(position, "/cake", 0.08, 30, kind="lag") for position in (2, 3)]
    assert "sent late" in str(spoiled(result, [*intervals, *lags]))


def test_a_block_whose_generator_was_busy_is_spoiled() -> None:
    """In the open loop, where it would be late; in the closed loop it may be as busy as it likes."""
    result, intervals = block()
    busy = GeneratorUse(cpu_s=1.9, window_s=2.0, connections_opened=8, requests_sent=100)
    for kind, expected in ((ClosedLoad, False), (OpenLoad, True)):
        records = tuple(replace(one, generator=busy) if isinstance(one.load, kind) else one for one in result.records)
        assert (spoiled(replace(result, records=records), intervals) is not None) is expected


def test_cpu_time_that_cannot_be_is_no_effect() -> None:
    """Threads that end take their CPU time out of the kernel's account: less than nothing seems to be used."""
    result, intervals = block()
    assert result.records[1].server is not None
    head = replace(result.records[1], server=replace(result.records[1].server, cpu_s=-0.1))
    records = (result.records[0], head, *result.records[2:])
    assert Key("cpu_per_request") not in measured(replace(result, records=records), intervals).effects
