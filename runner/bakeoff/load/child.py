"""The Locust process: carries out the harness's orders, which come over a socket pair, one after another.

Started as ``python -m bakeoff.load.child DESCRIPTOR [CPU,CPU...]``. It ends when the harness closes its end.
"""

from __future__ import annotations

import faulthandler
import os
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import gevent
import locust
from locust import User
from locust.env import Environment
from locust.util.load_locustfile import load_locustfile

from bakeoff.load.ask import ScenarioError, ask_target
from bakeoff.load.child_process import WHEREABOUTS_SIGNAL, end_with_parent
from bakeoff.load.distributed.sources import imported_sources
from bakeoff.load.messages import (
    Answers,
    Ask,
    Asked,
    Drive,
    Driven,
    GeneratorProblem,
    ListSources,
    OpenWindow,
    Order,
    Ready,
    Report,
    Sources,
    Stop,
    UseScenario,
    Warm,
    line,
    order_decoder,
)
from bakeoff.load.recorder import SliceSink, warm_up_recording
from bakeoff.load.slices import drive
from bakeoff.load.targets import DrawnTargets, OneTarget, Targets, Turns
from bakeoff.load.traffic import Traffic
from bakeoff.load.user import BakeoffUser, can_alternate, requests_user
from bakeoff.model import OpenLoad, Scenario


class Child:
    """The loaded scenarios, and what to do at each order."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._environments: dict[str, tuple[Environment, Traffic]] = {}

    def run(self) -> None:
        """Carry out orders until `Stop`, or until the harness has closed its end."""
        self._send(Ready())
        with self._channel.makefile("rb") as self._orders:
            while not isinstance(order := self._next_order(), Stop):
                self._send(self._carry_out(order))

    def _next_order(self) -> Order:
        received = self._orders.readline()
        return order_decoder.decode(received) if received else Stop()

    def _wait_to_open(self, mean_latency_s: float) -> float:
        """Report that the warm-up is over, and wait for the order to open the window; returns its length."""
        self._send(Warm(mean_latency_s=mean_latency_s))
        order = self._next_order()
        if not isinstance(order, OpenWindow):
            raise RuntimeError(f"received {type(order).__name__} instead of the order to open the window")
        return order.slice_s

    def _send(self, report: Report) -> None:
        self._channel.sendall(line(report))

    def _carry_out(self, order: Order) -> Report:
        try:
            match order:
                case UseScenario(scenario=scenario):
                    self._environments[scenario.name] = _environment(scenario)
                    return Ready()
                case ListSources(root=root, folders=folders):
                    return Sources(digests=imported_sources(Path(root), map(Path, folders)))
                case Ask(scenario=name, url=url, task_within_s=task_within_s):
                    environment, _ = self._environments[name]
                    _aim(environment, {"": url})
                    answers = ask_target(environment, task_within_s, asked=lambda: self._send(Asked()))
                    return Answers(answers=tuple(answers))
                case Drive():
                    return self._drive(order)
                case _:
                    raise RuntimeError(f"received {type(order).__name__} while no slice was under way")
        except ScenarioError as error:
            return GeneratorProblem(message=str(error), user_error=True)
        except Exception:
            return GeneratorProblem(message=traceback.format_exc())

    def _drive(self, order: Drive) -> Driven:
        environment, traffic = self._environments[order.scenario]
        _check_load(order, environment)
        _check_targets(order, environment)
        _aim(environment, order.targets, DrawnTargets if isinstance(order.load, OpenLoad) else Turns)
        return drive(environment, traffic, order, self._send, self._wait_to_open)


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
        raise ScenarioError(
            f"scenario {scenario.name!r}: {scenario.locustfile} does not import: {type(error).__name__}: {error}"
        ) from error
    classes = [user_class for user_class in users.values() if not user_class.abstract]
    if not classes:
        raise ScenarioError(f"scenario {scenario.name!r}: {scenario.locustfile} defines no Locust user class")
    return classes


def _check_load(order: Drive, environment: Environment) -> None:
    plain = [user_class for user_class in environment.user_classes if not issubclass(user_class, BakeoffUser)]
    if plain and isinstance(order.load, OpenLoad):
        raise ScenarioError(
            f"scenario {order.scenario!r}: {plain[0].__name__} is a plain Locust user, which cannot be driven "
            "at a rate; derive it from bakeoff.load.BakeoffUser, or give loads in users"
        )


def _check_targets(order: Drive, environment: Environment) -> None:
    unfit = [user_class for user_class in environment.user_classes if not can_alternate(user_class)]
    if unfit and len(order.targets) > 1:
        raise ScenarioError(
            f"scenario {order.scenario!r}: {unfit[0].__name__} cannot alternate between two targets; derive it from "
            "bakeoff.load.BakeoffUser, with tasks that are functions"
        )


def _aim(
    environment: Environment,
    targets: Mapping[str, str],
    several: Callable[[Mapping[str, str]], Targets] = DrawnTargets,
) -> None:
    """Send users to their target, or to ``several``."""
    environment.targets = several(targets) if len(targets) > 1 else OneTarget()  # type: ignore[attr-defined]
    environment.host = next(iter(targets.values()))
    for user_class in environment.user_classes:
        user_class.host = environment.host


def main(arguments: list[str]) -> None:
    """Serve the harness at the given descriptor, on the given CPUs."""
    end_with_parent()
    faulthandler.register(WHEREABOUTS_SIGNAL, all_threads=False)
    descriptor = int(arguments[0])
    if len(arguments) > 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(cpu) for cpu in arguments[1].split(",")})
    channel = socket.socket(fileno=descriptor)
    warm_up_recording()
    Child(channel).run()
    gevent.get_hub().destroy()


if __name__ == "__main__":
    main(sys.argv[1:])
