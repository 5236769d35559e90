"""Run folders: whole files or none, and what is read is what was written."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.model import BlockResult, ClosedLoad, Histogram, Interval, Manifest, Record, UserError
from bakeoff.results import RunFolder, load_run, new_run_id, read_log, write_file, write_log
from bakeoff.stacks import describe_machine
from tests.builders import experiment

endpoints = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20)


def manifest() -> Manifest:
    """A manifest of a run that has just begun."""
    return Manifest(
        run_id="20260101T000000Z-test",
        experiment=experiment(),
        profile="full",
        seed=1,
        machine=describe_machine(),
        state="running",
        started_utc="2026-01-01T00:00:00+00:00",
    )


def record(block: int, position: int) -> Record:
    """A record with nothing in it but its place."""
    return Record(
        block=block,
        position=position,
        stack="a",
        scenario="front",
        load=ClosedLoad(users=8),
        started_unix_s=0.0,
        window_s=1.0,
        warmup_s=0.1,
    )


def interval(endpoint: str = "/", block: int = 0) -> Interval:
    """One second of one endpoint."""
    return Interval(
        block=block,
        position=3,
        endpoint=endpoint,
        kind="latency",
        start_s=2.0,
        length_s=0.5,
        histogram=Histogram.of([10**6, 2 * 10**6]),
    )


@given(endpoints)
def test_any_endpoint_name_survives_the_log(endpoint: str) -> None:
    """Commas, spaces, slashes and line breaks too."""
    assert list(read_log(write_log([interval(endpoint)]), block=0)) == [interval(endpoint)]


def test_a_log_that_is_cut_off_is_refused() -> None:
    """With the number of the line."""
    with pytest.raises(ValueError, match="line 3"):
        list(read_log(write_log([interval()]).partition("latency")[0], block=0))


def test_a_manifest_reads_back_as_written(tmp_path: Path) -> None:
    """Every field, loads of both kinds too."""
    folder = RunFolder.create(tmp_path, manifest())
    assert folder.manifest() == manifest()


def test_blocks_read_back_in_order(tmp_path: Path) -> None:
    """Records and histograms of every complete block."""
    folder = RunFolder.create(tmp_path, manifest())
    for number in (1, 0):
        folder.write_block(BlockResult(number=number, records=(record(number, 0),)), [interval(block=number)])
    assert [block.number for block in folder.blocks()] == [0, 1]
    assert [one.block for one in folder.intervals()] == [0, 1]


def test_a_block_without_a_record_does_not_count(tmp_path: Path) -> None:
    """It was interrupted."""
    folder = RunFolder.create(tmp_path, manifest())
    (folder.block(0) / "latency.hlog").write_text("", "utf-8")
    assert folder.blocks() == ()


def test_a_folder_is_not_used_twice(tmp_path: Path) -> None:
    """A second run does not write over the first."""
    RunFolder.create(tmp_path, manifest())
    with pytest.raises(UserError, match="exists already"):
        RunFolder.create(tmp_path, manifest())


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    """Whole or not at all."""
    target = tmp_path / "file"
    write_file(target, b"old")
    with pytest.raises(TypeError):
        write_file(target, "text")  # type: ignore[arg-type]
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_no_run_is_the_users_mistake(tmp_path: Path) -> None:
    """The message names what is missing."""
    with pytest.raises(UserError, match=r"is not a run folder: it has no manifest\.json"):
        load_run(tmp_path)


def test_a_newer_manifest_with_unknown_fields_is_refused(tmp_path: Path) -> None:
    """A field that is not understood might change what the others mean."""
    folder = RunFolder.create(tmp_path, manifest())
    path = folder.path / "manifest.json"
    path.write_bytes(msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), "colour": "blue"}))
    with pytest.raises(UserError, match="unknown field `colour`"):
        folder.manifest()


def test_a_runs_folder_is_named_by_time_then_experiment() -> None:
    """So that folders sort by time."""
    assert new_run_id("bakery", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "20260102T030405Z-bakery"


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_files_and_folders_are_as_private_as_the_umask_says(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        folder = RunFolder.create(tmp_path / "results", manifest())
        folder.write_block(BlockResult(number=0, records=()), [interval()])
        folder.write_reports({"figures/one.png": b"", "report.md": b""})
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in folder.path.parent.rglob("*")}
    assert {modes[path] for path in modes if path.is_file()} == {mode}
    assert {modes[path] for path in modes if path.is_dir()} == {0o777 & ~umask}


def test_a_file_that_is_replaced_stays_as_private_as_its_owner_made_it(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_file(target, b"old")
    target.chmod(0o600)
    write_file(target, b"new")
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (b"new", 0o600)
