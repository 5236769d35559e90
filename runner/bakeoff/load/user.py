"""The Locust user that Bakeoff's scenarios derive from, and scenarios made of a list of requests."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Protocol, cast

from gevent import GreenletExit
from gevent.pool import Group
from locust import User, task
from locust.env import Environment
from locust.exception import StopTest, StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, DefaultTaskSet

from bakeoff.load.client import Client, default_check
from bakeoff.load.plain_locust import LocustSink
from bakeoff.load.response import Response
from bakeoff.load.traffic import Traffic
from bakeoff.model import Request

__all__ = ["BakeoffUser", "requests_user", "task"]


def traffic_of(environment: Environment) -> Traffic:
    """The traffic of an environment; under plain ``locust -f`` one that reports to Locust's own statistics."""
    traffic = getattr(environment, "traffic", None)
    if traffic is None:
        traffic = Traffic(LocustSink(environment))
        environment.traffic = traffic  # type: ignore[attr-defined]
    return cast("Traffic", traffic)


class BakeoffUser(User):
    """A Locust user with a fast client: Locust's own tasks, ``self.client.get(...)``, and a say in what is right.

    Override ``check`` to decide which answers are right; ``timeout_s`` bounds each request.
    """

    abstract = True
    timeout_s: float = 10.0

    def __init__(self, environment: Environment) -> None:
        """Raises ``ValueError`` when there is no host to send requests to."""
        super().__init__(environment)
        self.client = self.new_client(Client)

    def new_client(self, kind: type[Client]) -> Client:
        """A client for this user's host, check and time limit."""
        return kind(self.host or "", traffic_of(self.environment), self.check, self.timeout_s)

    def check(self, response: Response) -> bool | str | None:
        """Whether an answer is right: ``None`` or ``True`` if so, else ``False`` or the reason why not."""
        return default_check(response)

    def on_stop(self) -> None:
        """Close the connection. An override should call this one too."""
        self.client.leave()

    def start(self, group: Group) -> Any:
        """Run in a greenlet of ``group``: Locust's own loop where tasks nest, else a shorter one."""
        if any(isinstance(one, type) for one in self.tasks):
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
        user.on_start()
        choose, tasks = random.choice, user.tasks
        while True:
            _run_task(user, choose(tasks))
            if user._state == LOCUST_STATE_STOPPING:
                break
            if waits(user):
                root.wait()  # type: ignore[no-untyped-call]
    except (GreenletExit, StopUser, StopTest):
        pass
    finally:
        user.on_stop()


def waits(user: User) -> bool:
    """Whether a user thinks between tasks: Locust's default is a wait of zero, which needs no visit to the loop."""
    return type(user).wait_time is not User.wait_time


def _run_task(user: BakeoffUser, one: Any) -> None:
    try:
        one(user)
    except (GreenletExit, StopUser, StopTest):
        raise
    except Exception as error:
        report_task_error(user, error)


def report_task_error(user: User, error: Exception) -> None:
    """Tell Locust of an exception in a task, and count it as a request that failed."""
    log = traffic_of(user.environment).sink.log_of("TASK", "(task)")
    log.offered += 1
    log.record_failure("task", 0, 0, f"{type(error).__name__} in a task: {error}")
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
