"""What a run starts of a user's Compose file neither deletes nor changes what is the user's own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.model import Stack, UserError
from bakeoff.stacks.compose import project
from bakeoff.stacks.compose.engine import Engine
from bakeoff.stacks.compose.isolation import isolated, mounted_read_only
from tests.builders import stack

FILE = PurePath("/shop/docker-compose.yml")


@dataclass(frozen=True)
class ReadingEngine(Engine):
    """An engine that has resolved a Compose file, and does nothing else."""

    document: dict[str, Any] = field(default_factory=dict)

    def resolved(self, file: Path, project: str) -> dict[str, Any]:
        return self.document


def started_document(tmp_path: Path, document: dict[str, Any], *stacks: Stack) -> dict[str, Any]:
    """The Compose file that a run takes up and down, for stacks beside a user's file."""
    (tmp_path / "docker-compose.yml").touch()
    engine = ReadingEngine("1", ("docker", "compose"), "2", document=document)
    named = {one.name: one for one in stacks}
    template = project._read_template(engine, "bakeoff-1", named, (), own_images=False)
    path = project._write_compose_file(tmp_path / "project.json", named, template, hash_seed=0)
    return dict(json.loads(path.read_text("utf-8")))


def document(service: dict[str, Any], **resources: Any) -> dict[str, Any]:
    """A Compose file with one service."""
    return {"services": {"a": {"image": "x", **service}}, **resources}


def isolated_service(service: dict[str, Any], **resources: Any) -> dict[str, Any]:
    """What becomes of the only service of a Compose file."""
    return dict(isolated(document(service, **resources), ["a"], FILE)["services"]["a"])


def test_what_a_run_takes_down_has_no_volume_or_network_of_a_users_project(tmp_path: Path) -> None:
    """``down --volumes`` would delete the volume of that name, with the shop's data."""
    shop = {
        "name": "shop",
        "services": {
            "a": {"image": "x", "depends_on": {"db": {}}, "volumes": ["files:/files"]},
            "db": {
                "image": "postgres",
                "container_name": "shop-db",
                "ports": ["5432:5432"],
                "networks": {"inner": None},
                "volumes": [{"type": "volume", "source": "data", "target": "/var/lib/postgresql"}],
            },
            "other": {"image": "x", "volumes": ["unused:/data"]},
        },
        "volumes": {"data": {"name": "shopdata"}, "files": {"name": "shop_files"}, "unused": {"external": True}},
        "networks": {"inner": {"name": "shop_inner"}, "default": {"name": "shop_default"}},
    }
    started = started_document(tmp_path, shop, stack("a", directory=str(tmp_path)))
    assert "name" not in started
    assert started["volumes"] == {"data": {}, "files": {}}
    assert started["networks"] == {"inner": {}, "default": {}}
    assert started["services"].keys() == {"a", "db"}
    assert not {"container_name", "ports"} & started["services"]["db"].keys()


ELSEWHERE = [
    {"external": True, "name": "shopdata"},
    {"external": {"name": "shopdata"}},
    {"driver": "rclone"},
    {"driver": "local", "driver_opts": {"type": "none", "o": "bind", "device": "/home/me/data"}},
    {"driver_opts": {"type": "nfs", "device": ":/exports"}},
]


@pytest.mark.parametrize("volume", ELSEWHERE)
@pytest.mark.parametrize("mount", ["data:/data", "data:/data:rw", {"type": "volume", "source": "data", "target": "/d"}])
def test_a_volume_whose_data_are_the_users_is_not_mounted_writable(volume: Any, mount: Any) -> None:
    with pytest.raises(UserError, match=r"docker-compose\.yml: service 'a' could write to volume 'data'.*read-only"):
        isolated_service({"volumes": [mount]}, volumes={"data": volume})


@pytest.mark.parametrize("volume", ELSEWHERE)
@pytest.mark.parametrize(
    "mount", ["data:/data:ro", {"type": "volume", "source": "data", "target": "/d", "read_only": True}]
)
def test_it_may_be_mounted_read_only(volume: Any, mount: Any) -> None:
    assert isolated_service({"volumes": [mount]}, volumes={"data": volume})["volumes"] == [mount]


def test_a_volume_of_another_service_is_nobodys_business() -> None:
    shop = document({}, volumes={"data": {"external": True}})
    shop["services"]["other"] = {"image": "x", "volumes": ["data:/data"]}
    assert isolated(shop, ["a"], FILE)["volumes"] == {}


def test_what_lies_in_memory_or_has_no_name_is_kept() -> None:
    entries = ["/cache", {"type": "tmpfs", "target": "/tmp"}, "scratch:/scratch"]
    in_memory = {"driver_opts": {"type": "tmpfs", "device": "tmpfs"}}
    assert isolated_service({"volumes": entries}, volumes={"scratch": in_memory})["volumes"] == entries


@pytest.mark.parametrize(
    ("mount", "made"),
    [
        ("/shop/data:/data", "/shop/data:/data:ro"),
        ("./data:/data:rw,z", "./data:/data:z,ro"),
        ("~/data:/data:ro", "~/data:/data:ro"),
        (
            {"type": "bind", "source": "/shop/data", "target": "/data"},
            {"type": "bind", "source": "/shop/data", "target": "/data", "read_only": True},
        ),
    ],
)
def test_folders_of_the_host_are_mounted_read_only(mount: Any, made: Any) -> None:
    assert isolated_service({"volumes": [mount]})["volumes"] == [made]


def test_the_report_says_which_folders_those_are() -> None:
    entries = ["/shop/data:/data", "/etc/shop:/etc/shop:ro", "named:/named", "/anonymous"]
    assert mounted_read_only([{"volumes": entries}], PurePath("/shop")) == ("/etc/shop", "data")


@pytest.mark.parametrize("networks", [{"shared": {"aliases": ["db"]}}, ["shared"]])
def test_an_external_network_is_refused(networks: Any) -> None:
    """A service named db would get the traffic of another database there."""
    with pytest.raises(UserError, match=r"service 'a' joins the external network 'shared'.*remove external"):
        isolated_service({"networks": networks}, networks={"shared": {"external": True, "name": "shared"}})


def test_an_external_default_network_is_refused_too() -> None:
    with pytest.raises(UserError, match="external network 'default'"):
        isolated_service({}, networks={"default": {"external": True, "name": "shared"}})
    assert isolated_service({"network_mode": "none"}, networks={"default": {"external": True}})


def test_the_volumes_of_another_container_are_not_mounted_writable() -> None:
    with pytest.raises(UserError, match="could write to the volumes of 'container:shop'"):
        isolated_service({"volumes_from": ["container:shop"]})
    assert isolated_service({"volumes_from": ["container:shop:ro"]})


names = st.text("abc", min_size=1)
volumes = st.dictionaries(
    names, st.none() | st.fixed_dictionaries({}, optional={"name": names, "external": st.booleans()})
)


@given(volumes=volumes, mounts=st.lists(st.tuples(names, st.sampled_from(["", ":ro", ":rw"]))))
def test_no_volume_that_a_run_can_write_to_or_deletes_has_a_name_of_the_users(
    volumes: dict[str, Any], mounts: list[tuple[str, str]]
) -> None:
    entries = [f"{name}:/{index}{mode}" for index, (name, mode) in enumerate(mounts)]
    try:
        made = isolated(document({"volumes": entries}, volumes=volumes), ["a"], FILE)
    except UserError:
        return
    for name, volume in made["volumes"].items():
        if volume.get("external"):  # Compose does not remove it.
            assert all(entry.endswith(":ro") for entry in entries if entry.startswith(f"{name}:"))
        else:
            assert "name" not in volume
