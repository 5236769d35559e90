"""The apps under test, in one form whether they run in process or behind a real server."""

from __future__ import annotations

import http.client
import importlib
import importlib.util
import inspect
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient
from werkzeug.test import Client

from bakeoff.model import Block, Interface, Stack
from bakeoff.stacks import LocalBackend, RunningStack, servers

ROOT = Path(__file__).parents[2]
NO_SLICES = Block(number=0, start_order=(), hash_seed=0, port_seed=os.getpid(), slices=())


@dataclass(frozen=True)
class Reply:
    """The answer to a request."""

    status: int
    content_type: str | None
    body: bytes


Ask = Callable[[str], Reply]


@dataclass(frozen=True)
class Target:
    """An app, how its handlers are written, and the server it runs behind; no server means in process."""

    app: str
    """Its module in ``apps``."""
    attribute: str
    interface: Interface
    handlers: str
    server: str | None

    def __str__(self) -> str:
        handlers = f" ({self.handlers})" if self.handlers else ""
        name = self.app if self.attribute == "app" else f"{self.app}.{self.attribute}"
        return f"{name}{handlers} {f'on {self.server}' if self.server else 'in process'}"

    @property
    def env(self) -> dict[str, str]:
        """The app's environment variables."""
        return {"BAKERY_HANDLERS": self.handlers} if self.handlers else {}


@dataclass(frozen=True)
class Kitchen:
    """A target that serves: ``ask`` sends a GET request to a path."""

    target: Target
    ask: Ask
    running: RunningStack | None = None


def interface_of(app: object) -> Interface:
    """``asgi`` if the app, or its call, is a coroutine function, else ``wsgi``."""
    calls = app, type(app).__call__
    return "asgi" if any(inspect.iscoroutinefunction(call) for call in calls) else "wsgi"


def installed(server: str) -> bool:
    """Whether the server can be started here."""
    return importlib.util.find_spec(servers.adapter(server).PACKAGE) is not None


ATTRIBUTES = ("app", "wsgi", "asgi")
"""What a file calls the apps in it."""
FLOOR = "bare_app"
"""The app that runs on every server. Any other runs on one, since servers and apps are independent."""
USUAL: dict[Interface, str] = {"wsgi": "gunicorn", "asgi": "uvicorn"}


def targets(module: ModuleType, app: str) -> Iterator[Target]:
    """Every app of a file in every variant, in process and on servers that can serve it."""
    for attribute in ATTRIBUTES:
        if not hasattr(module, attribute):
            continue
        interface = interface_of(getattr(module, attribute))
        for handlers in getattr(module, "HANDLERS", ("",)):
            for server in (None, *servers.names()):
                serves = server is None or interface in servers.adapter(server).INTERFACES
                if serves and (app == FLOOR or server in (None, USUAL[interface])):
                    yield Target(app, attribute, interface, handlers, server)


def params() -> Iterator[object]:
    """Every target; those with a server are marked ``e2e``, and those that lack a package are skipped."""
    for path in sorted((ROOT / "apps").glob("*_app.py")):
        try:
            module = importlib.import_module(f"apps.{path.stem}")
        except ModuleNotFoundError as error:
            yield pytest.param(None, id=path.stem, marks=pytest.mark.skip(f"{error.name} is not installed"))
            continue
        for target in targets(module, path.stem):
            marks = [pytest.mark.e2e] if target.server else []
            if target.server and not installed(target.server):
                marks.append(pytest.mark.skip(f"{servers.adapter(target.server).PACKAGE} is not installed"))
            yield pytest.param(target, id=str(target), marks=marks)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that takes a ``kitchen`` on every target."""
    if "kitchen" in metafunc.fixturenames:
        metafunc.parametrize("kitchen", list(params()), indirect=True, scope="session")


def load(app: str) -> ModuleType:
    """Import an app afresh, so that it reads the environment again."""
    spec = importlib.util.spec_from_file_location(f"apps.{app}", ROOT / "apps" / f"{app}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def fresh() -> Callable[[str], Any]:
    """Import an app afresh."""
    return lambda app: load(app).app


@pytest.fixture(scope="session")
def root() -> str:
    """The folder that apps are imported from."""
    return str(ROOT)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Stack], RunningStack]]:
    """Start stacks and wait until they serve; at the end all of them are stopped. Skips where a server is missing."""
    backend = LocalBackend(cpus=())
    logs = tmp_path_factory.mktemp("logs")
    started: list[RunningStack] = []

    def start_one(stack: Stack) -> RunningStack:
        if stack.server and not installed(stack.server):
            pytest.skip(f"{servers.adapter(stack.server).PACKAGE} is not installed")
        started.append(backend.start(stack, NO_SLICES, logs))
        started[-1].wait_ready()
        return started[-1]

    yield start_one
    for running in started:
        running.ask_to_stop()
    for running in started:
        running.stop()


@pytest.fixture(scope="session")
def kitchen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kitchen]:
    """A target that serves."""
    target: Target = request.param
    if target.server is None:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in target.env.items():
                patch.setenv(name, value)
            app = getattr(load(target.app), target.attribute)
        yield Kitchen(target, asgi_asker(app) if target.interface == "asgi" else wsgi_asker(app))
        return
    running = LocalBackend(cpus=()).start(stack_of(target), NO_SLICES, tmp_path_factory.mktemp("logs"))
    try:
        running.wait_ready()
        yield Kitchen(target, http_asker(running.url), running)
    finally:
        running.stop()


def stack_of(target: Target) -> Stack:
    """The stack of a target: one worker, one thread."""
    return Stack(
        name=str(target).replace(" ", "-"),
        interface=target.interface,
        app=f"apps.{target.app}:{target.attribute}",
        server=target.server,
        env=target.env,
        directory=str(ROOT),
    )


def wsgi_asker(app: Any) -> Ask:
    """Send requests to a WSGI app in process."""

    def ask(path: str) -> Reply:
        response = Client(app).get(path)
        return Reply(response.status_code, response.headers.get("content-type"), response.get_data())

    return ask


def asgi_asker(app: Any) -> Ask:
    """Send requests to an ASGI app in process."""

    def ask(path: str) -> Reply:
        response = TestClient(app).get(path)
        return Reply(response.status_code, response.headers.get("content-type"), response.content)

    return ask


def http_asker(url: str) -> Ask:
    """Send requests over HTTP, each on a new connection."""

    def ask(path: str) -> Reply:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return Reply(response.status, response.headers["content-type"], response.read())
        finally:
            connection.close()

    return ask


@pytest.fixture(scope="module")
def connect() -> Callable[[RunningStack], Ask]:
    """A way to send requests to a running stack."""
    return lambda running: http_asker(running.url)
