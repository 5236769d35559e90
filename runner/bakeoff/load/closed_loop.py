"""Closed loop: Locust's runner runs N users, each of which waits for its answer before it sends the next request."""

from __future__ import annotations

from typing import Any

from locust import constant
from locust.env import Environment

from bakeoff.load.client import Client
from bakeoff.load.recorder import SliceSink
from bakeoff.load.traffic import Traffic
from bakeoff.load.user import targets_of


class ClosedLoop:
    """Users on Locust's own runner, started and stopped together."""

    waited = 0
    """Users of a closed loop never wait for a connection: each has its own."""

    def __init__(self, environment: Environment, traffic: Traffic, users: int, think_s: float, drain_s: float) -> None:
        self._environment = environment
        self._traffic = traffic
        self._users = users
        self._think_s = think_s
        self._own_wait_times = {user_class: user_class.wait_time for user_class in environment.user_classes}
        environment.stop_timeout = drain_s
        self._targets = targets_of(environment)
        self._drain_s = drain_s
        self._runner: Any = environment.runner or environment.create_local_runner()

    def start(self) -> None:
        """Start all users at once."""
        if self._think_s:
            for user_class in self._environment.user_classes:
                user_class.wait_time = constant(self._think_s)
        self._targets.start(self._users, self._drain_s)
        self._runner.start(self._users, spawn_rate=self._users)

    @property
    def users(self) -> int:
        """Users that are running: one that has ended is not replaced."""
        return int(self._runner.user_count)

    @property
    def warm(self) -> bool:
        """Whether every user has had an answer: the server's queue is as full as it will be."""
        clients = [client for client in self._traffic.clients if isinstance(client, Client)]
        if not clients:  # Plain Locust users: as many answers as there are users.
            sink = self._traffic.sink
            return isinstance(sink, SliceSink) and sink.total("offered") >= self._users
        return len(clients) >= self._users and all(client.last_used_ns > 0 for client in clients)

    def open_window(self, at_ns: int) -> None:
        """Users go on as before."""

    def stop(self) -> None:
        """Let every user finish its request, at most for the drain time, and stop it."""
        self._targets.finish()
        self._runner.stop()
        for user_class, wait_time in self._own_wait_times.items():
            user_class.wait_time = wait_time
