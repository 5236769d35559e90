"""The effects of one paired block."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from bakeoff.gate.effects import MetricKey, block_effects, why_unusable
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
    """Head uses 10 % more CPU and takes 20 % longer for cakes, as long for frostings; 30 cakes and 10 frostings."""
    counts = {"/cake": 30, "/frosting": 10}
    records = (
        record(0, "base", CLOSED, 1.0, counts),
        record(1, "head", CLOSED, 1.3, counts),
        record(2, "base", OPEN, 0.10, counts),
        record(3, "head", OPEN, 0.11, counts, wrong=1),
    )
    intervals = [
        interval(position, endpoint, latency_s * (1.2 if position % 2 and endpoint == "/cake" else 1.0), count)
        for position in range(4)
        for endpoint, latency_s, count in (("/cake", 0.1, 30), ("/frosting", 0.05, 10))
    ]
    result = BlockResult(number=1, records=records, ready_s={"base": 1.0, "head": 2.0})
    return replace(result, **changes), intervals


def test_cpu_is_that_of_the_open_loop() -> None:
    """Per right answer. A mean over both loads would hold for neither, and depend on how many answers each gave."""
    assert block_effects(*block()).effects[MetricKey("cpu_per_request")] == pytest.approx(np.log(1.1))


def test_the_rounds_of_an_open_loop_are_added_up() -> None:
    """A round with more requests has more weight."""
    result, intervals = block()
    more = {"/cake": 90, "/frosting": 30}
    rounds = (record(4, "base", OPEN, 0.30, more), record(5, "head", OPEN, 0.36, more))
    totals = block_effects(replace(result, records=(*result.records, *rounds)), intervals)
    assert totals.effects[MetricKey("cpu_per_request")] == pytest.approx(np.log(4.7 / 4.0))
    assert totals.counts.base.requests == 200


def test_a_round_without_cpu_time_leaves_no_effect_on_it() -> None:
    """A part of the CPU time over all of the answers would be a wrong number."""
    result, intervals = block()
    unknown = replace(record(4, "base", OPEN, 0.3, {"/cake": 90}), server=None)
    effects = block_effects(replace(result, records=(*result.records, unknown)), intervals).effects
    assert MetricKey("cpu_per_request") not in effects


def test_latencies_are_taken_endpoint_by_endpoint() -> None:
    """And over all endpoints, weighted by requests: three cakes to a frosting."""
    effects = block_effects(*block()).effects
    assert effects[MetricKey("latency_p50", "/cake")] == pytest.approx(np.log(1.2), abs=1e-3)
    assert effects[MetricKey("latency_p50", "/frosting")] == 0
    assert effects[MetricKey("latency_p50")] == pytest.approx(0.75 * np.log(1.2), abs=1e-3)


def test_a_percentile_of_too_few_answers_has_no_effect() -> None:
    """Ten frostings are enough for a median, not for p90 or p99."""
    effects = block_effects(*block()).effects
    assert MetricKey("latency_p50", "/frosting") in effects
    assert MetricKey("latency_p90", "/frosting") not in effects
    assert MetricKey("latency_p99") not in effects


def test_memory_start_up_and_throughput_have_effects() -> None:
    """Above zero is worse for all of them. Head has as many answers in the closed loop, in 20 % more time."""
    result, intervals = block()
    base, head, *others = result.records
    effects = block_effects(replace(result, records=(base, replace(head, window_s=2.4), *others)), intervals).effects
    assert effects[MetricKey("memory")] == pytest.approx(np.log(1.1))
    assert effects[MetricKey("start_up")] == pytest.approx(np.log(2))
    assert effects[MetricKey("throughput")] == pytest.approx(np.log(1.2))


def test_errors_are_counted_by_side() -> None:
    """Over both loads."""
    totals = block_effects(*block())
    assert totals.counts.base == Counts(requests=80, errors=0)
    assert totals.counts.head == Counts(requests=82, errors=2)


def test_a_side_that_answered_nothing_has_no_effects() -> None:
    """A failure does not become a number."""
    result, intervals = block()
    records = tuple(
        replace(answered, endpoints=tuple(replace(counts, completed=0) for counts in answered.endpoints))
        for answered in result.records
    )
    effects = block_effects(replace(result, records=records), intervals[:4]).effects
    assert MetricKey("cpu_per_request") not in effects
    assert not [key for key in effects if key.metric.startswith("latency")]


def test_a_block_whose_requests_were_sent_late_is_unusable() -> None:
    """The generator was late for both sides, so neither is to blame."""
    result, intervals = block()
    assert why_unusable(result, intervals) is None
    lags = [interval(position, "/cake", 0.08, 30, kind="lag") for position in (2, 3)]
    assert "sent late" in str(why_unusable(result, [*intervals, *lags]))


def test_a_block_whose_generator_was_busy_in_the_open_loop_is_unusable() -> None:
    """There it would send late. In the closed loop it may be busy."""
    result, intervals = block()
    busy = GeneratorUse(cpu_s=1.9, window_s=2.0, connections_opened=8, requests_sent=100)
    for kind, expected in ((ClosedLoad, False), (OpenLoad, True)):
        records = tuple(
            replace(side, generator=busy) if isinstance(side.load, kind) else side for side in result.records
        )
        assert (why_unusable(replace(result, records=records), intervals) is not None) is expected


def test_a_negative_cpu_time_has_no_effect() -> None:
    """A process that ends takes its CPU time out of the kernel's account, so that less seems to be used than before."""
    result, intervals = block()
    *others, head = result.records
    assert head.server is not None
    records = (*others, replace(head, server=replace(head.server, cpu_s=-0.1)))
    assert MetricKey("cpu_per_request") not in block_effects(replace(result, records=records), intervals).effects


def test_requests_without_an_answer_never_make_a_side_look_faster() -> None:
    """Two in 32 of head's cakes: its median counts them, its p90 too."""
    result, intervals = block()
    clean = block_effects(result, intervals).effects
    timeouts = [interval(position, "/cake", 10.0, 2, kind="error") for position in (1, 3)]
    effects = block_effects(result, [*intervals, *timeouts]).effects
    assert effects[MetricKey("latency_p50", "/cake")] >= clean[MetricKey("latency_p50", "/cake")]


@pytest.mark.parametrize("waited_s", [10.0, 0.0001])
@pytest.mark.parametrize("positions", [(2,), (3,), (2, 3)], ids=["base", "head", "both"])
def test_a_percentile_that_is_a_bound_on_either_side_has_no_effect(waited_s: float, positions: tuple[int, ...]) -> None:
    """With eight of 38 requests unanswered, p90 is not known, however quickly they failed. The median still is."""
    result, intervals = block()
    failed = [interval(position, "/cake", waited_s, 8, kind="error") for position in positions]
    measured = block_effects(result, [*intervals, *failed])
    assert MetricKey("latency_p90") in block_effects(result, intervals).effects
    assert MetricKey("latency_p90") not in measured.effects
    assert measured.censored == {MetricKey("latency_p90", "/cake")}
    assert MetricKey("latency_p50", "/cake") in measured.effects


def test_an_endpoint_that_no_longer_answers_is_not_left_out_of_all_endpoints() -> None:
    """Every frosting of head timed out: the median over all endpoints is not that of the cakes."""
    result, intervals = block()
    lost = [
        replace(part, kind="error") if (part.position, part.endpoint) == (3, "/frosting") else part
        for part in intervals
    ]
    effects = block_effects(result, lost).effects
    assert MetricKey("latency_p50") in block_effects(result, intervals).effects
    assert MetricKey("latency_p50") not in effects
