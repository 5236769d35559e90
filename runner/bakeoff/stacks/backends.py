"""Opens the backend of a run: containers or local processes, and stacks with a ``url`` where they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bakeoff.model import INTERPRETER, BackendName, Block, Environment, Stack, UserError
from bakeoff.stacks.interpreters import PIP_INSTALL, describe_environment, interpreters, server_versions
from bakeoff.stacks.local import HOST, LocalBackend
from bakeoff.stacks.protocol import Backend, RunningStack
from bakeoff.stacks.remote import RemoteBackend


@dataclass(frozen=True)
class OpenBackend:
    """Starts each stack on its own backend."""

    backends: Mapping[str, Backend]
    """By the stack's name."""
    facts: dict[str, str] = field(default_factory=dict)
    """What a report shows of them: container engine, images, interpreters."""
    environments: dict[str, Environment] = field(default_factory=dict)
    """What is installed for each stack that is started, by the stack's name."""
    images: dict[str, str] = field(default_factory=dict)
    """The ids of the images that a stack runs in and beside, by the stack's name, of those that are containers."""

    def start(self, stack: Stack, block: Block, logs: Path) -> RunningStack:
        """Start a stack; see `Backend`."""
        return self.backends[stack.name].start(stack, block, logs)


@contextmanager
def open_backend(
    name: BackendName,
    stacks: Sequence[Stack],
    cpus: Sequence[int],
    *,
    host: str = HOST,
    services: Mapping[str, str] | None = None,
    remedy: str = PIP_INSTALL,
) -> Iterator[OpenBackend]:
    """The backend for some stacks; whatever it brought up is taken down at the end.

    Args:
        name: ``local`` or ``compose``. Stacks with a ``url`` run already and are on neither.
        stacks: All stacks that will be started.
        cpus: The CPUs that every stack is pinned to; none means any.
        host: The address of this machine that stacks listen on.
        services: The Compose service of each stack by the stack's name, which is the default. Stacks with the same
            service are revisions of it: each gets a Compose project and images of its own.
        remedy: What to do about a server that is not installed; see `interpreters`.

    Raises:
        UserError: no container engine answers, a stack has no image, an interpreter lacks a stack's server, or
            containers would have to listen on ``host``.
    """
    deployed: dict[str, Backend] = {stack.name: RemoteBackend() for stack in stacks if stack.url}
    started = [stack for stack in stacks if not stack.url]
    if name == "local" or not started:
        environments = interpreters(started, remedy)
        facts = {
            INTERPRETER.format(stack.name): describe_environment(environments[stack.name])
            for stack in started
            if stack.python
        }
        local = LocalBackend(cpus, host, server_versions(started, environments))
        yield OpenBackend(deployed | {stack.name: local for stack in started}, facts, environments)
        return
    if host != HOST:
        raise UserError(f"containers listen on {HOST} only; for --workers use --backend local, or a stack's url")
    from bakeoff.stacks.compose import open_projects  # Imports yaml, which nothing else here needs.

    with open_projects(started, cpus, services or {}) as projects:
        yield OpenBackend(deployed | projects.backends, projects.facts, projects.environments, projects.images)
