"""What is wrong with the CPUs of a machine is said with a remedy, and how many CPUs the servers have."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from bakeoff.model import Machine
from bakeoff.stacks import describe_machine
from bakeoff.stacks.machine import cpu_warnings
from tests.builders import experiment
from tests.measure.fakes import manifest


def machine(**changes: Any) -> Machine:
    """Two cores of two threads, one for the generator, without a quota."""
    facts: dict[str, Any] = {
        "physical_cores": ((0, 2), (1, 3)),
        "server_cpus": (1, 3),
        "generator_cpus": (0,),
        "cpu_quota": None,
    }
    return msgspec.structs.replace(describe_machine(), **{**facts, **changes})


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({}, None),
        ({"cpu_quota": 4.0}, None),
        ({"cpu_quota": 1.5}, "a quota allows 1.5 CPU seconds a second on 4 CPUs; .*; lift the quota"),
        (
            {"physical_cores": ((0, 1),), "server_cpus": (1,)},
            "servers and generator run on threads of one physical core .*; use a machine with two or more",
        ),
        (
            {"physical_cores": ((0,),), "server_cpus": (), "generator_cpus": ()},
            "servers and generator share the same CPUs .*; use Linux with two or more cores",
        ),
    ],
)
def test_what_disturbs_a_measurement_is_warned_of(changes: dict[str, Any], warning: str | None) -> None:
    """With a remedy."""
    warnings = list(cpu_warnings(machine(**changes)))
    if warning is None:
        assert warnings == []
    else:
        (only,) = warnings
        assert re.fullmatch(f"{warning}.*", only)


@pytest.mark.parametrize(
    ("changes", "cores"),
    [
        ({}, 2),
        ({"cpu_quota": 1.5}, 1.5),
        ({"cpu_quota": 3.0}, 2),
        ({"server_cpus": (), "generator_cpus": ()}, 4),
        ({"server_cpus": (), "generator_cpus": (), "physical_cores": ()}, 1),
    ],
)
def test_the_servers_have_their_cpus_or_a_quota_below_that(changes: dict[str, Any], cores: float) -> None:
    """Unpinned, they have all that may be used."""
    run = msgspec.structs.replace(manifest(experiment()), machine=machine(**changes))
    assert run.server_cores == cores


def test_a_quota_does_not_limit_containers() -> None:
    """They are in control groups of their own."""
    run = msgspec.structs.replace(manifest(experiment()), machine=machine(cpu_quota=0.5), backend="compose")
    assert run.server_cores == 2
