"""The images that a stack runs in and beside are told by their ids, whatever their tags mean tomorrow."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bakeoff.stacks.compose.engine import Engine, EngineError
from bakeoff.stacks.compose.project import ComposeProject
from bakeoff.stacks.compose.services import Service, Template
from tests.builders import stack


@dataclass(frozen=True, kw_only=True)
class FakeEngine(Engine):
    """Has some images by name, and can pull others."""

    version: str = "27"
    compose: tuple[str, ...] = ("docker", "compose")
    compose_version: str = "2.30"
    present: dict[str, str]
    registry: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str, **_: Any) -> str:
        image = command[-1]
        if command[:2] == ("docker", "pull"):
            if image not in self.registry:
                raise EngineError(f"{image} not found")
            self.present[image] = self.registry[image]
        elif image not in self.present:
            raise EngineError(f"No such image: {image}")
        return f"{self.present[image]}\n"


SHOP: dict[str, Service] = {
    "a": {"image": "shop", "depends_on": ["cache", "db"]},
    "db": {"image": "postgres:16"},
    "cache": {"image": "redis:7"},
}


def project(engine: Engine) -> ComposeProject:
    """Two stacks: one is a service with two others beside it, the other has an image that Compose names."""
    template = Template(cpus=(), declared=SHOP, default={"build": "."}, resources={})
    return ComposeProject(engine, "bakeoff-1a2b", Path(), {"a": stack("a"), "b": stack("b")}, template)


def test_a_stack_has_the_ids_of_its_image_and_of_those_beside_it() -> None:
    """One that is not here yet is pulled first, as the start of its service would."""
    present = {"shop": "sha256:5", "redis:7": "sha256:7", "bakeoff-1a2b-b": "sha256:b"}
    engine = FakeEngine(present=present, registry={"postgres:16": "sha256:16"})
    assert project(engine).images() == {"a": "sha256:5, cache sha256:7, db sha256:16", "b": "sha256:b"}


def test_an_image_that_cannot_be_pulled_is_named() -> None:
    present = {"shop": "sha256:5", "redis:7": "sha256:7", "bakeoff-1a2b-b": "sha256:b"}
    with pytest.raises(EngineError, match="postgres:16 not found"):
        project(FakeEngine(present=present)).images()
