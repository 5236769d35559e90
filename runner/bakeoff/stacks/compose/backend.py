"""One Compose project a run: built once, its services started afresh for each block, all of it gone at the end."""

from __future__ import annotations

import dataclasses
import http.client
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bakeoff.model import Block, Stack, UserError
from bakeoff.stacks import StartFailure, Unknown, Usage
from bakeoff.stacks.cgroup import Cgroup, CgroupHidden, cgroup_of
from bakeoff.stacks.compose import guard, services
from bakeoff.stacks.compose.engine import Engine, EngineError, State, find_engine
from bakeoff.stacks.compose.services import Naming, Service, Template
from bakeoff.stacks.host import PACKAGES
from bakeoff.stacks.interpreters import ASK, read, told
from bakeoff.stacks.ready import status, wait_until_ready

FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
DOCKERFILES = ("apps/Dockerfile", "Dockerfile")
DIRECT_WITHIN_S = 0.5
STOP_WITHIN_S = 1.0
POLL_S = 0.02
LOG_LINES = 20


@contextmanager
def compose_backend(
    stacks: Sequence[Stack], cpus: Sequence[int], naming: Naming = services.as_named
) -> Iterator[ComposeBackend]:
    """A Compose project for some stacks, with its images built; taken down at the end, even of a killed Bakeoff.

    ``naming`` says what the images that it builds are called; those named by the project are removed with it.

    Raises `UserError` when there is no engine, no image for a stack, or a Compose file that is not valid.
    """
    engine = find_engine()
    project = f"bakeoff-{secrets.token_hex(4)}"
    template = _template(engine, project, stacks, cpus, naming)
    folder = Path(tempfile.mkdtemp(prefix=f"{project}-"))
    whole = _write(folder / "project.json", stacks, template, hash_seed=0)
    with _guarded(engine, project, whole, folder) as kept:
        _build(kept, project, whole, stacks, template)
        yield ComposeBackend(kept, template, folder, stacks)


@contextmanager
def _guarded(engine: Engine, project: str, whole: Path, folder: Path) -> Iterator[Engine]:
    """The engine, whose every command keeps the guard waiting; the guard takes the project down at the end."""
    down = (
        *_compose(engine, project, whole),
        "down",
        "--volumes",
        "--remove-orphans",
        "--rmi",
        "local",
        "--timeout",
        "1",
    )
    waiting = subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, str(folder), *down],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert waiting.stdin is not None
    try:
        yield dataclasses.replace(engine, lifeline=waiting.stdin.fileno())
    finally:
        said, _ = waiting.communicate()  # Closes its standard input, which is what it waits for.
        if waiting.returncode:
            raise EngineError(f"project {project} was not taken down: {said.decode('utf-8', 'replace').strip()}")


class ComposeBackend:
    """Starts stacks as services of one project."""

    def __init__(self, engine: Engine, template: Template, folder: Path, stacks: Sequence[Stack]) -> None:
        self._engine = engine
        self._template = template
        self._folder = folder
        self._stacks = tuple(stacks)

    def facts(self) -> dict[str, str]:
        """The engine, and for each image its id and what is installed in it."""
        compose = " ".join(self._engine.compose)
        found = {"engine": f"Docker {self._engine.version}, {compose} {self._engine.compose_version}"}
        for image in sorted({self._image(stack) for stack in self._stacks}):
            digest = self._engine.run("docker", "image", "inspect", "--format", "{{.Id}}", image).strip()
            found[f"image {image}"] = f"{digest}, {self._installed(image)}"
        return found

    def start(self, stack: Stack, block: Block, logs: Path) -> ComposeStack:
        """Bring up a stack's service and what it depends on. Raises `StartFailure` when the engine cannot."""
        file = _write(self._folder / f"{block.number}-{stack.name}.json", [stack], self._template, block.hash_seed)
        up = (*_compose(self._engine, self._template.project, file), "up", "--detach", "--no-build", stack.name)
        started_s = time.monotonic()
        try:
            self._engine.run(*up, merged=True)
        except EngineError as error:
            raise StartFailure(str(error)) from None
        (container,) = self._engine.containers(self._template.project, stack.name)
        return ComposeStack(stack, self._engine, container, logs / f"{stack.name}.log", started_s)

    def _image(self, stack: Stack) -> str:
        service = services.service(stack, self._template, 0)
        joined = "_" if self._engine.compose_version.startswith("1.") else "-"
        return str(service.get("image") or f"{self._template.project}{joined}{stack.name}")

    def _installed(self, image: str) -> str:
        """What Python has in an image, without whose versions a result could not be repeated; none in another's."""
        try:
            answer = self._engine.run(
                "docker", "run", "--rm", "--network=none", "--entrypoint=python", image, "-c", ASK, *PACKAGES
            )
        except EngineError:
            return "without a Python that could tell its packages"
        return told(read(answer))


