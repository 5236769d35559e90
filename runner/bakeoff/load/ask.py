"""A target's answers to each task of a scenario, without load: to compare stacks, and to know their latency at rest."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import Any

import gevent
import msgspec
from locust import User
from locust.env import Environment
from locust.exception import StopUser

from bakeoff.load.client import Client
from bakeoff.load.hints import hint
from bakeoff.load.messages import TASK
from bakeoff.load.recorder import SliceSink
from bakeoff.load.request_listener import described
from bakeoff.load.response import Response
from bakeoff.load.user import BakeoffUser
from bakeoff.model import Answer

ASKED_TIMES = 3
"""How often each task runs: the quickest answer gives the latency without load, the others show what is volatile."""

COMPARED_CHARACTERS = 4 * 1024 * 1024
"""The longest body that is sent to the harness, to be compared; of a longer one, its length and a digest are."""

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class ScenarioError(Exception):
    """A scenario that cannot be used, for a reason that its author can fix."""


def ask_target(environment: Environment, task_within_s: float, asked: Callable[[], None]) -> list[Answer]:
    """Run each task of the environment's users against its host; ``asked`` is called after each.

    What users' code raises, and a task that takes longer than ``task_within_s``, is a problem of an answer at `TASK`.
    """
    answers: list[Answer] = []
    for user_class in environment.user_classes:
        answers += _answers_to(user_class(environment), task_within_s, asked)
    return answers


class _RecordingClient(Client):
    """A client that keeps the quickest answer to each request, or a wrong one, in the order of the first requests."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.answers: dict[tuple[str, str], Answer] = {}
        self._bodies: dict[tuple[str, str], dict[str, None]] = {}

    def request(self, method: str, path: str, **options: Any) -> Response:
        sink = SliceSink()
        self._traffic.switch(sink)  # A sink of its own: the reason of an earlier wrong answer is not this one's.
        response = super().request(method, path, **options)
        endpoint = options.get("name") or path.partition("?")[0]
        reason = sink.log_of(method, endpoint).reason
        if reason and (meaning := hint(method, path, response.status_code, response.headers, response.text)):
            reason = f"{reason}: {meaning}"
        answer = Answer(
            endpoint=endpoint,
            method=method,
            path=path,
            status=response.status_code,
            body=_compared(_text(response)),
            elapsed_s=response.elapsed_s,
            problem=reason,
        )
        if reason is None:
            bodies = self._bodies.setdefault((method, path), {})
            if len(bodies) < ASKED_TIMES:
                bodies[answer.body] = None
        kept = self.answers.get((method, path))
        if kept is None or _rank(answer) < _rank(kept):
            self.answers[method, path] = answer
        return response

    def all_answers(self) -> list[Answer]:
        """The answers that are kept, each with the other bodies that came."""
        return [
            msgspec.structs.replace(
                answer, others=tuple(body for body in self._bodies.get(key, ()) if body != answer.body)
            )
            for key, answer in self.answers.items()
        ]


def _answers_to(user: User, task_within_s: float, asked: Callable[[], None]) -> list[Answer]:
    """The quickest answer to each request of one user.

    None for plain Locust users, whose clients are not known, and no nested tasks, which choose their own order.
    """
    if not isinstance(user, BakeoffUser):
        return []
    client = user.new_client(_RecordingClient)
    user.use_client(client)
    tasks: list[Any] = [task for task in user.tasks if not isinstance(task, type)]
    for task in [type(user).on_start, *(task for task in dict.fromkeys(tasks) for _ in range(ASKED_TIMES))]:
        try:
            with gevent.Timeout(task_within_s):
                task(user)
        except StopUser:
            pass  # A task may end its user.
        except (Exception, gevent.Timeout) as error:
            name, problem = getattr(task, "__name__", "task"), described(error, error.__traceback__)
            client.answers["task", name] = Answer(
                endpoint=TASK, method="task", path=name, status=0, body="", problem=problem
            )
        asked()
    user.on_stop()
    return client.all_answers()


def _rank(answer: Answer) -> tuple[bool, float]:
    """A wrong answer goes before any right one, then the quicker before the slower."""
    return answer.problem is None, answer.elapsed_s


def _text(response: Response) -> str:
    """The body, decompressed unless it is too long: a compressed one may hold the time of its making."""
    if response.headers.get("content-encoding", "").strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return response.text
    decompressor = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        content = decompressor.decompress(response.content, COMPARED_CHARACTERS)
    except zlib.error:
        return response.text
    return response.text if decompressor.unconsumed_tail else content.decode("utf-8", "replace")


def _compared(body: str) -> str:
    """A body, or what stands for one that is too long."""
    if len(body) <= COMPARED_CHARACTERS:
        return body
    return f"{len(body)} characters, SHA-256 {hashlib.sha256(body.encode()).hexdigest()}"
