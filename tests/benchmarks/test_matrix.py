"""The matrix has every server and every app, and its samples tell nothing of the machine that they were made on."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bakeoff.experiment import read_experiment
from bakeoff.experiment.design import check_design
from bakeoff.model import Run
from bakeoff.results import load_run
from bakeoff.stacks import servers
from benchmarks.matrix.measure import EXPERIMENTS, KINDS, ROOT, config, keep, size_bytes, without_valid_row
from benchmarks.matrix.page import page
from tests.findings.changes import with_row

SAMPLE = ROOT / "results" / "sample"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_can_show_a_difference(name: str) -> None:
    """It has enough blocks for its candidates, and each of its stacks can be started as it is declared."""
    experiment = read_experiment(config(name))
    check_design(experiment)
    for stack in experiment.stacks:
        assert servers.command_line(stack, "127.0.0.1", 8000, "python")


def test_every_server_is_measured_with_every_interface_that_it_serves() -> None:
    measured = {(stack.server, stack.interface) for stack in read_experiment(config("servers")).stacks}
    assert measured == {(name, interface) for name in servers.names() for interface in servers.adapter(name).INTERFACES}


def test_every_app_is_measured() -> None:
    """Each file of ``apps/`` is in a stack."""
    measured = {stack.app.partition(":")[0] for stack in read_experiment(config("apps")).stacks if stack.app}
    assert measured == {f"apps.{path.stem}" for path in (ROOT / "apps").glob("*_app.py")}


def test_a_sample_is_a_run_that_can_be_read(tmp_path: Path) -> None:
    """With the same numbers and latencies, and without the machine's name; in less space."""
    keep(SAMPLE, tmp_path / "kept")
    kept, original = load_run(tmp_path / "kept"), load_run(SAMPLE)
    assert kept.intervals == tuple(interval for interval in original.intervals if interval.kind in KINDS)
    assert size_bytes(tmp_path / "kept") < 0.7 * size_bytes(SAMPLE)
    assert msgspec.json.encode(kept.summary) == msgspec.json.encode(original.summary)
    assert kept.records == original.records
    assert (kept.manifest.machine.hostname, kept.manifest.environments) == ("bakery", {})


def test_the_page_has_a_part_for_each_run_with_all_its_stacks(run: Run) -> None:
    """And none for a run that is missing."""
    text = page({"apps": run})
    assert "## What a framework costs" in text
    assert "## What a server costs" not in text
    assert all(f"| {stack.name} " in text for stack in run.manifest.experiment.stacks)


def test_a_stack_without_a_valid_row_is_named_with_the_reason(run: Run) -> None:
    """As is one without any row."""
    withheld = with_row(run, "fastapi-uvicorn", valid=False, withheld=("the generator was busy",))
    stacks = ("flask-gunicorn-sync", "fastapi-uvicorn", "absent")
    assert list(without_valid_row(stacks, withheld.summary)) == [
        "fastapi-uvicorn: the generator was busy",
        "absent: nothing was recorded",
    ]
