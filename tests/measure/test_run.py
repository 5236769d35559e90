"""A run measures every block, stores each at once, and concludes; what was measured survives an interruption."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bakeoff.findings import state
from bakeoff.measure import measure_new
from bakeoff.model import ClosedLoad
from bakeoff.results import load_run
from tests.builders import experiment, stack
from tests.measure.fakes import FakeBackend, FakeGenerator, context, manifest, measured


def test_a_run_leaves_a_whole_folder(tmp_path: Path) -> None:
    """Manifest, blocks and summary, and every slice has its record."""
    asked = experiment()
    run = measured(asked, tmp_path)
    assert run.manifest.state == "complete"
    assert len(run.blocks) == asked.blocks
    assert all(len(block.records) == 12 for block in run.blocks)
    assert all(record.failure is None for block in run.blocks for record in block.records)
    assert {row.stack for row in run.summary.results if row.valid} == {"a", "b", "c"}


def test_twice_the_speed_is_found_and_called_faster(tmp_path: Path) -> None:
    """B answers in half of a's time, c in the same."""
    run = measured(experiment(), tmp_path)
    comparisons = {
        (comparison.candidate, comparison.metric): comparison
        for comparison in run.summary.comparisons
        if isinstance(comparison.load, ClosedLoad) and comparison.endpoint == "*"
    }
    assert comparisons["b", "throughput"].ratio.point == pytest.approx(2.0, rel=1e-3)
    assert comparisons["b", "latency_p50"].ratio.point == pytest.approx(0.5, rel=1e-2)
    assert comparisons["b", "throughput"].verdict == comparisons["b", "latency_p50"].verdict == "faster"
    assert comparisons["c", "throughput"].verdict == "same"


def test_a_stack_whose_use_nobody_can_see_has_a_valid_row_without_it(tmp_path: Path) -> None:
    """CPU time and memory are missing, with the reason, and never zero; no ratio of them is made."""
    run = measured(experiment(stack("a"), stack("elsewhere")), tmp_path)
    rows = [row for row in run.summary.results if row.stack == "elsewhere"]
    assert all(row.valid and row.throughput_rps and row.latency_ms.p50 for row in rows)
    assert {(row.cpu_ms_per_request, row.rss_mib) for row in rows} == {(None, None)}
    assert all("server CPU time and memory are unknown: it runs elsewhere" in row.withheld for row in rows)
    metrics = {comparison.metric for comparison in run.summary.comparisons}
    assert metrics & {"throughput", "cpu_per_request"} == {"throughput"}


def test_an_interrupted_run_says_so_and_stops_its_stacks(tmp_path: Path) -> None:
    """Complete blocks are kept."""
    asked = experiment()
    backend = FakeBackend()
    with pytest.raises(KeyboardInterrupt):
        measure_new(manifest(asked), tmp_path, context(backend, FakeGenerator(interrupt_after=17)))
    (folder,) = tmp_path.iterdir()
    stored = (folder / "manifest.json").read_text("utf-8")
    assert '"state": "failed"' in stored
    assert '"error": "KeyboardInterrupt"' in stored
    assert [path.parent.name for path in folder.glob("blocks/*/record.json")] == ["0000"]
    assert sum(event.startswith("start") for event in backend.events) == 6
    assert sum(event.startswith("stop") for event in backend.events) == 6


def test_a_run_ends_in_its_first_block_where_nothing_is_left_to_compare(tmp_path: Path) -> None:
    """With the reason, no result, and the generator not examined."""
    asked = experiment(stack("a"), stack("unready"), timeline=("/",))
    backend = FakeBackend()
    folder = measure_new(manifest(asked), tmp_path, dataclasses.replace(context(backend), certify=pytest.fail))
    run = load_run(folder.path)
    assert [block.number for block in run.blocks] == [0]
    assert sum(event.startswith("start") for event in backend.events) == 2, "no later block, and no timeline"
    findings = state(run)
    assert (findings.has_result, findings.ended_early) == (False, True)
    assert findings.headline.reasons == ("unready did not start (not ready within 30 s)", "a: it was not measured")


def test_a_run_with_results_did_not_end_early(tmp_path: Path) -> None:
    findings = state(measured(experiment(), tmp_path))
    assert (findings.has_result, findings.ended_early) == (True, False)
