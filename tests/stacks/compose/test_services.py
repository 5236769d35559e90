"""A stack becomes a service that runs what the experiment says, on the same terms as every other."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.experiment import read_experiment
from bakeoff.model import Stack, UserError
from bakeoff.stacks.compose.services import (
    LIMITS,
    Service,
    Template,
    check_own_files,
    compose_file,
    default_service,
    grouped,
    stack_service,
    to_build,
    with_own_image,
)
from tests.builders import stack

ROOT = Path(__file__).parents[3]
BUILT: Service = {"image": "built", "build": {"context": "/here", "dockerfile": "Dockerfile"}}
BAKERY = read_experiment(ROOT / "bakeoff.toml").stacks


def template(*stacks: Stack, declared: dict[str, Service] | None = None, cpus: tuple[int, ...] = (1,)) -> Template:
    """What the services of some stacks are made from."""
    declared = declared or {}
    default = default_service([stack.name for stack in stacks], declared, BUILT)
    return Template(cpus=cpus, declared=declared, default=default, resources={})


def service_of(stack: Stack, template: Template, hash_seed: int = 0) -> dict[str, Any]:
    """The service of a stack that has the stack's name."""
    return stack_service(stack.name, stack, template, hash_seed)


def committed() -> dict[str, Any]:
    """The services of docker-compose.yml."""
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"])


@pytest.mark.parametrize("stack", BAKERY, ids=lambda stack: stack.name)
def test_the_compose_file_starts_each_stack_of_the_experiment_as_bakeoff_does(stack: Stack) -> None:
    """A change of bakeoff.toml has to be made in docker-compose.yml too."""
    declared = committed()
    made = service_of(stack, template(*BAKERY, declared=declared))
    assert declared[stack.name]["command"] == made["command"]


def test_the_stacks_of_the_compose_file_differ_in_nothing_but_command_port_and_profile() -> None:
    names = {stack.name for stack in BAKERY}
    common = [
        {key: value for key, value in service.items() if key not in ("command", "ports", "profiles")}
        for name, service in committed().items()
        if name in names
    ]
    assert common == [common[0]] * len(BAKERY)
    assert {"cpuset", "mem_limit", "pids_limit", "read_only", "cap_drop", "security_opt"} <= common[0].keys()


def test_the_compose_file_opens_no_port_to_other_machines() -> None:
    ports = [port for service in committed().values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_a_stack_without_a_service_runs_in_the_image_of_the_others() -> None:
    new = stack("new", workers=3)
    made = service_of(new, template(*BAKERY, new, declared=committed()), 7)
    other = service_of(BAKERY[0], template(*BAKERY, new, declared=committed()), 7)
    assert made | {"command": None} == other | {"command": None}
    assert "--workers=3" in made["command"]


def test_a_stack_without_any_compose_file_is_built_from_the_dockerfile_and_hardened() -> None:
    made = service_of(stack("a"), template(stack("a")))
    assert (made["image"], made["build"]) == ("built", BUILT["build"])
    assert (made["read_only"], made["cap_drop"]) == (True, ["ALL"])
    assert made["security_opt"] == ["no-new-privileges:true"]


def test_a_stack_with_neither_service_nor_dockerfile_is_refused_with_the_remedy() -> None:
    with pytest.raises(UserError, match=r'stack "a" has no image: add a service .* or a Dockerfile'):
        default_service(["a"], {}, None)


def test_unequal_limits_are_refused() -> None:
    """A stack with twice the memory would not be compared on equal terms."""
    declared: dict[str, Service] = {"a": {"image": "x", "mem_limit": "512m"}, "b": {"image": "x", "mem_limit": "1g"}}
    with pytest.raises(UserError, match=r"mem_limit differs \(a 536870912, b 1073741824\)"):
        default_service(["a", "b"], declared, None)


@pytest.mark.parametrize("size", ["512m", "512M", "524288k", 2**29, str(2**29), "0.5gb"])
def test_a_size_may_be_written_in_any_way_that_compose_allows(size: object) -> None:
    declared: dict[str, Service] = {"a": {"image": "x", "mem_limit": size}}
    assert service_of(stack("a"), template(stack("a"), declared=declared))["mem_limit"] == 2**29


def test_a_size_that_cannot_be_read_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="'plenty' in the Compose file is neither a number nor a size such as 512m"):
        default_service(["a"], {"a": {"image": "x", "mem_limit": "plenty"}}, None)


