"""Base and head are measured under the same loads; a pair that cannot be compared says which side and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakeoff.experiment.plan import plan_paired_block
from bakeoff.measure import PairFailure, measure_paired_block, probe
from bakeoff.model import BlockResult, ClosedLoad, Experiment, GateSettings, Interval, OpenLoad
from tests.builders import experiment, stack
from tests.measure.fakes import LATENCY_S, FakeBackend, FakeGenerator, context

BLOCK = plan_paired_block(seed=1, number=3)


def pair(rate_rps: float | None = None) -> Experiment:
    """An experiment of base and head."""
    gate = GateSettings(users=8, rate_rps=rate_rps)
    return experiment(stack("base"), stack("head"), loads=(), gate=gate)


def measured_pair(folder: Path, backend: FakeBackend | None = None) -> tuple[BlockResult, list[Interval]]:
    """A paired block on fakes."""
    return measure_paired_block(pair(), BLOCK, 100.0, folder, context(backend))


def test_each_side_has_a_record_of_the_closed_loop_and_of_the_open_loop(tmp_path: Path) -> None:
    """In this order, the open loop at the given rate, base before head."""
    result, intervals = measured_pair(tmp_path)
    closed, opened = ClosedLoad(users=8), OpenLoad(rate_rps=100.0)
    loads = [load for load in (closed, opened) for _ in range(2)]
    assert [record.stack for record in result.records] == ["base", "head"] * 2
    assert [record.load for record in result.records] == loads
    assert [record.position for record in result.records] == list(range(4))
    assert {interval.position for interval in intervals} == set(range(4))


def test_a_record_holds_the_requests_of_its_own_side_by_the_endpoints_own_name(tmp_path: Path) -> None:
    """The generator counts "base /" and "head /"; the side is not part of the endpoint."""
    result, intervals = measured_pair(tmp_path)
    assert {counts.endpoint for record in result.records for counts in record.endpoints} == {"/"}
    assert {interval.endpoint for interval in intervals} == {"/"}
    assert all(sum(counts.completed for counts in record.endpoints) > 0 for record in result.records)


def test_the_server_use_of_each_side_spans_the_whole_drive(tmp_path: Path) -> None:
    """The fake stack uses 1 ms between two readings."""
    result, _ = measured_pair(tmp_path)
    assert [record.server.cpu_s for record in result.records if record.server] == pytest.approx([1e-3] * 4)


def test_the_window_of_a_side_is_the_time_of_its_turns(tmp_path: Path) -> None:
    """So that its throughput is what it had alone; in the open loop both have the whole window."""
    result, _ = measured_pair(tmp_path)
    base, head, *opened = result.records
    assert base.generator is not None
    assert base.window_s + head.window_s == pytest.approx(base.generator.window_s)
    assert all(record.generator and record.window_s == record.generator.window_s for record in opened)


def test_both_sides_are_stopped(tmp_path: Path) -> None:
    """Nothing is left running."""
    backend = FakeBackend()
    measured_pair(tmp_path, backend)
    assert sorted(event for event in backend.events if event.startswith("stop")) == ["stop base", "stop head"]


def test_the_probe_finds_a_rate_at_which_requests_seldom_queue(tmp_path: Path) -> None:
    """Half of what both carry in turns: 8 users at 20 ms are 400 requests a second."""
    rate_rps, notes = probe(pair(), BLOCK, tmp_path, context())
    assert rate_rps == pytest.approx(0.5 * 400, rel=0.02)
    assert notes == ()


def test_a_given_rate_is_taken_as_it_is(tmp_path: Path) -> None:
    """Nothing is driven for it."""
    generator = FakeGenerator()
    rate_rps, _ = probe(pair(rate_rps=42.0), BLOCK, tmp_path, context(generator=generator))
    assert rate_rps == 42.0
    assert generator.driven == []


def test_a_head_that_answers_otherwise_is_noted_and_measured(tmp_path: Path) -> None:
    """A change may be meant to change answers."""
    _, differences = probe(pair(), BLOCK, tmp_path, context(generator=FakeGenerator(answers={"head": "pie"})))
    (difference,) = differences
    assert difference.startswith("GET /: body is 'pie', the baseline's 'cake'")


def test_wrong_answers_of_a_side_end_the_measurement(tmp_path: Path) -> None:
    """The message names the side and the request."""
    with pytest.raises(PairFailure, match="head gives wrong answers: GET /: not what was expected"):
        probe(pair(), BLOCK, tmp_path, context(generator=FakeGenerator(wrong={"head"})))


def test_a_head_whose_answers_make_a_task_raise_is_the_only_side_that_failed(tmp_path: Path) -> None:
    """The base's do not."""
    with pytest.raises(PairFailure, match="head gives wrong answers: task buy: KeyError: 'slices'") as failure:
        probe(pair(), BLOCK, tmp_path, context(generator=FakeGenerator(raising={"head"})))
    assert failure.value.side == "head"


def test_a_head_that_is_ten_times_slower_is_not_overloaded_by_the_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under equal arrivals at half of what both can carry together, the slower side can keep up."""
    monkeypatch.setitem(LATENCY_S, "head", 0.2)
    rate_rps, _ = probe(pair(), BLOCK, tmp_path, context())
    head_carries_rps = 8 / 0.2
    assert rate_rps / 2 < head_carries_rps
    assert rate_rps == pytest.approx(0.5 * 2 / (0.02 / 8 + 0.2 / 8), rel=0.05)
