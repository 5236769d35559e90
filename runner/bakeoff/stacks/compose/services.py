"""A stack as a service of a Compose file. Pure: services are plain data, as in the Compose specification."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from bakeoff.model import Stack, UserError
from bakeoff.stacks import servers

Service = Mapping[str, Any]

HOST = "0.0.0.0"
PORT = 8000
"""Where every stack listens inside its container."""

LIMITS: Service = {"mem_limit": 512 * 2**20, "pids_limit": 256}
HARDENING: Service = {
    "read_only": True,
    "tmpfs": ["/tmp"],
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "stop_signal": "SIGINT",
}
"""What services get that are in no Compose file; docker-compose.yml has the same settings."""

NOT_WHILE_MEASURED = (
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpus",
    "deploy",
    "healthcheck",
    "ports",
    "profiles",
    "restart",
    "scale",
)
"""Left out of a declared service. Bakeoff checks readiness, publishes ports and restarts by itself, and a health check
that starts a process every few seconds would use CPU time that is being measured. All stacks have the same whole CPUs:
a quota would stop a service for a part of each period."""

RESOURCES = ("networks", "volumes", "secrets", "configs")
"""Sections of a Compose file that services refer to."""

INHERITED = ("image", "build", *HARDENING, *LIMITS)
"""What a stack without a declared service takes from the services of the other stacks."""

_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30}


@dataclass(frozen=True)
class Template:
    """What the services of all stacks of a project are made from."""

    cpus: tuple[int, ...]
    """What every stack is limited to; empty for any."""
    declared: Mapping[str, Service]
    """Services of the user's Compose file by name, whether they are stacks or not."""
    default: Service
    """The start for a stack that has no declared service."""
    resources: Mapping[str, Any]
    """Networks, volumes, secrets and configs of the user's Compose file."""


def grouped(stacks: Iterable[Stack], service_names: Mapping[str, str]) -> list[dict[str, Stack]]:
    """The stacks of each project by service name; a project has at most one stack of a service.

    A service is named as its stack unless ``service_names`` says otherwise.
    """
    groups: list[dict[str, Stack]] = []
    for stack in stacks:
        service = service_names.get(stack.name, stack.name)
        group = next((group for group in groups if service not in group), None)
        if group is None:
            group = {}
            groups.append(group)
        group[service] = stack
    return groups


def with_own_image(service: Service) -> Service:
    """A service whose image, if it is built, is named after its project: two revisions need two images."""
    return {key: value for key, value in service.items() if key != "image"} if "build" in service else service


def check_own_files(name: str, service: Service, folder: PurePath) -> None:
    """Refuse a service that has no file of the revision in ``folder``: all revisions would be the same program.

    Raises:
        UserError: its image is not built, and no folder of the revision is mounted.
    """
    mounts = [mount for mount in service.get("volumes") or () if isinstance(mount, Mapping)]
    sources = [PurePath(mount["source"]) for mount in mounts if mount.get("type") == "bind"]
    if "build" not in service and not any(source.is_relative_to(folder) for source in sources):
        raise UserError(
            f"service {name!r} runs the finished image {service.get('image')} for base and head alike; give it a build "
            "section, or mount the folder of the app"
        )


def default_service(names: Iterable[str], declared: Mapping[str, Service], built: Service | None) -> Service:
    """The start for stacks without a declared service: image and limits of the other stacks' services.

    Where the others have several images or none, it is ``built`` with their limits.

    Args:
        names: The services of all stacks.
        declared: The services of the user's Compose file by name.
        built: A service made from the user's Dockerfile, if there is one.

    Raises:
        UserError: limits differ, so that the comparison would be unfair; or a stack has no image.
    """
    names = list(names)
    own = {name: declared[name] for name in names if name in declared}
    limits = _common_limits(own)
    images = {str(service.get("image") or service.get("build")) for service in own.values()}
    if len(images) == 1:
        first = next(iter(own.values()))
        return {**{key: first[key] for key in INHERITED if key in first}, **limits}
    missing = [name for name in names if name not in own]
    if missing and built is None:
        raise UserError(
            f'stack "{missing[0]}" has no image: add a service of that name to docker-compose.yml, or a Dockerfile '
            "beside the experiment"
        )
    return {**HARDENING, **(built or {}), **limits}


def _common_limits(own: Mapping[str, Service]) -> Service:
    """The limits that all services share. Raises `UserError` when they differ."""
    limits = dict(LIMITS)
    for key in LIMITS:
        values = {name: _bytes(service[key]) for name, service in own.items() if service.get(key)}
        if len(set(values.values())) > 1:
            listed = ", ".join(f"{name} {value}" for name, value in values.items())
            raise UserError(f"stacks are compared on equal terms, but {key} differs ({listed}); make it equal")
        if values:
            limits[key] = next(iter(values.values()))
    return limits


def _bytes(value: object) -> int:
    """A size as the Compose specification allows it: a number, or ``512m``."""
    size = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmg]?)b?", str(value).strip().lower())
    if size is None:
        raise UserError(f"{value!r} in the Compose file is neither a number nor a size such as 512m")
    return int(float(size[1]) * _UNITS[size[2]])


def stack_service(name: str, stack: Stack, template: Template, hash_seed: int) -> dict[str, Any]:
    """The service of a stack for one block: as declared, but run, limited and published as the experiment says."""
    declared = template.declared.get(name)
    if declared is None:
        base = template.default
    else:
        base = {key: value for key, value in declared.items() if key not in NOT_WHILE_MEASURED}
    return {
        **base,
        **{key: value for key, value in template.default.items() if key in LIMITS},
        **({"cpuset": ",".join(map(str, template.cpus))} if template.cpus else {}),
        "command": [_escaped(argument) for argument in servers.command_line(stack, HOST, PORT, "python")],
        "environment": {
            **_as_mapping(base.get("environment")),
            "PYTHONUNBUFFERED": "1",
            "PYTHONHASHSEED": str(hash_seed),
            **{key: _escaped(value) for key, value in stack.env.items()},
        },
        "ports": [f"127.0.0.1:{stack.port or ''}:{PORT}"],
        "healthcheck": {"disable": True},
    }


def compose_file(made: Mapping[str, Service], template: Template) -> dict[str, Any]:
    """A whole Compose file: some services, and the declared services that they depend on."""
    complete = {**template.declared, **made}
    return {
        "services": {
            name: {key: value for key, value in complete[name].items() if key != "profiles"}
            for name in with_dependencies(made, complete)
        },
        **template.resources,
    }


def with_dependencies(names: Iterable[str], services: Mapping[str, Service]) -> tuple[str, ...]:
    """Some services, and after them those that they depend on, directly or not."""
    complete = list(names)
    for name in complete:  # It grows meanwhile.
        complete += [other for other in services[name].get("depends_on") or () if other not in complete]
    return tuple(complete)


def to_build(made: Mapping[str, Service]) -> Sequence[str]:
    """The services to build, one for each image."""
    by_image = {str(service.get("image") or name): name for name, service in made.items() if service.get("build")}
    return tuple(by_image.values())


def _as_mapping(environment: object) -> dict[str, Any]:
    """An environment, which may be declared as a mapping or as a list of ``NAME=value``."""
    if isinstance(environment, Mapping):
        return dict(environment)
    return dict(str(entry).partition("=")[::2] for entry in environment) if isinstance(environment, Sequence) else {}


def _escaped(text: str) -> str:
    """Compose replaces ``$NAME`` by a variable, and ``$$`` by a dollar."""
    return text.replace("$", "$$")
