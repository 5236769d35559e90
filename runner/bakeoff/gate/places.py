"""Where base and head run: as processes beside each other, or as containers of two projects with an image each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bakeoff.model import INTERPRETER, SIDES, BackendName, Block, Experiment, Stack
from bakeoff.stacks import Backend, RunningStack
from bakeoff.stacks.compose import compose_backend, services
from bakeoff.stacks.interpreters import interpreters
from bakeoff.stacks.local import LocalBackend
from bakeoff.stacks.places import Place


@contextmanager
def opened_sides(name: BackendName, experiment: Experiment, cpus: Sequence[int]) -> Iterator[Place]:
    """A place for both sides of a gate, on the same CPUs; taken down at the end.

    Raises `UserError` when there is no engine for containers, or no server in a revision's environment.
    """
    if name == "local":
        installed = interpreters(experiment.stacks, _require)
        yield Place(LocalBackend(cpus), {INTERPRETER.format(side): text for side, text in installed.items()})
        return
    base, head = (_as_in_the_file(stack, experiment) for stack in experiment.stacks)
    with (
        compose_backend([base], cpus, services.named_by_project) as first,
        compose_backend([head], cpus, services.named_by_project) as second,
    ):
        projects = dict(zip(SIDES, (first, second), strict=True))
        facts = {f"{side}: {fact}": value for side, one in projects.items() for fact, value in one.facts().items()}
        yield Place(_Projects(projects, experiment), facts)


def _require(package: str, _python: str) -> str:
    return f"add {package} to that revision's requirements, or name the file that has it in [gate] requirements"


def _as_in_the_file(stack: Stack, experiment: Experiment) -> Stack:
    """A side's stack under the name that its service has."""
    return msgspec.structs.replace(stack, name=experiment.gate.stack or stack.name)


class _Projects:
    """Hands each side to its own project."""

    def __init__(self, projects: Mapping[str, Backend], experiment: Experiment) -> None:
        self._projects = projects
        self._experiment = experiment

    def start(self, stack: Stack, block: Block, logs: Path) -> RunningStack:
        own = logs / stack.name
        own.mkdir(exist_ok=True)
        return self._projects[stack.name].start(_as_in_the_file(stack, self._experiment), block, own)
