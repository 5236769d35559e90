"""An interrupted run is finished where its numbers would still be of one kind, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bakeoff.cli.main import main
from bakeoff.measure import as_of_now, check_unchanged, measure_new, remaining
from bakeoff.measure import resume as measure_rest
from bakeoff.model import (
    ClosedLoad,
    Code,
    Environment,
    Experiment,
    LoadOrigin,
    Machine,
    Manifest,
    Run,
    Scenario,
    UserError,
)
from bakeoff.results import RunFolder, load_run
from bakeoff.stacks import codes_of, describe_machine
from tests.builders import experiment, stack
from tests.measure import fakes
from tests.measure.fakes import FakeGenerator, manifest, measured

BLOCK_SLICES = 12


def resume(folder: RunFolder, **generator: Any) -> Run:
    """Finish a run on fakes."""
    measure_rest(folder, folder.manifest().experiment, fakes.context(generator=FakeGenerator(**generator)))
    return load_run(folder.path)


def interrupted(results: Path, after: int, asked: Experiment | None = None) -> RunFolder:
    """A run that was interrupted after some slices; unless it says otherwise, its apps have no code."""
    results.mkdir(parents=True, exist_ok=True)
    stacks = (stack(name, directory=str(results)) for name in ("a", "b", "c"))
    asked = asked or experiment(*stacks)
    started = manifest(asked, codes_of(asked, results))
    with pytest.raises(KeyboardInterrupt):
        measure_new(started, results, fakes.context(generator=FakeGenerator(interrupt_after=after)))
    return RunFolder(results / started.run_id)


def now(folder: RunFolder, machine: Machine | None = None) -> Manifest:
    """Its manifest as it would be now, on this machine or another."""
    return as_of_now(folder.manifest(), machine or describe_machine(), folder.path.parent)


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
    assert remaining(folder, now(folder)).blocks == experiment().blocks - after // BLOCK_SLICES


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
        remaining(folder, now(folder, machine))
    assert "\n" not in str(refused.value)


def test_another_name_or_load_of_the_machine_is_no_reason(tmp_path: Path) -> None:
    """Containers change their names from start to start."""
    folder = interrupted(tmp_path, after=0)
    assert (
        remaining(folder, now(folder, other_machine(hostname="other", warnings=("busy",)))).blocks
        == experiment().blocks
    )


def test_an_edited_scenario_is_refused(tmp_path: Path) -> None:
    """Half of the blocks would have measured something else."""
    file = tmp_path / "users.py"
    file.write_text("# as it was", "utf-8")
    scenario = Scenario(name="front", locustfile=str(file))
    asked = experiment(stack("a", directory=str(tmp_path)), scenarios=(scenario,), loads=(ClosedLoad(users=8),))
    folder = interrupted(tmp_path, after=0, asked=asked)
    with pytest.raises(UserError, match=r"scenario front was .* restore what it began with"):
        remaining(folder, now(folder))
    file.unlink()
    with pytest.raises(UserError, match=r"users\.py cannot be read: No such file"):
        remaining(folder, now(folder))


def test_a_run_that_another_process_measures_is_left_alone(tmp_path: Path) -> None:
    """Two writers would mix their blocks."""
    folder = interrupted(tmp_path, after=0)
    with folder.locked(), pytest.raises(UserError, match="being measured by another process"):
        remaining(folder, now(folder))
    assert remaining(folder, now(folder)).blocks == experiment().blocks


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


# --- what a run depends on beside its machine -----------------------------------------------------------------------


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """The folder of an app, whose runs are in it."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "views.py").write_text("def cake(): ...", "utf-8")
    return tmp_path / "shop"


def of(app: Path) -> RunFolder:
    """An interrupted run of an app."""
    stacks = tuple(stack(name, directory=str(app)) for name in ("a", "b", "c"))
    return interrupted(app / "results", after=0, asked=experiment(*stacks))


