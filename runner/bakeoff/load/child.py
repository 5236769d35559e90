"""The Locust process: takes orders from the harness over a socket pair, drives slices, reports.

Started as ``python -m bakeoff.load.child DESCRIPTOR [CPU,CPU...]``. It ends when the harness closes its end, so that
it never outlives it.
"""

from __future__ import annotations

import os
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gevent
import locust
from locust import User
from locust.env import Environment
from locust.util.load_locustfile import load_locustfile

from bakeoff.load.client import Client
from bakeoff.load.messages import (
    Answers,
    Ask,
    Drive,
    Driven,
    OpenWindow,
    Order,
    Ready,
    Report,
    Stop,
    Trouble,
    UseScenario,
    Warm,
    line,
    order_decoder,
)
from bakeoff.load.plain_users import is_foreign
from bakeoff.load.process import end_with_parent
from bakeoff.load.recorder import SliceSink, practise_bookkeeping
from bakeoff.load.response import Response
from bakeoff.load.slices import drive
from bakeoff.load.traffic import Traffic
from bakeoff.load.user import BakeoffUser, Duet, requests_user, takes_turns
from bakeoff.model import Answer, OpenLoad, Scenario

ASKED_TIMES = 3
"""How often each request is asked alone; the quickest tells the latency without load."""


class UsersMistake(Exception):
    """A scenario that cannot be used, through a fault that its author can mend."""


