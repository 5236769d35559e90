"""A stack as a service of a Compose file. Pure: services are plain data, as the Compose specification has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.model import Stack, UserError
from bakeoff.stacks import servers

Service = Mapping[str, Any]

HOST = "0.0.0.0"
PORT = 8000
"""Where every stack listens inside its container."""

LIMITS: Service = {"mem_limit": 512 * 2**20, "pids_limit": 256}
SAFE: Service = {
    "read_only": True,
    "tmpfs": ["/tmp"],
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "stop_signal": "SIGINT",
}
"""What services get that are in no Compose file; docker-compose.yml says the same for those that are."""

NOT_WHILE_MEASURED = ("container_name", "deploy", "healthcheck", "ports", "profiles", "restart", "scale")
"""Left out of a service that is there already. Bakeoff asks for health, publishes and restarts by itself, and a health
check that starts a process every few seconds would use the CPU time that is being measured."""

PARTS = ("networks", "volumes", "secrets", "configs")
"""What a Compose file has beside services that they may refer to."""

SHARED = ("image", "build", *SAFE, *LIMITS)
"""What a stack without a service of its own takes over from the services of the others."""

_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30}


Naming = Callable[[Service], Service]


def as_named(service: Service) -> Service:
    """An image is called what the Compose file calls it."""
    return service


def named_by_project(service: Service) -> Service:
    """An image that is built is named after its project: two revisions of one service are two images."""
    return {key: value for key, value in service.items() if key != "image"} if "build" in service else service


@dataclass(frozen=True)
class Template:
    """What the services of all stacks of a run have in common."""

    project: str
    cpus: tuple[int, ...]
    found: Mapping[str, Service]
    """Services of the Compose file beside the experiment, by name, whether they are stacks or not."""
    shared: Service
    """What a stack gets that has no service there."""
    parts: Mapping[str, Any]
    """Its networks, volumes, secrets and configs."""


def shared_by(stacks: Iterable[Stack], found: Mapping[str, Service], otherwise: Service | None) -> Service:
    """What a stack without a service of its own starts from: image and limits of the others' services.

    Where these have several images, or there are none, it is ``otherwise``, with the limits that they have.

    Raises:
        UserError: limits differ, so that stacks would not be compared on equal terms; or there is no ``otherwise``.
    """
    names = [stack.name for stack in stacks]
    services = {name: found[name] for name in names if name in found}
    limits = _common_limits(services)
    images = {str(service.get("image") or service.get("build")) for service in services.values()}
    if len(images) == 1:
        first = next(iter(services.values()))
        return {**{key: first[key] for key in SHARED if key in first}, **limits}
    missing = [name for name in names if name not in services]
    if missing and otherwise is None:
        raise UserError(
            f'stack "{missing[0]}" has no image: add a service of that name to docker-compose.yml, or a Dockerfile '
            "beside the experiment"
        )
    return {**SAFE, **(otherwise or {}), **limits}


def _common_limits(services: Mapping[str, Service]) -> Service:
    common = dict(LIMITS)
    for key in LIMITS:
        values = {name: _bytes(service[key]) for name, service in services.items() if service.get(key)}
        if len(set(values.values())) > 1:
            said = ", ".join(f"{name} {value}" for name, value in values.items())
            raise UserError(f"stacks are compared on equal terms, but {key} differs ({said}); make it equal")
        if values:
            common[key] = next(iter(values.values()))
    return common


def _bytes(value: object) -> int:
    """A size as the Compose specification writes it: a number, or ``512m``."""
    sized = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmg]?)b?", str(value).strip().lower())
    if sized is None:
        raise UserError(f"{value!r} in the Compose file is no number and no size, such as 512m")
    return int(float(sized[1]) * _UNITS[sized[2]])


def service(stack: Stack, template: Template, hash_seed: int) -> dict[str, Any]:
    """The service of a stack for one block: what the Compose file has of it, run and limited as the experiment says."""
    own = template.found.get(stack.name)
    base = template.shared if own is None else {k: v for k, v in own.items() if k not in NOT_WHILE_MEASURED}
    environment = {**_mapping(base.get("environment")), "PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": str(hash_seed)}
    return {
        **base,
        **{key: value for key, value in template.shared.items() if key in LIMITS},
        **({"cpuset": ",".join(map(str, template.cpus))} if template.cpus else {}),
        "command": [_escaped(part) for part in command(stack)],
        "environment": environment | {key: _escaped(value) for key, value in stack.env.items()},
        "ports": [f"127.0.0.1:{stack.port or ''}:{PORT}"],
        "healthcheck": {"disable": True},
    }


def command(stack: Stack) -> list[str]:
    """The arguments that start a stack inside its container."""
    if stack.command:
        return [part.replace("{host}", HOST).replace("{port}", str(PORT)) for part in stack.command]
    assert stack.server is not None
    return servers.adapter(stack.server).command(stack, HOST, PORT, "python")


def compose_file(services: Mapping[str, Service], template: Template) -> dict[str, Any]:
    """A whole Compose file: some services, and whatever they depend on."""
    needed = _with_dependencies(services, template.found)
    return {
        "services": {name: {k: v for k, v in one.items() if k != "profiles"} for name, one in needed.items()},
        **template.parts,
    }


def _with_dependencies(services: Mapping[str, Service], found: Mapping[str, Service]) -> dict[str, Service]:
    whole = dict(services)
    waiting = list(services.values())
    while waiting:
        for name in waiting.pop().get("depends_on") or ():
            if name not in whole:
                whole[name] = found[name]
                waiting.append(found[name])
    return whole


def to_build(services: Mapping[str, Service]) -> Sequence[str]:
    """The services to build, one for each image."""
    by_image = {str(one.get("image") or name): name for name, one in services.items() if one.get("build")}
    return tuple(by_image.values())


def _mapping(environment: object) -> dict[str, Any]:
    """An environment in either of the ways to write one."""
    if isinstance(environment, Mapping):
        return dict(environment)
    return dict(str(entry).partition("=")[::2] for entry in environment) if isinstance(environment, Sequence) else {}


def _escaped(text: str) -> str:
    """Compose fills in ``$NAME``; two dollars are one."""
    return text.replace("$", "$$")
