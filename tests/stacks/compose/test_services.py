"""A stack becomes a service that runs what the experiment says, on the same terms as every other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.experiment.config import read_experiment
from bakeoff.model import Stack, UserError
from bakeoff.stacks.compose.services import LIMITS, Service, Template, compose_file, service, shared_by, to_build
from tests.builders import stack

ROOT = Path(__file__).parents[3]
DOCKERFILE: Service = {"image": "built", "build": {"context": "/here", "dockerfile": "Dockerfile"}}


def template(*stacks: Stack, found: dict[str, Service] | None = None, cpus: tuple[int, ...] = (1,)) -> Template:
    """What a run's services have in common."""
    services = found or {}
    shared = shared_by(stacks, services, DOCKERFILE)
    return Template(project="p", cpus=cpus, found=services, shared=shared, parts={})


def committed() -> dict[str, Any]:
    """The services of docker-compose.yml."""
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"])


BAKERY = read_experiment(ROOT / "bakeoff.toml").stacks


@pytest.mark.parametrize("one", BAKERY, ids=lambda one: one.name)
def test_the_compose_file_starts_each_stack_of_the_experiment_as_bakeoff_does(one: Stack) -> None:
    """Whoever changes one of the two files is told of the other."""
    found = committed()
    assert found[one.name]["command"] == service(one, template(*BAKERY, found=found), 0)["command"]


def test_the_stacks_of_the_compose_file_differ_in_nothing_but_command_port_and_profile() -> None:
    """One template, so equal terms."""
    names = {one.name for one in BAKERY}
    common = [
        {key: value for key, value in one.items() if key not in ("command", "ports", "profiles")}
        for name, one in committed().items()
        if name in names
    ]
    assert common == [common[0]] * len(BAKERY)
    assert {"cpuset", "mem_limit", "pids_limit", "read_only", "cap_drop", "security_opt"} <= common[0].keys()


def test_the_compose_file_opens_no_port_to_other_machines() -> None:
    ports = [port for one in committed().values() for port in one.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_a_stack_that_is_only_in_the_experiment_runs_in_the_image_of_the_others() -> None:
    new = stack("new", workers=3)
    made = service(new, template(*BAKERY, new, found=committed()), 7)
    other = service(BAKERY[0], template(*BAKERY, new, found=committed()), 7)
    assert {k: v for k, v in made.items() if k != "command"} == {k: v for k, v in other.items() if k != "command"}
    assert "--workers=3" in made["command"]


def test_a_stack_without_any_compose_file_is_built_from_the_dockerfile_and_locked_up() -> None:
    made = service(stack("a"), template(stack("a")), 0)
    assert (made["image"], made["build"]) == ("built", DOCKERFILE["build"])
    assert (made["read_only"], made["cap_drop"]) == (True, ["ALL"])
    assert made["security_opt"] == ["no-new-privileges:true"]


def test_a_stack_with_neither_service_nor_dockerfile_is_refused_with_the_remedy() -> None:
    with pytest.raises(UserError, match=r'stack "a" has no image: add a service .* or a Dockerfile'):
        shared_by([stack("a")], {}, None)


def test_unequal_limits_are_refused() -> None:
    """A stack with twice the memory would not be compared on equal terms."""
    found: dict[str, Service] = {"a": {"image": "x", "mem_limit": "512m"}, "b": {"image": "x", "mem_limit": "1g"}}
    with pytest.raises(UserError, match=r"mem_limit differs \(a 536870912, b 1073741824\)"):
        shared_by([stack("a"), stack("b")], found, None)


@pytest.mark.parametrize("size", ["512m", "512M", "524288k", 2**29, str(2**29), "0.5gb"])
def test_a_size_may_be_written_in_any_way_that_compose_knows(size: object) -> None:
    found: dict[str, Service] = {"a": {"image": "x", "mem_limit": size}}
    assert service(stack("a"), template(stack("a"), found=found), 0)["mem_limit"] == 2**29


def test_a_service_keeps_what_is_its_own_and_loses_what_would_disturb_a_measurement() -> None:
    own: Service = {
        "image": "x",
        "volumes": ["./data:/data:ro"],
        "environment": {"SHOP": "1"},
        "healthcheck": {"test": "curl localhost"},
        "ports": ["8001:8000"],
        "profiles": ["all"],
        "restart": "always",
        "container_name": "shop",
    }
    made = service(stack("a", env={"MODE": "fast"}), template(stack("a"), found={"a": own}), 7)
    assert made["volumes"] == ["./data:/data:ro"]
    assert made["environment"] == {
        "SHOP": "1",
        "MODE": "fast",
        "PYTHONHASHSEED": "7",
        "PYTHONUNBUFFERED": "1",
    }
    assert made["healthcheck"] == {"disable": True}
    assert made["ports"] == ["127.0.0.1::8000"]
    assert not {"profiles", "restart", "container_name"} & made.keys()


def test_what_a_service_depends_on_comes_with_it() -> None:
    found: dict[str, Service] = {
        "a": {"image": "x", "depends_on": {"db": {"condition": "service_healthy"}}},
        "db": {"image": "postgres", "depends_on": ["disk"], "profiles": ["all"]},
        "disk": {"image": "disk"},
        "other": {"image": "other"},
    }
    terms = template(stack("a"), found=found)
    services = compose_file({"a": service(stack("a"), terms, 0)}, terms)["services"]
    assert services.keys() == {"a", "db", "disk"}
    assert "profiles" not in services["db"]


def test_an_image_is_built_once_however_many_stacks_run_in_it() -> None:
    found = committed()
    terms = template(*BAKERY, found=found)
    assert len(to_build({one.name: service(one, terms, 0) for one in BAKERY})) == 1


@given(argument=st.text(st.characters(codec="ascii", exclude_categories=["C"])))
def test_no_argument_is_mistaken_for_a_variable(argument: str) -> None:
    """Compose fills in $NAME, and takes two dollars for one."""
    one = stack("a", app=None, server=None, command=("serve", argument, "{port}"))
    written = service(one, template(one), 0)["command"][1]
    assert written.count("$") % 2 == 0
    assert written.replace("$$", "$") == argument.replace("{host}", "0.0.0.0").replace("{port}", "8000")


@given(names=st.sets(st.sampled_from("abcdef"), min_size=1), cpus=st.sets(st.integers(0, 63)))
def test_all_stacks_get_the_same_cpus_and_limits_whichever_have_services(names: set[str], cpus: set[int]) -> None:
    stacks = [stack(name) for name in "abcdef"]
    found: dict[str, Service] = {name: {"image": "x", "pids_limit": 99} for name in names}
    terms = template(*stacks, found=found, cpus=tuple(sorted(cpus)))
    made = [service(one, terms, 0) for one in stacks]
    assert len({(one.get("cpuset"), one["mem_limit"], one["pids_limit"]) for one in made}) == 1
    assert made[0]["pids_limit"] == 99
    assert made[0]["mem_limit"] == LIMITS["mem_limit"]