def test_a_run_does_not_change_the_code_that_it_measures(app: Path) -> None:
    folder = of(app)
    (app / "results" / "index.html").write_text("of another run", "utf-8")
    assert remaining(folder, now(folder)).blocks == experiment().blocks


def test_edited_code_is_refused_in_one_line(app: Path) -> None:
    folder = of(app)
    (app / "views.py").write_text("def cake(): return None", "utf-8")
    with pytest.raises(
        UserError, match=r"code of a was 1 file, .* and is 1 file, .*; restore the files that it"
    ) as refused:
        remaining(folder, now(folder))
    assert "\n" not in str(refused.value)


def worker(**changes: Any) -> LoadOrigin:
    """A worker on a machine like this one."""
    return LoadOrigin(generators=1, workers=(other_machine(**changes),))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"load_origin": LoadOrigin(generators=2)},
            r"source of the load was generators on .*: 1 and is .*: 2; restore",
        ),
        ({"load_origin": worker()}, r"source of the load was generators .* and is workers: 1 on .*; restore what"),
        ({"backend": "compose"}, r"place of a was local and is compose, .*; install"),
        (
            {"environments": {"a": Environment(python="Python 3.12.1", packages={"flask": "3.1"})}},
            r"interpreter of a was Python 3\.11\.7 and is Python 3\.12\.1",
        ),
        ({"code": {}}, r"code of a was 1 file, SHA-256 0123456789ab and is not recorded"),
    ],
)
def test_whatever_a_run_depends_on_may_not_change(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """Where the load comes from, where the stacks run, on what, and which code."""
    folder = interrupted(tmp_path, after=0)
    began = msgspec.structs.replace(
        folder.manifest(), load_origin=LoadOrigin(generators=1), code={"a": Code(sha256="0123456789abcdef", files=1)}
    )
    check_unchanged(folder, began, began)
    with pytest.raises(UserError, match=rf"cannot be resumed: .*{message}"):
        check_unchanged(folder, began, msgspec.structs.replace(began, **changes))


def test_the_packages_and_images_of_a_stack_may_not_change(tmp_path: Path) -> None:
    """An image by its id, whatever its tag says now."""
    folder = interrupted(tmp_path, after=0)
    here, there = (
        msgspec.structs.replace(
            folder.manifest(), environments={"a": Environment(python="Python 3.12.1", packages={"flask": version})}
        )
        for version in ("3.0", "3.1")
    )
    with pytest.raises(UserError, match=r"flask of a was 3\.0 and is 3\.1; install the versions"):
        check_unchanged(folder, here, there)
    one, other = (
        msgspec.structs.replace(here, backend="compose", images={"a": f"sha256:{digit * 64}"}) for digit in "12"
    )
    with pytest.raises(UserError, match=r"images of a was sha256:1+ and is sha256:2+; install"):
        check_unchanged(folder, one, other)


def test_workers_may_have_other_names_and_come_in_another_order(tmp_path: Path) -> None:
    folder = interrupted(tmp_path, after=0)
    two = (other_machine(hostname="x"), other_machine(hostname="y", cpu_model="M1"))
    again = (two[1], other_machine(hostname="z"))
    began, resumed = (
        msgspec.structs.replace(folder.manifest(), load_origin=LoadOrigin(generators=2, workers=workers))
        for workers in (two, again)
    )
    check_unchanged(folder, began, resumed)


def test_a_run_whose_load_came_from_workers_is_not_resumed_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of its blocks would be of another generator."""
    folder = interrupted(tmp_path, after=0)
    origin = LoadOrigin(generators=2, workers=(describe_machine(),) * 2)
    folder.write_manifest(msgspec.structs.replace(folder.manifest(), load_origin=origin))
    assert main(["resume", str(folder.path)]) == 2
    assert "its load came from 2 of them; add --workers 2 and --listen" in capsys.readouterr().err
