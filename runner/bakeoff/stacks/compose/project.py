"""Compose projects: images built once, services started afresh for each block, everything taken down at the end."""

from __future__ import annotations

import dataclasses
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bakeoff.model import Block, Environment, Stack, UserError
from bakeoff.stacks.compose import isolation, services, watchdog
from bakeoff.stacks.compose.container import ContainerStack
from bakeoff.stacks.compose.engine import Engine, EngineError, find_engine
from bakeoff.stacks.compose.services import Service, Template
from bakeoff.stacks.interpreters import LIST_PACKAGES, describe_environment, parse_environment
from bakeoff.stacks.protocol import Backend, StartFailure

COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
DOCKERFILES = ("apps/Dockerfile", "Dockerfile")
BUILD_WITHIN_S = 1800.0


@dataclass(frozen=True)
class Projects:
    """The Compose projects of some stacks."""

    backends: dict[str, Backend] = field(default_factory=dict)
    """The project of each stack, by the stack's name."""
    facts: dict[str, str] = field(default_factory=dict)
    """What a report shows of the engine and the images."""
    environments: dict[str, Environment] = field(default_factory=dict)
    """What is installed for each stack, by its name."""
    images: dict[str, str] = field(default_factory=dict)
    """What `ComposeProject.images` says, of all projects."""


@contextmanager
def open_projects(stacks: Sequence[Stack], cpus: Sequence[int], service_names: Mapping[str, str]) -> Iterator[Projects]:
    """The Compose projects of some stacks.

    One project holds all stacks. Only revisions of one service are in a project each, with images of their own;
    ``service_names`` has the service of each stack by the stack's name, which is the default.

    Raises:
        UserError: no engine answers, a stack has no image, an image cannot be built, or a Compose file is not valid.
    """
    engine = find_engine()
    groups = services.grouped(stacks, service_names)
    projects = Projects()
    with ExitStack() as opened:
        for group in groups:
            project = opened.enter_context(_open_project(engine, group, cpus, own_images=len(groups) > 1))
            names = [stack.name for stack in group.values()]
            projects.backends.update(dict.fromkeys(names, project))
            projects.images.update(project.images())
            prefix = f"{', '.join(names)}: " if len(groups) > 1 else ""
            projects.environments.update(project.environments())
            facts = project.facts(projects.environments)
            projects.facts.update({f"{prefix}{fact}": value for fact, value in facts.items()})
        yield projects


@contextmanager
def _open_project(
    engine: Engine, stacks: Mapping[str, Stack], cpus: Sequence[int], *, own_images: bool
) -> Iterator[ComposeProject]:
    """A project for some stacks by service name, with its images built."""
    name = f"bakeoff-{secrets.token_hex(4)}"
    template = _read_template(engine, name, stacks, cpus, own_images=own_images)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    file = _write_compose_file(folder / "project.json", stacks, template, hash_seed=0)
    down = engine.compose_command(
        name, file, "down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "1"
    )
    with _watched(engine, name, folder, down) as watched_engine:
        _build_images(watched_engine, name, file, stacks, template)
        yield ComposeProject(watched_engine, name, folder, stacks, template)


