"""Every metric of the registry keeps the registry's contract."""

from __future__ import annotations

from typing import get_args

import pytest

from bakeoff.analysis.metrics import METRICS, PERCENTILES, RUN_METRICS, is_comparable, per_block
from bakeoff.analysis.rows import rows_of
from bakeoff.model import ALL_ENDPOINTS, Estimate, GateMetric, Latency, Metric
from bakeoff.tables.schema import BLOCKS, RESULTS
from tests.report import made_up


def test_every_metric_of_the_model_is_defined_once() -> None:
    """Those of a gate and those of a run; no two have the same label or heading."""
    assert set(METRICS) == set(get_args(GateMetric))
    assert set(RUN_METRICS) <= set(METRICS)
    assert len({definition.label for definition in METRICS.values()}) == len(METRICS)
    assert len({definition.heading for definition in METRICS.values()}) == len(METRICS)


def test_only_for_throughput_more_is_better() -> None:
    """All others are times, or memory."""
    assert [name for name, definition in METRICS.items() if definition.more_is_better] == ["throughput"]


def test_percentiles_are_those_that_results_have() -> None:
    """And rise."""
    assert set(PERCENTILES) == set(Latency.__struct_fields__) - {"max", "at_least"}
    assert list(PERCENTILES.values()) == sorted(PERCENTILES.values())


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_has_words_and_a_unit(name: GateMetric) -> None:
    """Its label fits into a sentence."""
    definition = METRICS[name]
    assert definition.label
    assert definition.heading
    assert definition.unit
    assert definition.label[0].islower() or definition.label.startswith("CPU")
    assert definition.percentile is None or definition.percentile in PERCENTILES


@pytest.mark.parametrize("name", RUN_METRICS)
def test_a_metric_of_a_run_is_read_in_one_unit_from_blocks_results_and_tables(name: Metric) -> None:
    """The made-up run's truth is about what its blocks and its results say."""
    run = made_up.complete_run()
    row = next(row for row in rows_of(run.manifest.experiment, run.blocks, run.intervals))
    result = run.result(row.condition, row.stack.name)
    assert row.endpoint == ALL_ENDPOINTS
    assert result is not None
    estimate = METRICS[name].of_result(result)
    assert estimate is not None
    values = per_block(name, row)
    assert sorted(values) == [block.number for block in run.blocks]
    assert all(0.2 * estimate.point < value < 5 * estimate.point for value in values.values())
    assert METRICS[name].column in {column.name for column in RESULTS}
    assert METRICS[name].column in {column.name for column in BLOCKS}


@pytest.mark.parametrize("name", RUN_METRICS)
def test_a_row_without_numbers_quotes_no_metric(name: Metric) -> None:
    """Nothing is read from it as zero."""
    run = made_up.complete_run()
    row = next(row for row in rows_of(run.manifest.experiment, run.blocks, run.intervals))
    result = made_up.without_numbers(made_up.summary().results[0])
    assert METRICS[name].of_result(result) is None
    assert not is_comparable(name, row, result)


@pytest.mark.parametrize("name", sorted(set(METRICS) - set(RUN_METRICS)))
def test_a_metric_of_gates_alone_is_not_read_from_a_run(name: GateMetric) -> None:
    """A run has no interval for it."""
    estimates: list[Estimate | None] = [METRICS[name].of_result(result) for result in made_up.summary().results]
    assert set(estimates) == {None}
