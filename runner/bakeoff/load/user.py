"""The Locust user that Bakeoff's scenarios derive from, and scenarios made of a list of requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

import gevent
from gevent import GreenletExit
from gevent.pool import Group
from locust import User, task
from locust.env import Environment
from locust.exception import StopTest, StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, DefaultTaskSet

from bakeoff.load.client import Client, default_check
from bakeoff.load.plain_locust import LocustSink
from bakeoff.load.response import Response
from bakeoff.load.targets import OneTarget, Targets, Task
from bakeoff.load.traffic import Traffic
from bakeoff.model import Request

__all__ = ["BakeoffUser", "requests_user", "task"]


AnyClient = TypeVar("AnyClient", bound=Client)

NO_REQUEST_PAUSE_S = 0.001
"""Pause after a task that sent no request: without one, a task that raises at once would never let others run."""


def traffic_of(environment: Environment) -> Traffic:
    """The traffic of an environment; under plain ``locust -f``, one that reports to Locust's own statistics."""
    traffic = getattr(environment, "traffic", None)
    if traffic is None:
        traffic = Traffic(LocustSink(environment))
        environment.traffic = traffic  # type: ignore[attr-defined]
    return cast("Traffic", traffic)


def targets_of(environment: Environment) -> Targets:
    """Where the users of an environment send their requests: to their own host, unless several targets are compared."""
    targets = getattr(environment, "targets", None)
    if targets is None:
        targets = OneTarget()
        environment.targets = targets  # type: ignore[attr-defined]
    return cast("Targets", targets)


class BakeoffUser(User):
    """A Locust user with a fast client: Locust's own tasks, and ``self.client.get(...)``.

    Override ``check`` to decide which answers are right; ``timeout_s`` bounds each request.
    """

    abstract = True
    timeout_s: float = 10.0

    def __init__(self, environment: Environment) -> None:
        """Raises ``ValueError`` when there is no host to send requests to."""
        super().__init__(environment)
        self.client = self.new_client(Client)
        self.clients: Sequence[Client] = targets_of(environment).clients(self)

    def new_client(self, kind: type[AnyClient], host: str | None = None, label: str = "") -> AnyClient:
        """A client for a host (this user's own by default), with its check and time limit."""
        return kind(host or self.host or "", traffic_of(self.environment), self.check, self.timeout_s, label=label)

    def use_client(self, client: Client) -> None:
        """Send all further requests with another client."""
        self.client.leave()
        self.client = client
        self.clients = [client]

    def start_up(self) -> None:
        """Run ``on_start`` once with each target's client."""
        for client in self.clients:
            self.client = client
            self.on_start()

    def check(self, response: Response) -> bool | str | None:
        """Whether an answer is right: ``None`` or ``True`` if so, else ``False`` or the reason why not."""
        return default_check(response)

    def on_stop(self) -> None:
        """Close the connections. An override should call this one too."""
        for client in self.clients:
            client.leave()

    def start(self, group: Group) -> Any:
        """Run in a greenlet of ``group``: Locust's own loop where tasks nest, else a shorter one."""
        if any(isinstance(task, type) for task in self.tasks):
            return super().start(group)
        self._group = group
        # Locust finds a greenlet's user in its first argument.
        self._greenlet = group.spawn(_run_tasks, self)
        return self._greenlet


def _run_tasks(user: BakeoffUser) -> None:
    """What Locust's ``User.run`` does, without a queue and two sleeps per task."""
    user._state = LOCUST_STATE_RUNNING
    root = user._taskset_instance = DefaultTaskSet(user)
    try:
        user.start_up()
        targets = targets_of(user.environment)
        while True:
            task = targets.begin(user)
            client = user.client
            last_used_ns = client.last_used_ns
            run_task(user, task, targets)
            if client.last_used_ns == last_used_ns:
                gevent.sleep(NO_REQUEST_PAUSE_S)
            if user._state == LOCUST_STATE_STOPPING:
                break
            if waits(user):
                root.wait()  # type: ignore[no-untyped-call]
    except (GreenletExit, StopUser, StopTest):
        pass
    except Exception as error:
        report_error(user, error)
    finally:
        user.on_stop()


def can_alternate(user_class: type[User]) -> bool:
    """Whether users of a class can use another target at each task: not when their tasks nest."""
    return issubclass(user_class, BakeoffUser) and not any(isinstance(task, type) for task in user_class.tasks)


def waits(user: User) -> bool:
    """Whether a user waits between tasks: Locust's default is a wait of zero, which needs no switch to the hub."""
    return type(user).wait_time is not User.wait_time


def run_task(user: BakeoffUser, task: Task, targets: Targets) -> None:
    """Run a task and report what it raises. Raises what ends the user."""
    try:
        task(user)
    except (GreenletExit, StopUser, StopTest):
        raise
    except (Exception, gevent.Timeout) as error:
        report_error(user, error)
    finally:
        targets.end()


def report_error(user: User, error: BaseException) -> None:
    """Report an exception in a user's code to Locust's listeners, as Locust's own loop does."""
    user.environment.events.user_error.fire(user_instance=user, exception=error, tb=error.__traceback__)


class _HasClient(Protocol):
    client: Client


def requests_user(name: str, requests: tuple[Request, ...]) -> type[BakeoffUser]:
    """A user class that sends a list of requests at random, by weight."""
    tasks = {_send(request): request.weight for request in requests}
    return type(_identifier(name), (BakeoffUser,), {"tasks": tasks, "abstract": False})


def _identifier(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name.title()) + "Requests"


def _send(request: Request) -> Callable[[_HasClient], None]:
    content: dict[str, Any] = {}
    if request.json is not None:
        content["json"] = request.json
    if request.data is not None:
        content["data"] = request.data
    if request.headers:
        content["headers"] = request.headers

    def check(response: Response) -> bool | str:
        return response.status_code == request.status or f"status {response.status_code}, not {request.status}"

    def send(user: _HasClient) -> None:
        user.client.request(request.method, request.path, name=request.name, check=check, **content)

    send.__name__ = request.name or f"{request.method} {request.path}"
    return send
