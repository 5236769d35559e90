"""What two runs must have in common before their numbers are compared."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bakeoff.analysis.fingerprint import ABSENT, differences, fingerprint_of
from bakeoff.model import ClosedLoad, Machine, Manifest, Request, Scenario
from tests.builders import stack
from tests.report.made_up import machine, manifest


def changed_machine(**changes: Any) -> Manifest:
    """The made-up run, on another machine."""
    return msgspec.structs.replace(manifest(), machine=msgspec.structs.replace(machine(), **changes))


def changed_experiment(**changes: Any) -> Manifest:
    """The made-up run, of another experiment."""
    return msgspec.structs.replace(manifest(), experiment=msgspec.structs.replace(manifest().experiment, **changes))


@pytest.mark.parametrize(
    "other",
    [
        changed_machine(hostname="another"),
        changed_machine(memory_bytes=machine().memory_bytes - 2**20),
        changed_machine(warnings=()),
        changed_experiment(name="another", stacks=(stack("x"),), baseline="x", blocks=12),
        msgspec.structs.replace(manifest(), seed=7, run_id="another", started_utc="2026-01-01T00:00:00+00:00"),
    ],
)
def test_names_seeds_and_stacks_are_no_part_of_it(other: Manifest) -> None:
    """Two runs may differ in them and still be compared."""
    assert fingerprint_of(other) == fingerprint_of(manifest())
    assert fingerprint_of(other).digest == fingerprint_of(manifest()).digest


@pytest.mark.parametrize(
    ("other", "part", "fact"),
    [
        (changed_machine(cpu_model="M1"), "machine", "processor"),
        (changed_machine(cores=4), "machine", "cores"),
        (changed_machine(kernel="7.0"), "machine", "kernel"),
        (changed_machine(memory_bytes=2**30), "machine", "memory"),
        (changed_machine(server_cpus=(0, 1)), "machine", "CPUs of the servers"),
        (changed_machine(physical_cores=((0, 1),)), "machine", "physical cores"),
        (changed_machine(cpu_quota=1.5), "machine", "CPU quota"),
        (changed_machine(python="3.13.1"), "software", "Python"),
        (changed_machine(versions={**machine().versions, "uvicorn": "0.41.0"}), "software", "uvicorn"),
        (changed_experiment(loads=(ClosedLoad(users=64, think_s=0.1),)), "workload", "loads"),
        (changed_experiment(slice_s=3.0), "workload", "slice"),
        (changed_experiment(passes=1), "workload", "slices a block"),
        (changed_experiment(warmup_s=1.0), "workload", "warm-up"),
    ],
)
def test_whatever_a_number_depends_on_changes_it(other: Manifest, part: str, fact: str) -> None:
    """And the difference is named, once."""
    (found,) = differences(fingerprint_of(manifest()), fingerprint_of(other))
    assert (found.part, found.fact) == (part, fact)
    assert found.first != found.other
    assert fingerprint_of(other).digest != fingerprint_of(manifest()).digest


def test_a_package_that_one_of_them_lacks_is_absent_there() -> None:
    """In either direction."""
    fewer = changed_machine(versions={})
    assert {one.other for one in differences(fingerprint_of(manifest()), fingerprint_of(fewer))} == {ABSENT}
    assert {one.first for one in differences(fingerprint_of(fewer), fingerprint_of(manifest()))} == {ABSENT}


def test_a_locust_file_counts_by_its_content_and_not_by_its_folder() -> None:
    """An edited scenario is another workload; one in another clone is the same."""
    moved = changed_experiment(scenarios=(Scenario(name="bakery", locustfile="/home/me/bakery.py"),))
    assert fingerprint_of(moved) == fingerprint_of(manifest())
    one, other = (msgspec.structs.replace(manifest(), locustfile_sha256={"bakery": digit * 64}) for digit in "12")
    (found,) = differences(fingerprint_of(one), fingerprint_of(other))
    assert (found.part, found.fact) == ("workload", "scenario bakery")


def test_a_list_of_requests_counts_by_its_content() -> None:
    """A weight is part of what clients do."""
    one, other = (
        changed_experiment(scenarios=(Scenario(name="s", requests=(Request(method="GET", path="/", weight=w),)),))
        for w in (1, 2)
    )
    assert [found.fact for found in differences(fingerprint_of(one), fingerprint_of(other))] == ["scenario s"]


def test_every_fact_of_a_machine_is_accounted_for() -> None:
    """A field added to `Machine` must be put into the fingerprint, or here, on purpose."""
    left_out = {"hostname", "warnings"}
    covered = {
        "system", "kernel", "cpu_model", "cores", "memory_bytes", "python", "server_cpus", "generator_cpus", "versions",
        "physical_cores", "cpu_quota",
    }  # fmt: skip
    assert set(Machine.__struct_fields__) == left_out | covered
