"""Which request waited for which: several sent at the same moment to one worker, and when each of their steps ran."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bakeoff.measure.context import RunContext
from bakeoff.model import Block, Experiment, Step, Timeline, TimelineRequest
from bakeoff.stacks import StackUnderTest, started
from bakeoff.stacks.bounded_http import connected, read_body

TIMEOUT_S = 30.0


def take_timelines(experiment: Experiment, logs: Path, context: RunContext) -> tuple[Timeline, ...]:
    """The timeline of every stack, one after another, each with a single worker."""
    if not experiment.timeline:
        return ()
    logs.mkdir(parents=True, exist_ok=True)
    singles = [msgspec.structs.replace(stack, workers=1) for stack in experiment.stacks]
    names = tuple(stack.name for stack in singles if not stack.url)
    block = Block(number=0, start_order=names, hash_seed=0, port_seed=time.time_ns() % 2**31, slices=())
    context.observer.timeline_began()
    with started(singles, block, logs, context.backend) as stacks:
        return tuple(_take_timeline(stack, experiment.timeline) for stack in stacks.values())


def _take_timeline(stack: StackUnderTest, paths: Sequence[str]) -> Timeline:
    if stack.failure:
        failure = stack.failure.message
    elif stack.stack.url:
        failure = "it is deployed already, and cannot be started with a single worker"
    else:
        try:
            return _timeline_of(stack, _send_together(stack.url, paths))
        except (OSError, http.client.HTTPException, ValueError) as error:
            failure = f"{type(error).__name__}: {error}"
    return msgspec.structs.replace(_timeline_of(stack, ()), failure=failure)


def _timeline_of(stack: StackUnderTest, requests: tuple[TimelineRequest, ...]) -> Timeline:
    return Timeline(stack=stack.stack.name, interface=stack.stack.interface, requests=requests)


def _send_together(url: str, paths: Sequence[str]) -> tuple[TimelineRequest, ...]:
    """Send one GET for each path at once, over connections made beforehand, and read the steps from the answers.

    An answer with ``steps`` (each with ``name``, ``start_s`` and ``end_s`` on this machine's monotonic clock) gives
    them; any other counts as a single step, from sending to answer.
    """
    with contextlib.ExitStack() as closing:
        connections = [closing.enter_context(contextlib.closing(connected(url, TIMEOUT_S))) for _ in paths]
        sent_s = time.monotonic()
        for connection, path in zip(connections, paths, strict=True):
            connection.request("GET", path)
        return tuple(_read(*pair, sent_s) for pair in zip(connections, paths, strict=True))


class _TimedStep(msgspec.Struct):
    name: str
    start_s: float
    end_s: float


class _Body(msgspec.Struct):
    """An answer that says when its steps ran, on this machine's monotonic clock."""

    steps: tuple[_TimedStep, ...]


def _read(connection: http.client.HTTPConnection, path: str, sent_s: float) -> TimelineRequest:
    endpoint = path.partition("?")[0]
    with connection.getresponse() as response:
        body = read_body(response)
    if response.status != 200:
        raise ValueError(f"GET {endpoint} answered {response.status}")
    done_s = time.monotonic()
    return TimelineRequest(endpoint=endpoint, steps=_steps(body, endpoint, sent_s, done_s))


def _steps(body: bytes, endpoint: str, sent_s: float, done_s: float) -> tuple[Step, ...]:
    try:
        steps = msgspec.json.decode(body, type=_Body).steps
    except (ValueError, RecursionError):
        return (Step(name=endpoint, start_s=0.0, end_s=done_s - sent_s),)
    return tuple(Step(name=step.name, start_s=step.start_s - sent_s, end_s=step.end_s - sent_s) for step in steps)
