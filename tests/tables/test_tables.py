"""The tidy tables: what notebooks read and figures are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pandas as pd
import pytest

from bakeoff import tables
from bakeoff.model import ClosedLoad, Histogram, Interval, Run
from bakeoff.tables import schema
from tests.report.made_up import BLOCKS, LOADS, STACKS, with_timeouts

TABLES = (
    (tables.results_table, schema.RESULTS),
    (tables.comparisons_table, schema.COMPARISONS),
    (tables.blocks_table, schema.BLOCKS),
    (tables.slices_table, schema.SLICES),
    (tables.latencies_table, schema.LATENCIES),
    (tables.seconds_table, schema.SECONDS),
    (tables.heat_table, schema.MOMENTS),
    (tables.timeline_table, schema.TIMELINE),
)


@pytest.mark.parametrize(("make", "columns"), TABLES)
def test_every_table_has_its_columns_and_types_even_when_it_has_no_rows(
    run: Run, empty: Run, make: Callable[[Run], pd.DataFrame], columns: schema.Table
) -> None:
    """Code that reads a table need not check first whether it has rows."""
    for table in (make(run), make(empty)):
        assert {name: str(kind) for name, kind in table.dtypes.items()} == {col.name: col.kind for col in columns}
    assert len(make(run)) > 0
    assert len(make(empty)) == 0


def test_an_estimate_is_three_columns_that_equal_the_summary(run: Run) -> None:
    """Point, low and high are those of the analysis, unchanged."""
    row, first = tables.results_table(run).iloc[0], run.summary.results[0]
    assert first.throughput_rps is not None
    assert row["throughput_rps"] == first.throughput_rps.point
    assert row["throughput_rps_low"] == first.throughput_rps.low
    assert row["throughput_rps_high"] == first.throughput_rps.high


def test_what_was_withheld_is_missing_and_not_zero(run: Run) -> None:
    """A column of numbers stays one when all of it is withheld."""
    column = tables.results_table(run)["latency_p999_ms"]
    assert column.dtype == np.float64
    assert column.isna().all()


def test_a_row_that_is_not_valid_has_no_numbers_to_plot(run: Run) -> None:
    """Even if the analysis had left some in."""
    rows = tuple(msgspec.structs.replace(row, valid=False) for row in run.summary.results)
    table = tables.results_table(replace(run, summary=msgspec.structs.replace(run.summary, results=rows)))
    assert table["throughput_rps"].isna().all()
    assert table["rss_mib"].isna().all()


def test_the_percentiles_of_all_endpoints_are_those_of_their_requests_together(run: Run) -> None:
    """They are merged from counts, not averaged from percentiles."""
    first = run.blocks[0].records[0]
    own = {
        (one.block, one.position)
        for block in run.blocks
        for one in block.records
        if (one.stack, one.load) == (first.stack, first.load)
    }
    together = Histogram.merge(each.histogram for each in run.intervals if (each.block, each.position) in own)
    table = tables.latencies_table(run)
    rows = table[(table["stack"] == first.stack) & (table["load"] == "64 users") & (table["endpoint"] == "*")]
    median = rows[rows["quantile"] == 0.5]["latency_ms"].item()
    assert median == pytest.approx(1e3 * (together.quantile_s(0.5) or 0))
    assert rows["requests"].unique().tolist() == [together.total]


def test_a_latency_curve_ends_where_fewer_than_ten_requests_took_longer(run: Run) -> None:
    """Beyond that, it would draw luck."""
    table = tables.latencies_table(run)
    assert ((1 - table["quantile"]) * table["requests"]).min() >= tables.BEYOND - 1e-6


def test_a_latency_curve_never_falls(run: Run) -> None:
    """A higher percentile is no quicker."""
    for _, curve in tables.latencies_table(run).groupby(["stack", "load", "endpoint"]):
        assert curve["latency_ms"].is_monotonic_increasing


def test_the_slices_of_a_stack_follow_one_another_without_a_gap(run: Run) -> None:
    """Time over all blocks is the time that the stack was measured, whatever ran in between."""
    table = tables.seconds_table(run)
    for _, rows in table.groupby(["stack", "load"]):
        ends = rows["measured_s"] + rows["length_s"]
        assert rows["measured_s"].iloc[0] == 0
        assert np.allclose(rows["measured_s"].iloc[1:], ends.iloc[:-1])
        assert ends.iloc[-1] == pytest.approx(2.4 * 2 * BLOCKS)


def test_throughput_counts_each_request_once_over_the_time_it_took(run: Run) -> None:
    """A second that is not whole is not a slump."""
    table = tables.seconds_table(run)
    assert np.allclose(table["throughput_rps"] * table["length_s"], table["requests"])
    assert table["requests"].sum() == sum(each.histogram.total for each in run.intervals)


def test_a_short_rest_joins_the_second_before_it(run: Run) -> None:
    """A fifth of a second holds too few requests for a rate."""
    assert sorted(tables.seconds_table(run)["length_s"].round(3).unique()) == [1.0, 1.4]


def test_the_moments_of_a_heat_map_follow_one_another_without_a_gap_or_an_overlap(run: Run) -> None:
    """Each is as long as what was measured in it: the last one ends when the last slice did."""
    for _, rows in tables.heat_table(run).groupby(["stack", "load"]):
        moments = rows.drop_duplicates("measured_s")
        ends = moments["measured_s"] + moments["length_s"]
        assert np.allclose(moments["measured_s"].iloc[1:], ends.iloc[:-1])
        assert ends.iloc[-1] == pytest.approx(2.4 * 2 * BLOCKS)


def test_a_heat_map_counts_every_request_once(run: Run) -> None:
    """Shares of a moment add up to one, requests to all that were recorded."""
    table = tables.heat_table(run)
    recorded = sum(interval.histogram.total for interval in run.intervals if interval.kind == "latency")
    assert table["requests"].sum() == recorded
    assert np.allclose(table.groupby(["stack", "load", "measured_s"])["share"].sum(), 1.0)


def test_histograms_of_another_kind_are_no_latency(run: Run) -> None:
    """How late a request left says nothing about the server."""
    lag = Interval(
        block=1, position=0, endpoint="/cake", kind="lag", start_s=0, length_s=1, histogram=Histogram.of([1] * 500)
    )
    assert tables.seconds_table(replace(run, intervals=(*run.intervals, lag))).equals(tables.seconds_table(run))


def test_two_loads_that_differ_in_think_time_alone_are_two_loads(run: Run) -> None:
    """Tables and figures are keyed by the load's words."""
    rows = tuple(
        msgspec.structs.replace(row, load=ClosedLoad(users=64, think_s=0.5)) for row in run.summary.results[:1]
    )
    summary = msgspec.structs.replace(run.summary, results=run.summary.results + rows)
    assert "64 users, 0.5 s apart" in set(tables.results_table(replace(run, summary=summary))["load"])


