"""The container engine and Compose, driven through their own command lines."""

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
PULL_WITHIN_S = 1800.0
ERROR_LINES = 3
_ENVIRONMENT = {"COMPOSE_IGNORE_ORPHANS": "true"}  # Each start names one service; the others are not orphans.


class EngineError(BakeoffError):
    """A command of the engine failed; the message is the end of its output."""


class ContainerState(NamedTuple):
    """What the engine reports about a container."""

    running: bool
    exit_code: int
    out_of_memory: bool
    pid: int
    """The container's first process, as the engine counts."""
    addresses: tuple[str, ...]
    """Its own, one for each of its networks."""
    published_port: int | None
    """The port of 127.0.0.1 that leads to it."""


@dataclass(frozen=True)
class Engine:
    """A container engine that answers, and its Compose."""

    version: str
    compose: tuple[str, ...]
    """``docker compose`` or ``docker-compose``."""
    compose_version: str
    lifeline: int | None = None
    """A file descriptor that every command inherits, so that it stays open as long as any of them runs."""

    def run(self, *command: str, within_s: float = ANSWER_WITHIN_S, with_stderr: bool = False) -> str:
        """The output of a command, with its standard error if asked for. Raises `EngineError` when it fails.

        A command that runs when Bakeoff is interrupted runs to its end; what it brings up is taken down after that.
        """
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if with_stderr else subprocess.PIPE,
            env=os.environ | _ENVIRONMENT,
            start_new_session=True,
            pass_fds=() if self.lifeline is None else (self.lifeline,),
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=within_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise EngineError(f"{' '.join(command[:2])} gave no answer within {within_s:g} s") from None
        if process.returncode:
            raise EngineError(_last_lines(stdout if with_stderr else stderr) or f"{command[0]} failed")
        return str(stdout, "utf-8", "replace")

    def compose_command(self, project: str, file: Path, *arguments: str) -> tuple[str, ...]:
        """A command of Compose on a project and its file."""
        return (*self.compose, "--project-name", project, "--file", str(file), *arguments)

    def state(self, container: str) -> ContainerState:
        """The state of a container. Raises `EngineError` when there is no such container."""
        (document,) = json.loads(self.run("docker", "container", "inspect", container))
        state, network = document["State"], document["NetworkSettings"]
        ports = [binding for bindings in network["Ports"].values() for binding in bindings or ()]
        addresses = (endpoint["IPAddress"] for endpoint in network["Networks"].values())
        return ContainerState(
            running=state["Running"],
            exit_code=state["ExitCode"],
            out_of_memory=state["OOMKilled"],
            pid=state["Pid"],
            addresses=tuple(address for address in addresses if address),
            published_port=int(ports[0]["HostPort"]) if ports else None,
        )

    def image_id(self, image: str, *, pull: bool = False) -> str:
        """The id of an image by its name, which the engine pulls first if it is not here and may be."""
        command = ("docker", "image", "inspect", "--format", "{{.Id}}", image)
        try:
            return self.run(*command).strip()
        except EngineError:
            if not pull:
                raise
        self.run("docker", "pull", "--quiet", image, within_s=PULL_WITHIN_S)
        return self.run(*command).strip()

    def containers(self, project: str, service: str) -> list[str]:
        """The full ids of a service's containers."""
        labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
        filters = [f"--filter=label={key}={value}" for key, value in labels.items()]
        return self.run("docker", "ps", "--all", "--quiet", "--no-trunc", *filters).split()

    def resolved(self, file: Path, project: str) -> dict[str, Any]:
        """A Compose file with its variables and defaults filled in. Raises `UserError` when it is not valid."""
        try:
            text = self.run(*self.compose_command(project, file, "--profile", "*", "config"))
        except EngineError as error:
            raise UserError(f"{file}: {error}") from None
        return dict(yaml.safe_load(text))


def find_engine() -> Engine:
    """The engine of this machine. Raises `UserError` when none answers or there is no Compose."""
    try:
        version = _run("docker", "version", "--format", "{{.Server.Version}}")
    except EngineError as error:
        raise UserError(f"no Docker engine answers ({error}); start it, or use --backend local") from None
    for compose in (("docker", "compose"), ("docker-compose",)):
        try:
            return Engine(version, compose, _run(*compose, "version", "--short"))
        except EngineError:
            continue
    raise UserError("Compose is not installed; install docker-compose or its plugin, or use --backend local")


def _run(*command: str) -> str:
    """The output of a command that may not be installed."""
    if shutil.which(command[0]) is None:
        raise EngineError(f"there is no {command[0]} on PATH")
    return Engine(version="", compose=(), compose_version="").run(*command).strip()


def _last_lines(output: bytes) -> str:
    """The end of an output on one line; Compose's last line alone may be just "failed"."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return "; ".join(lines[-ERROR_LINES:])