@contextmanager
def _watched(engine: Engine, project: str, folder: Path, down: Sequence[str]) -> Iterator[Engine]:
    """The engine, with a watchdog that takes the project down as soon as neither Bakeoff nor any command runs."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", watchdog.__file__, str(folder), *down],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        yield dataclasses.replace(engine, lifeline=process.stdin.fileno())
    finally:
        output, _ = process.communicate()  # Closes the pipe that the watchdog waits for.
        if process.returncode:
            problem = output.decode("utf-8", "replace").strip()
            raise EngineError(f"project {project} was not taken down: {problem}")


class ComposeProject:
    """A backend that starts stacks as services of one Compose project."""

    def __init__(
        self, engine: Engine, name: str, folder: Path, stacks: Mapping[str, Stack], template: Template
    ) -> None:
        """``stacks`` are by service name; a Compose file for each start is written into ``folder``."""
        self._engine = engine
        self._name = name
        self._folder = folder
        self._template = template
        self._stacks = dict(stacks)
        self._service_names = {stack.name: service for service, stack in stacks.items()}

    def environments(self) -> dict[str, Environment]:
        """What is installed in the image of each stack, by the stack's name; not for an image without Python."""
        images = {stack.name: self._image(service, stack) for service, stack in self._stacks.items()}
        installed = {image: self._installed(image) for image in set(images.values())}
        return {name: environment for name, image in images.items() if (environment := installed[image])}

    def facts(self, environments: Mapping[str, Environment]) -> dict[str, str]:
        """The engine, and for each image its id and what is installed in it, from the stacks' ``environments``."""
        compose = " ".join(self._engine.compose)
        facts = {"engine": f"Docker {self._engine.version}, {compose} {self._engine.compose_version}"}
        stacks = {self._image(service, stack): stack for service, stack in self._stacks.items()}
        for image, stack in sorted(stacks.items(), key=lambda item: item[0]):
            digest = self._engine.image_id(image)
            environment = environments.get(stack.name)
            installed = describe_environment(environment) if environment else "without a Python that lists its packages"
            facts[f"image {image}"] = f"{digest}, {installed}"
        folder = Path(next(iter(self._stacks.values())).directory)
        if mounted := isolation.mounted_read_only(self._template.declared.values(), folder):
            facts["mounted read-only"] = ", ".join(mounted)
        return facts

    def images(self) -> dict[str, str]:
        """By stack, the id of its image, and of those of the services that start with it.

        An id is a digest of the content; a tag may mean another image tomorrow. An image that is not here yet is
        pulled, as the start of its service would.
        """
        images: dict[str, str] = {}
        for name, stack in self._stacks.items():
            made = services.stack_service(name, stack, self._template, hash_seed=0)
            beside = services.compose_file({name: made}, self._template)["services"].keys() - {name}
            ids = [self._engine.image_id(self._image(name, stack))]
            for service in sorted(beside):
                if image := self._template.declared[service].get("image"):
                    ids.append(f"{service} {self._engine.image_id(str(image), pull=True)}")
            images[stack.name] = ", ".join(ids)
        return images

    def start(self, stack: Stack, block: Block, logs: Path) -> ContainerStack:
        """Bring up the service of a stack and what it depends on. Raises `StartFailure` when the engine refuses."""
        service = self._service_names[stack.name]
        path = self._folder / f"{block.number}-{service}.json"
        file = _write_compose_file(path, {service: stack}, self._template, block.hash_seed)
        started_s = time.monotonic()
        up = self._engine.compose_command(self._name, file, "up", "--detach", "--no-build", service)
        try:
            self._engine.run(*up, with_stderr=True)
        except EngineError as error:
            raise StartFailure(str(error)) from None
        (container,) = self._engine.containers(self._name, service)
        return ContainerStack(stack, self._engine, container, logs / f"{stack.name}.log", started_s)

    def _image(self, service_name: str, stack: Stack) -> str:
        """An image that is not named by its service is named by Compose."""
        service = services.stack_service(service_name, stack, self._template, hash_seed=0)
        separator = "_" if self._engine.compose_version.startswith("1.") else "-"
        return str(service.get("image") or f"{self._name}{separator}{service_name}")

    def _installed(self, image: str) -> Environment | None:
        """What is installed in an image, if it has a Python."""
        run = ("docker", "run", "--rm", "--network=none", "--entrypoint=python", image)
        try:
            return parse_environment(self._engine.run(*run, "-c", LIST_PACKAGES))
        except EngineError:
            return None


def _read_template(
    engine: Engine, project: str, stacks: Mapping[str, Stack], cpus: Sequence[int], *, own_images: bool
) -> Template:
    """What services are made from: the Compose file and the Dockerfile in the folder of the stacks, if any."""
    folder = Path(next(iter(stacks.values())).directory)
    file = next((folder / name for name in COMPOSE_FILES if (folder / name).is_file()), None)
    document = isolation.isolated(engine.resolved(file, project), stacks, file) if file else {}
    declared: dict[str, Service] = document.get("services") or {}
    built = _service_of_dockerfile(folder)
    if own_images:
        declared = {name: services.with_own_image(service) for name, service in declared.items()}
        built = services.with_own_image(built) if built else None
    template = Template(
        cpus=tuple(cpus),
        declared=declared,
        default=services.default_service(stacks, declared, built),
        resources={kind: document[kind] for kind in services.RESOURCES if document.get(kind)},
    )
    if own_images:
        for name, stack in stacks.items():
            services.check_own_files(name, services.stack_service(name, stack, template, hash_seed=0), folder)
    return template


def _service_of_dockerfile(folder: Path) -> Service | None:
    """A service whose image is built from the Dockerfile of a folder, if it has one."""
    file = next((name for name in DOCKERFILES if (folder / name).is_file()), None)
    if file is None:
        return None
    return {"image": f"bakeoff-{folder.name.lower()}", "build": {"context": str(folder), "dockerfile": file}}


def _write_compose_file(path: Path, stacks: Mapping[str, Stack], template: Template, hash_seed: int) -> Path:
    """A Compose file for some stacks by service name, written as JSON, which is YAML."""
    made = {name: services.stack_service(name, stack, template, hash_seed) for name, stack in stacks.items()}
    path.write_text(json.dumps(services.compose_file(made, template), indent=2), "utf-8")
    return path


def _build_images(engine: Engine, project: str, file: Path, stacks: Mapping[str, Stack], template: Template) -> None:
    """Build what services name no finished image for. Raises `UserError` when that fails."""
    made = {name: services.stack_service(name, stack, template, hash_seed=0) for name, stack in stacks.items()}
    names = services.to_build(made)
    if not names:
        return
    try:
        engine.run(*engine.compose_command(project, file, "build", *names), within_s=BUILD_WITHIN_S, with_stderr=True)
    except EngineError as error:
        raise UserError(
            f"the image of {', '.join(names)} cannot be built: {error}; run docker build to see all of its output"
        ) from None