class ComposeStack:
    """A stack that runs in a container."""

    def __init__(self, stack: Stack, engine: Engine, container: str, log: Path, started_s: float) -> None:
        self.stack = stack
        self._engine = engine
        self._container = container
        self._log = log
        self._started_s = started_s
        state = engine.state(container)
        self.url = f"http://127.0.0.1:{state.published}"
        self.pid = None
        self._addresses = state.addresses
        self._group = _cgroup(state, container)
        self._asked_s = 0.0

    def wait_ready(self) -> float:
        """Ask until it answers 200 on its ready path; seconds since its start. Raises `StartFailure`."""
        wait_until_ready(self.url, self.stack.ready, self.exit_message)
        ready_s = time.monotonic() - self._started_s
        self.url = self._direct_url() or self.url
        return ready_s

    def confine(self) -> None:
        """Its service has been limited to its CPUs from its first instruction on."""

    def extensions(self) -> tuple[str, ...]:
        """Not to be seen from outside the container."""
        return ()

    def usage(self) -> Usage | Unknown:
        """What its container has used so far."""
        return self._group.usage() if isinstance(self._group, Cgroup) else self._group

    def exit_message(self) -> str | None:
        """How its container ended, if it did."""
        if isinstance(self._group, Cgroup) and self._group.is_populated():
            return None
        state = self._ended_state()
        if state is None:
            return "its container was removed"
        return None if state.running else self._end(state)

    def log_tail(self) -> str:
        """The last lines of its log."""
        return self._logged("--tail", str(LOG_LINES))

    def ask_to_stop(self) -> None:
        """Ask it once to end soon. gunicorn and uvicorn take SIGINT for a quick shutdown."""
        state = self._state()
        if self._asked_s == 0.0 and state and state.running:
            self._asked_s = time.monotonic()
            self._signal("SIGINT")

    def stop(self) -> None:
        """End it, keep its log, and remove its container. Asked before, it has had its time."""
        self.ask_to_stop()
        while self._is_running() and time.monotonic() < self._asked_s + STOP_WITHIN_S:
            time.sleep(POLL_S)
        self._log.write_text(self._logged(), "utf-8")
        if self._state() is not None:
            self._engine.run("docker", "rm", "--force", "--volumes", self._container)

    def _direct_url(self) -> str | None:
        """Its own address, if it answers there: the published port leads through a proxy, whose time would be added."""
        for address in self._addresses:
            url = f"http://{address}:{services.PORT}"
            try:
                if status(url, self.stack.ready, DIRECT_WITHIN_S) == 200:
                    return url
            except (OSError, http.client.HTTPException):
                continue  # Not reachable from here: the engine is in a virtual machine, or rootless.
        return None

    def _state(self) -> State | None:
        try:
            return self._engine.state(self._container)
        except EngineError as error:
            if "no such container" in str(error).lower():
                return None
            raise

    def _is_running(self) -> bool:
        if isinstance(self._group, Cgroup):
            return self._group.is_populated()
        state = self._state()
        return state is not None and state.running

    def _ended_state(self) -> State | None:
        """Its state, once the engine knows of the end that its empty control group tells."""
        deadline_s = time.monotonic() + STOP_WITHIN_S
        state = self._state()
        while isinstance(self._group, Cgroup) and state and state.running and time.monotonic() < deadline_s:
            time.sleep(POLL_S)
            state = self._state()
        return state

    def _end(self, state: State) -> str:
        last = self.log_tail().strip().splitlines()[-1:]
        how = "ran out of the memory it may use" if state.out_of_memory else f"ended with status {state.exit_code}"
        return f"{how}: {last[0].strip()}" if last else how

    def _signal(self, name: str) -> None:
        try:
            self._engine.run("docker", "kill", "--signal", name, self._container)
        except EngineError:
            if self._is_running():
                raise

    def _logged(self, *options: str) -> str:
        if self._state() is None:
            return ""
        return self._engine.run("docker", "logs", *options, self._container, merged=True)


def _cgroup(state: State, container: str) -> Cgroup | Unknown:
    """The control group to read, or why there is none; a container that has ended already has none either."""
    try:
        return cgroup_of(state.pid, container)
    except CgroupHidden as hidden:
        return Unknown(str(hidden))


def _compose(engine: Engine, project: str, file: Path) -> tuple[str, ...]:
    return (*engine.compose, "--project-name", project, "--file", str(file))


def _template(engine: Engine, project: str, stacks: Sequence[Stack], cpus: Sequence[int], naming: Naming) -> Template:
    folder = Path(stacks[0].directory)
    file = next((folder / name for name in FILES if (folder / name).is_file()), None)
    document = engine.resolved(file, project) if file else {}
    found = {name: naming(one) for name, one in (document.get("services") or {}).items()}
    built = _built_from(folder)
    return Template(
        project=project,
        cpus=tuple(cpus),
        found=found,
        shared=services.shared_by(stacks, found, None if built is None else naming(built)),
        parts={part: document[part] for part in services.PARTS if document.get(part)},
    )


def _built_from(folder: Path) -> Service | None:
    """An image from the Dockerfile of an experiment's folder."""
    file = next((name for name in DOCKERFILES if (folder / name).is_file()), None)
    if file is None:
        return None
    return {"image": f"bakeoff-{folder.name.lower()}", "build": {"context": str(folder), "dockerfile": file}}


def _write(path: Path, stacks: Sequence[Stack], template: Template, hash_seed: int) -> Path:
    """A Compose file with some stacks. JSON is YAML."""
    asked = {stack.name: services.service(stack, template, hash_seed) for stack in stacks}
    path.write_text(json.dumps(services.compose_file(asked, template), indent=2), "utf-8")
    return path


def _build(engine: Engine, project: str, whole: Path, stacks: Sequence[Stack], template: Template) -> None:
    asked = {stack.name: services.service(stack, template, 0) for stack in stacks}
    names = services.to_build(asked)
    if not names:
        return
    try:
        engine.run(*_compose(engine, project, whole), "build", *names, within_s=None, merged=True)
    except EngineError as error:
        raise UserError(
            f"the image of {', '.join(names)} cannot be built: {error}; see it whole with docker build"
        ) from None
