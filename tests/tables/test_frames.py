"""The public tables: documented to the last column, typed, and equal to the analysis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bakeoff
from bakeoff.analysis import stats
from bakeoff.analysis.metrics import METRICS, RUN_METRICS
from bakeoff.model import ALL_ENDPOINTS, UserError
from bakeoff.tables import TABLES, Column, RunFrames
from tests.report import made_up

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "results" / "sample"
DOCS = (ROOT / "docs" / "api.md").read_text("utf-8")
METRIC_COLUMNS = [METRICS[metric].column for metric in RUN_METRICS]
UNITS = {"_ms": "ms", "_s": "s", "_rps": "1/s", "_mib": "MiB", "_ms_per_request": "ms", "_ratio": "share"}


@pytest.fixture(scope="module")
def sample() -> RunFrames:
    """The committed run, through the public function."""
    return bakeoff.load_run(SAMPLE)


@pytest.fixture(scope="module")
def made() -> RunFrames:
    """A made-up run with a stack that failed."""
    return RunFrames(made_up.with_failed(made_up.complete_run(), "fastapi-uvicorn"))


def documented(table: str) -> list[Column]:
    """The columns of a table as docs/api.md shows them."""
    section = DOCS.partition(f"### `{table}`")[2].partition("\n### ")[0].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [Column(name.strip("`"), kind.strip("`"), unit.strip(), meaning) for name, kind, unit, meaning in rows]  # type: ignore[arg-type]


@pytest.mark.parametrize("table", TABLES)
def test_the_documentation_names_every_column_with_its_type_unit_and_meaning(table: str) -> None:
    """docs/api.md and the tables cannot drift apart."""
    assert documented(table) == list(TABLES[table])


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("source", ["sample", "made", "empty"])
def test_every_table_has_the_documented_columns_and_types(
    request: pytest.FixtureRequest, source: str, table: str
) -> None:
    """Whatever the run was like; an empty one has empty tables of the same shape."""
    frames = RunFrames(made_up.empty_run()) if source == "empty" else request.getfixturevalue(source)
    frame = getattr(frames, table)
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {one.name: one.kind for one in TABLES[table]}
    assert list(frame.columns) == [one.name for one in TABLES[table]]
    assert (len(frame) == 0) == (source == "empty")


@pytest.mark.parametrize(
    "column", dict.fromkeys(one for table in TABLES.values() for one in table), ids=lambda one: one.name
)
def test_a_unit_is_in_the_name_and_in_the_documentation(column: Column) -> None:
    """And they say the same."""
    ends = {unit for end, unit in UNITS.items() if column.name.removesuffix("_low").removesuffix("_high").endswith(end)}
    if column.kind == "float64" and ends and column.name != "log_ratio":
        assert column.unit in ends


def test_the_results_are_those_of_the_summary(sample: RunFrames) -> None:
    """Point for point."""
    row, first = sample.results.iloc[0], sample.summary.results[0]
    assert first.throughput_rps is not None
    assert (row["stack"], row["requests"]) == (first.stack, first.requests)
    assert row["throughput_rps"] == first.throughput_rps.point


def test_estimates_follow_from_the_blocks(sample: RunFrames) -> None:
    """The geometric mean over a row's blocks is what the results say."""
    keys = ["stack", "scenario", "load", "endpoint"]
    columns = METRIC_COLUMNS
    logs = sample.blocks.set_index(keys)[columns].transform("log")
    means = logs.groupby(keys).mean().transform("exp")
    stated = sample.results.set_index(keys)[columns]
    pd.testing.assert_frame_equal(means.sort_index(), stated.sort_index(), check_dtype=False, rtol=1e-9)


def test_comparisons_follow_from_the_ratios(sample: RunFrames) -> None:
    """The estimate over a candidate's log ratios is the published ratio."""
    assert len(sample.comparisons) > 10
    for stated in sample.comparisons.itertuples():
        mine = sample.ratios.query(
            "metric == @stated.metric and load == @stated.load and endpoint == @stated.endpoint"
            " and candidate == @stated.candidate"
        )
        estimate = stats.ratio_estimate(mine["log_ratio"])
        assert estimate.n == stated.blocks
        assert estimate.point == pytest.approx(stated.ratio)
        assert estimate.low == pytest.approx(stated.ratio_low)


def test_ratios_to_another_stack_are_those_of_the_two(sample: RunFrames) -> None:
    """Swapping candidate and baseline turns the sign."""
    first, other = list(sample.results["stack"].unique())[:2]
    one = sample.ratios_to(first).query("candidate == @other")["log_ratio"].to_numpy()
    back = sample.ratios_to(other).query("candidate == @first")["log_ratio"].to_numpy()
    assert len(one) > 0
    np.testing.assert_allclose(one, -back)


def test_an_unknown_baseline_is_named_with_those_that_are_known(sample: RunFrames) -> None:
    """As a programmer's mistake."""
    with pytest.raises(ValueError, match="no stack 'nothing' in this run; there are flask-gunicorn-sync"):
        sample.ratios_to("nothing")


def test_each_offered_request_of_a_slice_has_one_outcome(sample: RunFrames) -> None:
    """The columns add up."""
    outcomes = sample.slices[["right", "wrong", "failed", "timed_out", "dropped", "unfinished"]].sum(axis=1)
    assert (outcomes == sample.slices["offered"]).all()


def test_what_was_withheld_has_no_values_by_block_either(made: RunFrames) -> None:
    """A number that was judged unfit does not come in by the back door; the slices keep why."""
    blocks = made.blocks.query("stack == 'fastapi-uvicorn'")
    assert blocks[METRIC_COLUMNS].isna().all(axis=None)
    assert made.slices.query("stack == 'fastapi-uvicorn'")["failure"].notna().all()
    assert "fastapi-uvicorn" not in set(made.ratios["candidate"])


def test_cpu_time_stands_only_where_all_endpoints_are_taken_together(sample: RunFrames) -> None:
    """A process serves them all."""
    apart = sample.blocks[sample.blocks["endpoint"] != ALL_ENDPOINTS]
    assert apart["cpu_ms_per_request"].isna().all()
    assert sample.blocks["cpu_ms_per_request"].notna().any()


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    """In one line."""
    with pytest.raises(UserError, match=r"is not a run folder"):
        bakeoff.load_run(tmp_path)


def test_importing_the_package_imports_nothing_heavy() -> None:
    """Tools that only want its version do not wait."""
    code = "import sys, bakeoff; sys.exit(' '.join({'numpy', 'pandas', 'msgspec', 'scipy'} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    """Lazy import hides no misspelling."""
    with pytest.raises(AttributeError, match="load_runs"):
        _ = bakeoff.load_runs


def test_the_columns_of_a_table_can_be_asked_for(sample: RunFrames) -> None:
    """In a notebook, without leaving it."""
    assert list(sample.columns("blocks")["column"]) == list(sample.blocks.columns)


def test_a_run_says_which_it_is() -> None:
    """When a notebook shows it."""
    assert "20251123T111700Z-bakery" in repr(RunFrames(made_up.complete_run()))