class Child:
    """Scenarios that are in use, and what to do with each order."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._environments: dict[str, tuple[Environment, Traffic]] = {}

    def run(self) -> None:
        """Carry out orders until told to stop or the harness is gone."""
        self._say(Ready())
        with self._channel.makefile("rb") as self._orders:
            while not isinstance(order := self._next_order(), Stop):
                self._say(self._carry_out(order))

    def _next_order(self) -> Order:
        received = self._orders.readline()
        return order_decoder.decode(received) if received else Stop()

    def _wait_to_open(self, mean_latency_s: float) -> float:
        """Say that the warm-up is over; how long the window is to be."""
        self._say(Warm(mean_latency_s=mean_latency_s))
        order = self._next_order()
        if not isinstance(order, OpenWindow):
            raise RuntimeError(f"told {order!r} where the window was to be opened")
        return order.slice_s

    def _say(self, report: Report) -> None:
        self._channel.sendall(line(report))

    def _carry_out(self, order: Order) -> Report:
        try:
            if isinstance(order, UseScenario):
                self._environments[order.scenario.name] = _environment(order.scenario)
                return Ready()
            if isinstance(order, Ask):
                return self._ask(order)
            assert isinstance(order, Drive)
            return self._drive(order)
        except UsersMistake as error:
            return Trouble(message=str(error), users_mistake=True)
        except Exception:
            return Trouble(message=traceback.format_exc())

    def _drive(self, order: Drive) -> Driven:
        environment, traffic = self._environments[order.scenario]
        _refuse_open_loop(order, environment)
        _refuse_duet(order, environment)
        _aim(environment, order.targets)
        return drive(environment, traffic, order, self._say, self._wait_to_open)

    def _ask(self, order: Ask) -> Answers:
        environment, _ = self._environments[order.scenario]
        _aim(environment, {"": order.url})
        answers: list[Answer] = []
        for user_class in environment.user_classes:
            answers += _answers_of(user_class, environment)
        return Answers(answers=tuple(answers))


class _Witness(Client):
    """A client that keeps what it was answered."""

    seen: list[Answer]

    def request(self, method: str, path: str, **options: Any) -> Response:
        response = super().request(method, path, **options)
        log = self._traffic.sink.log_of(method, options.get("name") or path.partition("?")[0])
        problem = getattr(log, "reason", None)
        self.seen.append(
            Answer(
                endpoint=options.get("name") or path.partition("?")[0],
                method=method,
                path=path,
                status=response.status_code,
                body=response.text,
                elapsed_s=response.elapsed_s,
                problem=str(response.error) if response.error else problem,
            )
        )
        return response


def _answers_of(user_class: type[User], environment: Environment) -> list[Answer]:
    """Run each distinct task a few times, and keep the quickest answer to each request.

    Only for users whose tasks do not nest: others choose their own way.
    """
    user = user_class(environment)
    if not isinstance(user, BakeoffUser):
        return []
    user.client.leave()
    witness = user.new_client(_Witness)
    assert isinstance(witness, _Witness)
    witness.seen = []
    user.client = witness
    user.clients = [witness]
    user.on_start()
    tasks: list[Any] = [task for task in user.tasks if not isinstance(task, type)]
    for one in [one for one in dict.fromkeys(tasks) for _ in range(ASKED_TIMES)]:
        try:
            one(user)
        except Exception as error:
            name = getattr(one, "__name__", "task")
            raise UsersMistake(
                f"task {name!r} of {user_class.__name__} raised {type(error).__name__}: {error}; "
                f"mend it, or try it alone with: locust -f FILE --headless -u 1 -t 5s"
            ) from error
    user.on_stop()
    return _quickest(witness.seen)


def _quickest(answers: Sequence[Answer]) -> list[Answer]:
    """One answer to each request, in the order in which they were first asked."""
    kept: dict[tuple[str, str], Answer] = {}
    for answer in answers:
        key = (answer.method, answer.path)
        if key not in kept or answer.elapsed_s < kept[key].elapsed_s:
            kept[key] = answer
    return list(kept.values())


def _environment(scenario: Scenario) -> tuple[Environment, Traffic]:
    classes = _user_classes(scenario)
    environment = Environment(user_classes=classes, events=locust.events)
    traffic = Traffic(SliceSink())
    environment.traffic = traffic  # type: ignore[attr-defined]
    return environment, traffic


def _user_classes(scenario: Scenario) -> list[type[User]]:
    if scenario.locustfile is None:
        return [requests_user(scenario.name, scenario.requests)]
    sys.path.insert(0, str(Path(scenario.locustfile).parent))
    try:
        users = load_locustfile(scenario.locustfile)[0]
    except Exception as error:
        raise UsersMistake(
            f"scenario {scenario.name!r}: {scenario.locustfile} does not import: {type(error).__name__}: {error}"
        ) from error
    found = [user for user in users.values() if not user.abstract]
    if not found:
        raise UsersMistake(f"scenario {scenario.name!r}: {scenario.locustfile} defines no Locust user class")
    return found


def _refuse_open_loop(order: Drive, environment: Environment) -> None:
    foreign = [user_class.__name__ for user_class in environment.user_classes if is_foreign(user_class)]
    if foreign and isinstance(order.load, OpenLoad):
        raise UsersMistake(
            f"scenario {order.scenario!r}: {foreign[0]} is a user of Locust's own kind, which cannot be driven "
            "at a rate; derive it from bakeoff.load.BakeoffUser, or give loads in users"
        )


def _refuse_duet(order: Drive, environment: Environment) -> None:
    unfit = [user_class for user_class in environment.user_classes if not takes_turns(user_class)]
    if unfit and len(order.targets) > 1:
        raise UsersMistake(
            f"scenario {order.scenario!r}: {unfit[0].__name__} cannot ask two targets in turn; derive it from "
            "bakeoff.load.BakeoffUser, with tasks that are functions"
        )


def _aim(environment: Environment, targets: Mapping[str, str]) -> None:
    environment.duet = Duet(targets) if len(targets) > 1 else None  # type: ignore[attr-defined]
    environment.host = next(iter(targets.values()))
    for user_class in environment.user_classes:
        user_class.host = environment.host


def main(arguments: list[str]) -> None:
    """Serve the harness at the given descriptor, on the given CPUs."""
    end_with_parent()
    descriptor = int(arguments[0])
    if len(arguments) > 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(cpu) for cpu in arguments[1].split(",")})
    channel = socket.socket(fileno=descriptor)
    practise_bookkeeping()
    Child(channel).run()
    gevent.get_hub().destroy()


if __name__ == "__main__":
    main(sys.argv[1:])
