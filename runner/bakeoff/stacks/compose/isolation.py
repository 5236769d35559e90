"""A Compose file without what it shares with containers and data of the user's own. Pure.

A run starts services of the user's file in a project of its own, and removes that project with its volumes at the end.
Names and places outside of a project would lead to what is not the run's:

- A named volume, whatever name the file gives it, is an empty one of the run. One whose data lie elsewhere (external,
  of another driver, on a device) can be mounted read-only; otherwise it is refused.
- Folders and files of the host are mounted read-only.
- Networks are the run's own. An external one is refused: on it, services would answer to the names of others.
- Services that stacks depend on have no fixed container name and publish no port.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

from bakeoff.model import UserError
from bakeoff.stacks.compose.services import Service, with_dependencies

_BOUND_TO_HOST = ("container_name", "ports")
"""Settings of a service that collide with those of the user's own containers."""


class _Mount(NamedTuple):
    """An entry of a service's ``volumes``."""

    kind: str
    """``volume``, ``bind``, or another type of the Compose specification."""
    source: str
    """Empty where a volume has no name."""
    read_only: bool


def isolated(document: Mapping[str, Any], started: Iterable[str], file: PurePath) -> dict[str, Any]:
    """What is started of a resolved Compose file, changed as the module says.

    Args:
        document: The Compose file, with its variables and defaults filled in.
        started: The services of stacks; others are kept if these depend on them.
        file: The file's path, for messages.

    Raises:
        UserError: a service could write to data of the user's own, or joins a network of others.
    """
    declared: Mapping[str, Service] = document.get("services") or {}
    needed = with_dependencies([name for name in started if name in declared], declared)
    volumes: Mapping[str, Any] = document.get("volumes") or {}
    networks: Mapping[str, Any] = document.get("networks") or {}
    for name in needed:
        try:
            _check_volumes(declared[name], volumes)
            _check_networks(declared[name], networks)
        except _Shared as problem:
            raise UserError(f"{file}: service {name!r} {problem}") from None
    services = {name: declared[name] for name in needed}
    used_volumes = {_mount(entry).source for service in services.values() for entry in _volumes_of(service)}
    used_networks = {network for service in services.values() for network in _networks_of(service)}
    return {
        **document,
        "services": {name: _own_service(service) for name, service in services.items()},
        "volumes": {name: _unnamed(volume) for name, volume in volumes.items() if name in used_volumes},
        "networks": {name: _unnamed(network) for name, network in networks.items() if name in used_networks},
    }


def mounted_read_only(services: Iterable[Service], folder: PurePath) -> tuple[str, ...]:
    """The folders and files of the host that services see, sorted; relative to ``folder`` if they are in it."""
    mounts = (_mount(entry) for service in services for entry in _volumes_of(service))
    paths = {PurePath(mount.source) for mount in mounts if mount.kind == "bind"}
    return tuple(sorted(str(path.relative_to(folder) if path.is_relative_to(folder) else path) for path in paths))


class _Shared(Exception):
    """How a service reaches what is not the run's, as the rest of a sentence with its remedy."""


def _check_volumes(service: Service, volumes: Mapping[str, Any]) -> None:
    for entry in _volumes_of(service):
        mount = _mount(entry)
        if mount.kind == "volume" and not mount.read_only and _is_elsewhere(volumes.get(mount.source) or {}):
            raise _Shared(
                f"could write to volume {mount.source!r}, whose data are not the run's own; mount it read-only, or "
                "declare it without external, driver and device, and it is an empty one"
            )
    for source in service.get("volumes_from") or ():
        if str(source).startswith("container:") and not str(source).endswith(":ro"):
            raise _Shared(f"could write to the volumes of {source!r}; add :ro, or remove it")


def _check_networks(service: Service, networks: Mapping[str, Any]) -> None:
    for name in _networks_of(service):
        if (networks.get(name) or {}).get("external"):
            raise _Shared(
                f"joins the external network {name!r}, where it would answer to the names of others; remove external, "
                "and it is one of the run's own"
            )


def _is_elsewhere(volume: Mapping[str, Any]) -> bool:
    """Whether the data of a volume outlive it: it is external, of another driver, or on a device."""
    options = volume.get("driver_opts") or {}
    on_device = bool(options.get("device")) and options.get("type") != "tmpfs"
    return bool(volume.get("external")) or volume.get("driver") not in (None, "", "local") or on_device


def _unnamed(resource: Mapping[str, Any] | None) -> dict[str, Any]:
    """A volume or network that Compose names after the project, unless it is external."""
    kept = dict(resource or {})
    if not kept.get("external"):
        kept.pop("name", None)
    return kept


def _own_service(service: Service) -> dict[str, Any]:
    kept = {key: value for key, value in service.items() if key not in _BOUND_TO_HOST}
    return {**kept, "volumes": [_harmless(entry) for entry in _volumes_of(service)]} if "volumes" in kept else kept


def _volumes_of(service: Service) -> Iterable[Any]:
    return service.get("volumes") or ()


def _networks_of(service: Service) -> Iterable[str]:
    """The networks of a service, by their names in the file: a mapping, a list, or the default one."""
    return () if service.get("network_mode") else tuple(service.get("networks") or ("default",))


def _mount(entry: object) -> _Mount:
    """An entry of ``volumes``: a mapping, or ``[SOURCE:]TARGET[:OPTIONS]``."""
    if isinstance(entry, Mapping):
        return _Mount(str(entry.get("type")), str(entry.get("source") or ""), bool(entry.get("read_only")))
    source, target, options = _parts(str(entry))
    kind = "bind" if target and source.startswith(("/", ".", "~")) else "volume"
    return _Mount(kind, source if target else "", "ro" in options)


def _harmless(entry: Any) -> Any:
    """The same mount, read-only if it is a folder or file of the host."""
    if _mount(entry).kind != "bind":
        return entry
    if isinstance(entry, Mapping):
        return {**entry, "read_only": True}
    source, target, options = _parts(entry)
    return ":".join([source, target, ",".join([*(option for option in options if option not in ("rw", "ro")), "ro"])])


def _parts(entry: str) -> tuple[str, str, list[str]]:
    """Source, target and options of a short entry; one without a source is its target, and comes first here."""
    source, _, rest = entry.partition(":")
    target, _, options = rest.partition(":")
    return source, target, options.split(",") if options else []
