"""The container engine and Compose, through their own command lines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bakeoff.model import BakeoffError, UserError

ANSWER_WITHIN_S = 120.0
SAID_LINES = 3
_ENVIRONMENT = {"COMPOSE_IGNORE_ORPHANS": "true"}  # Each start names one service; the others are no orphans.


class EngineError(BakeoffError):
    """The engine refused what Bakeoff asked of it; the end of what it said."""


class State(NamedTuple):
    """What the engine says of a container."""

    running: bool
    exit_code: int
    out_of_memory: bool
    pid: int
    addresses: tuple[str, ...]
    """Its own, in its networks."""
    published: int | None
    """The port of 127.0.0.1 that leads to it."""


@dataclass(frozen=True)
class Engine:
    """A container engine that answers."""

    version: str
    compose: tuple[str, ...]
    """``docker compose`` or ``docker-compose``."""
    compose_version: str
    lifeline: int | None = None
    """A descriptor for every command to hold as long as it runs."""

    def run(self, *command: str, within_s: float | None = ANSWER_WITHIN_S, merged: bool = False) -> str:
        """What a command prints; with its standard error if ``merged``. Raises `EngineError` when it fails.

        A command that is under way when Bakeoff is interrupted goes on to its end; whatever it brings up is taken down
        after that.
        """
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            env=os.environ | _ENVIRONMENT,
            start_new_session=True,
            pass_fds=() if self.lifeline is None else (self.lifeline,),
        ) as process:
            try:
                printed, said = process.communicate(timeout=within_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise EngineError(f"{' '.join(command[:2])} gave no answer within {within_s:g} s") from None
        if process.returncode:
            raise EngineError(_last_lines(printed if merged else said) or f"{command[0]} failed")
        return str(printed, "utf-8", "replace")

    def state(self, container: str) -> State:
        """How a container is. Raises `EngineError` when there is none."""
        (found,) = json.loads(self.run("docker", "container", "inspect", container))
        network = found["NetworkSettings"]
        ports = [entry for entries in network["Ports"].values() for entry in entries or ()]
        return State(
            running=found["State"]["Running"],
            exit_code=found["State"]["ExitCode"],
            out_of_memory=found["State"]["OOMKilled"],
            pid=found["State"]["Pid"],
            addresses=tuple(one["IPAddress"] for one in network["Networks"].values() if one["IPAddress"]),
            published=int(ports[0]["HostPort"]) if ports else None,
        )

    def containers(self, project: str, service: str) -> list[str]:
        """The ids of a service's containers."""
        labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
        filters = [f"--filter=label={key}={value}" for key, value in labels.items()]
        return self.run("docker", "ps", "--all", "--quiet", "--no-trunc", *filters).split()

    def resolved(self, file: Path, project: str) -> dict[str, Any]:
        """A Compose file with everything filled in. Raises `UserError` when it is not valid."""
        command = (*self.compose, "--project-name", project, "--file", str(file), "--profile", "*", "config")
        try:
            found = yaml.safe_load(self.run(*command))
        except EngineError as error:
            raise UserError(f"{file}: {error}") from None
        return dict(found)


def find_engine() -> Engine:
    """The engine of this machine. Raises `UserError`, one line, when none answers or there is no Compose."""
    try:
        version = _answer("docker", "version", "--format", "{{.Server.Version}}")
    except EngineError as error:
        raise UserError(f"no Docker engine answers ({error}); start it, or use --backend local") from None
    for compose in (("docker", "compose"), ("docker-compose",)):
        try:
            return Engine(version, compose, _answer(*compose, "version", "--short"))
        except EngineError:
            continue
    raise UserError("Docker has no Compose here; install docker-compose or its plugin, or use --backend local")


def _answer(*command: str) -> str:
    if shutil.which(command[0]) is None:
        raise EngineError(f"there is no {command[0]} on PATH")
    return Engine("", (), "").run(*command).strip()


def _last_lines(output: bytes) -> str:
    """The end of what a command said, on one line; Compose's last line alone may be no more than "failed"."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return "; ".join(lines[-SAID_LINES:])