def test_the_timeline_table_has_one_row_a_step(run: Run) -> None:
    """Eleven for the cake and five for the frosting, on each stack, in milliseconds."""
    table = tables.timeline_table(run)
    assert len(table) == len(STACKS) * (11 + 5)
    assert table.iloc[0][["stack", "endpoint", "step", "name"]].tolist() == [STACKS[0].name, "/cake", 1, "step 1"]
    assert table["start_ms"].iloc[0] == pytest.approx(2.1)


def test_every_comparison_is_a_row(run: Run) -> None:
    """Ratios keep their level, blocks and verdict."""
    table = tables.comparisons_table(run)
    assert len(table) == len(run.summary.comparisons)
    assert set(table["blocks"]) == {BLOCKS}
    assert set(table["load"]) == {"64 users", "50/s"}
    assert len(LOADS) == 2


def test_a_latency_curve_goes_on_as_a_lower_bound_among_requests_without_a_right_answer(run: Run) -> None:
    """It does not end at the slowest answer. That of another stack stays exact."""
    stack, other = run.stack_names[:2]
    table = tables.latencies_table(with_timeouts(run, stack))
    whole = table[(table["load"] == "64 users") & (table["endpoint"] == "*")]
    curve = whole[whole["stack"] == stack]
    assert curve["latency_ms"].is_monotonic_increasing
    bounds = curve[curve["quantile"] >= 0.99]
    assert bounds["at_least"].all()
    assert np.allclose(bounds["latency_ms"], 10_000, rtol=0.001)
    assert not curve[curve["quantile"] < 0.97]["at_least"].any()
    assert not whole[whole["stack"] == other]["at_least"].any()


def test_a_second_with_timeouts_has_a_p99_that_is_a_lower_bound(run: Run) -> None:
    """Its throughput counts right answers only."""
    stack = run.stack_names[0]
    before, after = tables.seconds_table(run), tables.seconds_table(with_timeouts(run, stack))
    assert after["throughput_rps"].equals(before["throughput_rps"])
    rows = after[after["stack"] == stack]
    assert (rows["errors"] > 0).all()
    assert rows["latency_p99_at_least"].all()
    assert np.allclose(rows["latency_p99_ms"], 10_000, rtol=0.001)
    assert not rows["latency_p50_at_least"].any()
