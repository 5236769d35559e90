"""An interrupted run is finished where its numbers would still be of one kind, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bakeoff.cli.main import main
from bakeoff.measure import measure_new, remaining
from bakeoff.measure import resume as measure_rest
from bakeoff.model import ClosedLoad, Experiment, Machine, Run, Scenario, UserError
from bakeoff.results import RunFolder, load_run
from bakeoff.stacks import describe_machine
from tests.builders import experiment
from tests.measure import fakes
from tests.measure.fakes import FakeGenerator, manifest, measured

BLOCK_SLICES = 12


def resume(folder: RunFolder, **generator: Any) -> Run:
    """Finish a run on fakes."""
    measure_rest(folder, folder.manifest().experiment, fakes.context(generator=FakeGenerator(**generator)))
    return load_run(folder.path)


def interrupted(results: Path, after: int, asked: Experiment | None = None) -> RunFolder:
    """A run that was interrupted after some slices."""
    started = manifest(asked or experiment())
    with pytest.raises(KeyboardInterrupt):
        measure_new(started, results, fakes.context(generator=FakeGenerator(interrupt_after=after)))
    return RunFolder(results / started.run_id)


def whole(results: Path) -> Run:
    """The same run, never interrupted."""
    return measured(experiment(), results)


def test_a_resumed_run_concludes_what_it_would_have_without_the_interruption(tmp_path: Path) -> None:
    """The plan is a function of experiment and seed, so the missing blocks are the very ones."""
    finished = resume(interrupted(tmp_path / "one", after=2 * BLOCK_SLICES + 5))
    assert finished.summary == whole(tmp_path / "two").summary
    assert finished.manifest.state == "complete"
    assert len(finished.manifest.resumed_utc) == 1


def test_complete_blocks_are_not_measured_again(tmp_path: Path) -> None:
    """Two of seven were complete; the third, which was under way, begins anew."""
    folder = interrupted(tmp_path, after=2 * BLOCK_SLICES + 5)
    before = {path: path.stat().st_mtime_ns for path in folder.path.glob("blocks/*/record.json")}
    generator = FakeGenerator()
    measure_rest(folder, folder.manifest().experiment, fakes.context(generator=generator))
    assert len(before) == 2
    assert len(generator.driven) == 5 * BLOCK_SLICES
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_the_interrupted_block_left_is_gone(tmp_path: Path) -> None:
    """Its logs do not mix with those of the new attempt."""
    folder = interrupted(tmp_path, after=5)
    stale = folder.block(0) / "a.log"
    stale.write_text("of the first attempt", "utf-8")
    resume(folder)
    assert not stale.exists()


def test_a_run_may_be_interrupted_and_resumed_more_than_once(tmp_path: Path) -> None:
    """Each time is noted."""
    folder = interrupted(tmp_path, after=BLOCK_SLICES)
    with pytest.raises(KeyboardInterrupt):
        resume(folder, interrupt_after=3 * BLOCK_SLICES)
    assert folder.manifest().state == "failed"
    assert len(folder.blocks()) == 4
    assert len(resume(folder).manifest.resumed_utc) == 2


def test_a_killed_run_is_resumed_too(tmp_path: Path) -> None:
    """Its manifest still says that it is running."""
    folder = interrupted(tmp_path, after=BLOCK_SLICES)
    folder.write_manifest(msgspec.structs.replace(folder.manifest(), state="running", error=None))
    assert resume(folder).manifest.state == "complete"


@pytest.mark.parametrize("after", [0, BLOCK_SLICES, 3 * BLOCK_SLICES + 1])
def test_what_is_left_are_the_blocks_without_a_record(tmp_path: Path, after: int) -> None:
    """The progress bar is told no more than that."""
    folder = interrupted(tmp_path, after=after)
    assert remaining(folder, describe_machine()).blocks == experiment().blocks - after // BLOCK_SLICES


def other_machine(**changes: Any) -> Machine:
    """This machine, but for some facts."""
    return msgspec.structs.replace(describe_machine(), **changes)


@pytest.mark.parametrize(
    ("machine", "message"),
    [
        (
            other_machine(cpu_model="M1"),
            r"processor was .* and is M1; resume on the machine where it began, or",
        ),
        (other_machine(kernel="0.1"), r"kernel was .* and is 0\.1; resume on the machine where it began"),
        (
            other_machine(python="2.7"),
            r"Python was .* and is 2\.7; install the versions that it began with, or",
        ),
        (other_machine(versions={"gunicorn": "1"}), r"gunicorn was .* and is 1"),
    ],
)
def test_another_machine_is_refused_in_one_line(tmp_path: Path, machine: Machine, message: str) -> None:
    """Numbers of two machines do not make one run."""
    folder = interrupted(tmp_path, after=0)
    with pytest.raises(UserError, match=rf"cannot be resumed: .*{message}") as refused:
        remaining(folder, machine)
    assert "\n" not in str(refused.value)


def test_another_name_or_load_of_the_machine_is_no_reason(tmp_path: Path) -> None:
    """Containers change their names from start to start."""
    folder = interrupted(tmp_path, after=0)
    assert remaining(folder, other_machine(hostname="other", warnings=("busy",))).blocks == experiment().blocks


def test_an_edited_scenario_is_refused(tmp_path: Path) -> None:
    """Half of the blocks would have measured something else."""
    file = tmp_path / "users.py"
    file.write_text("# as it was", "utf-8")
    asked = experiment(scenarios=(Scenario(name="front", locustfile=str(file)),), loads=(ClosedLoad(users=8),))
    folder = interrupted(tmp_path, after=0, asked=asked)
    with pytest.raises(UserError, match=r"scenario front was .* restore what it began with"):
        remaining(folder, describe_machine())
    file.unlink()
    with pytest.raises(UserError, match=r"users\.py cannot be read: No such file"):
        remaining(folder, describe_machine())


def test_a_run_that_another_process_measures_is_left_alone(tmp_path: Path) -> None:
    """Two writers would mix their blocks."""
    folder = interrupted(tmp_path, after=0)
    with folder.locked(), pytest.raises(UserError, match="being measured by another process"):
        remaining(folder, describe_machine())
    assert remaining(folder, describe_machine()).blocks == experiment().blocks


def test_a_run_that_did_not_finish_names_the_remedy(tmp_path: Path) -> None:
    """Whoever wants its report is told how to get one."""
    folder = interrupted(tmp_path, after=BLOCK_SLICES)
    with pytest.raises(UserError, match=f"is not finished; finish it with: bakeoff resume {folder.path}"):
        folder.summary()


def test_a_complete_run_has_only_its_reports_rendered_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is measured, on whatever machine that is."""
    finished = whole(tmp_path)
    folder = tmp_path / finished.manifest.run_id
    assert main(["resume", str(folder)]) == 0
    assert "is complete; only its reports are rendered again" in capsys.readouterr().err
    assert RunFolder(folder).manifest() == finished.manifest
    assert finished.manifest.run_id in (tmp_path / "index.html").read_text("utf-8")
