"""Where the stacks of an experiment run: those with a url where they are, all others on one backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bakeoff.model import INTERPRETER, BackendName, Block, Stack, UserError
from bakeoff.stacks import Backend, RunningStack
from bakeoff.stacks.compose import compose_backend
from bakeoff.stacks.interpreters import interpreters
from bakeoff.stacks.local import HOST, LocalBackend
from bakeoff.stacks.remote import RemoteBackend


@dataclass(frozen=True)
class Place:
    """A backend for all stacks of an experiment, and what is to be known of it."""

    backend: Backend
    facts: dict[str, str] = field(default_factory=dict)


class _Sorting:
    """Hands deployed stacks to one backend, all others to another."""

    def __init__(self, here: Backend) -> None:
        self._here = here
        self._elsewhere = RemoteBackend()

    def start(self, stack: Stack, block: Block, logs: Path) -> RunningStack:
        backend = self._elsewhere if stack.url else self._here
        return backend.start(stack, block, logs)


@contextmanager
def opened(name: BackendName, stacks: Sequence[Stack], cpus: Sequence[int], host: str = HOST) -> Iterator[Place]:
    """A place for some stacks, on some CPUs (none: anywhere); whatever it brought up is taken down at the end.

    Stacks listen on ``host``, an address of this machine. Raises `UserError` when there is no engine for a backend that
    needs one, no image for a stack, no server in its interpreter, or containers are to be reached from elsewhere.
    """
    own = [stack for stack in stacks if not stack.url]
    if name == "compose" and own:
        if host != HOST:
            raise UserError("containers listen on 127.0.0.1 alone; for --workers use --backend local, or a stack's url")
        with compose_backend(own, cpus) as backend:
            yield Place(_Sorting(backend), backend.facts())
    else:
        installed = interpreters(own)
        facts = {INTERPRETER.format(stack.name): installed[stack.name] for stack in own if stack.python}
        yield Place(_Sorting(LocalBackend(cpus, host=host)), facts)