def test_a_service_keeps_what_is_its_own_and_loses_what_would_disturb_a_measurement() -> None:
    declared: Service = {
        "image": "x",
        "volumes": ["./data:/data:ro"],
        "environment": {"SHOP": "1"},
        "healthcheck": {"test": "curl localhost"},
        "ports": ["8001:8000"],
        "profiles": ["all"],
        "restart": "always",
        "container_name": "shop",
        "cpus": 0.5,
    }
    made = service_of(stack("a", env={"MODE": "fast"}), template(stack("a"), declared={"a": declared}), 7)
    assert made["volumes"] == ["./data:/data:ro"]
    assert made["environment"] == {
        "SHOP": "1",
        "MODE": "fast",
        "PYTHONHASHSEED": "7",
        "PYTHONUNBUFFERED": "1",
    }
    assert made["healthcheck"] == {"disable": True}
    assert made["ports"] == ["127.0.0.1::8000"]
    assert not {"profiles", "restart", "container_name", "cpus"} & made.keys()


def test_what_a_service_depends_on_comes_with_it() -> None:
    declared: dict[str, Service] = {
        "a": {"image": "x", "depends_on": {"db": {"condition": "service_healthy"}}},
        "db": {"image": "postgres", "depends_on": ["disk"], "profiles": ["all"]},
        "disk": {"image": "disk"},
        "other": {"image": "other"},
    }
    shop = template(stack("a"), declared=declared)
    services = compose_file({"a": service_of(stack("a"), shop)}, shop)["services"]
    assert services.keys() == {"a", "db", "disk"}
    assert "profiles" not in services["db"]


def test_an_image_is_built_once_however_many_stacks_run_in_it() -> None:
    bakery = template(*BAKERY, declared=committed())
    assert len(to_build({stack.name: service_of(stack, bakery) for stack in BAKERY})) == 1


def test_all_stacks_are_in_one_project_under_their_own_names() -> None:
    first, second = stack("a"), stack("b")
    assert grouped([first, second], {}) == [{"a": first, "b": second}]


def test_revisions_of_one_service_are_in_a_project_each() -> None:
    base, head = stack("base"), stack("head")
    assert grouped([base, head], {"base": "shop", "head": "shop"}) == [{"shop": base}, {"shop": head}]


@pytest.mark.parametrize(
    "service",
    [
        {"image": "shop:1"},
        {"image": "shop:1", "volumes": [{"type": "bind", "source": "/elsewhere/data", "target": "/data"}]},
        {"image": "shop:1", "volumes": [{"type": "volume", "source": "cache", "target": "/cache"}]},
    ],
)
def test_a_service_without_a_file_of_its_revision_is_refused(service: Service) -> None:
    """Base and head would be one program, and the gate would pass."""
    with pytest.raises(UserError, match="service 'shop' runs the finished image shop:1 for base and head alike; give"):
        check_own_files("shop", service, PurePath("/revision"))


@pytest.mark.parametrize(
    "service",
    [
        {"build": {"context": "/revision"}},
        {"image": "python:3.13", "volumes": [{"type": "bind", "source": "/revision/src", "target": "/app"}]},
    ],
)
def test_a_service_that_is_built_or_mounts_its_revision_is_its_own(service: Service) -> None:
    check_own_files("shop", service, PurePath("/revision"))


def test_the_image_of_a_revision_is_named_after_its_project_if_it_is_built() -> None:
    finished: Service = {"image": "x"}
    assert with_own_image(BUILT) == {"build": BUILT["build"]}
    assert with_own_image(finished) == finished


@given(argument=st.text(st.characters(codec="ascii", exclude_categories=["C"])))
def test_no_argument_is_mistaken_for_a_variable(argument: str) -> None:
    """Compose replaces $NAME by a variable, and two dollars by one."""
    shop = stack("a", app=None, server=None, command=("serve", argument, "{port}"))
    written = service_of(shop, template(shop))["command"][1]
    assert written.count("$") % 2 == 0
    filled_in = argument.replace("{host}", "0.0.0.0").replace("{port}", "8000").replace("{python}", "python")
    assert written.replace("$$", "$") == filled_in


@given(names=st.sets(st.sampled_from("abcdef"), min_size=1), cpus=st.sets(st.integers(0, 63)))
def test_all_stacks_get_the_same_cpus_and_limits_whichever_have_services(names: set[str], cpus: set[int]) -> None:
    stacks = [stack(name) for name in "abcdef"]
    declared: dict[str, Service] = {name: {"image": "x", "pids_limit": 99} for name in names}
    shop = template(*stacks, declared=declared, cpus=tuple(sorted(cpus)))
    services = [service_of(stack_, shop) for stack_ in stacks]
    assert len({(made.get("cpuset"), made["mem_limit"], made["pids_limit"]) for made in services}) == 1
    assert services[0]["pids_limit"] == 99
    assert services[0]["mem_limit"] == LIMITS["mem_limit"]
