"""The stacks of a block: started in the drawn order, waited for until ready and idle, and stopped at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from bakeoff.model import Answer, Block, Failure, Redaction, Stack
from bakeoff.stacks.cause import last_exception
from bakeoff.stacks.protocol import Backend, ProcessMemory, RunningStack, StartFailure, Unknown, Usage

IDLE_WITHIN_S = 5.0
IDLE_POLL_S = 0.05
IDLE_SHARE = 0.10
"""CPU use of all stacks together, as a share of one core, below which they count as idle."""


class StackUnderTest:
    """One stack of a block: its running processes, what was observed of it, and why it failed, if it did."""

    def __init__(self, stack: Stack, redaction: Redaction) -> None:
        """``redaction`` takes the secrets of all stacks out of what they say."""
        self.stack = stack
        self._redaction = redaction
        self.failure: Failure | None = None
        self.ready_s: float | None = None
        """Seconds from start to the first answer; ``None`` if it never answered."""
        self.unloaded_s: dict[str, float] = {}
        """Latency of a single request at a time, by endpoint."""
        self.extensions: tuple[str, ...] = ()
        """Packages with compiled parts that its processes had loaded."""
        self._running: RunningStack | None = None

    @property
    def running(self) -> RunningStack:
        """The backend's handle. Raises `RuntimeError` for a stack that did not start."""
        if self._running is None:
            raise RuntimeError(f"{self.stack.name} is not running")
        return self._running

    @property
    def is_running(self) -> bool:
        """Whether it was started and became ready. Still true after it was stopped at the end of its block."""
        return self._running is not None

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.running.url

    def start(self, backend: Backend, block: Block, logs: Path) -> None:
        """Start its processes, without waiting for them."""
        try:
            self._running = backend.start(self.stack, block, logs)
        except StartFailure as error:
            self.fail("start", str(error))

    def wait_ready(self) -> None:
        """Wait for its first answer; a stack that gives none in time has failed and is stopped."""
        try:
            self.ready_s = self.running.wait_ready()
        except StartFailure as error:
            self._give_up(error)

    def confine(self) -> None:
        """Pin all its processes to the servers' CPUs and note which extensions they loaded.

        A stack that runs on other CPUs too cannot be compared: it has failed and is stopped.
        """
        try:
            self.running.confine()
        except StartFailure as error:
            self._give_up(error)
        else:
            self.extensions = self.running.extensions()

    def _give_up(self, error: StartFailure) -> None:
        self.fail("start", str(error))
        self.running.stop()
        self._running = None

    def note_answers(self, answers: Iterable[Answer]) -> None:
        """Keep how long single requests took; the first wrong answer is a failure."""
        for answer in answers:
            self.unloaded_s[answer.endpoint] = answer.elapsed_s
            if answer.problem and self.failure is None:
                cause = f": {self._cause_in_log()}" if answer.status >= 500 else ""
                self.fail("answers", f"{answer.method} {answer.path}: {answer.problem}{cause}")

    def _cause_in_log(self) -> str:
        raised = last_exception(self.running.log_tail(), self.stack.directory)
        return raised or "the app fails there, and its log has no exception; make it log errors"

    def check_alive(self) -> None:
        """A stack whose processes have ended has failed."""
        message = self.running.exit_message()
        if message:
            self.fail("exit", message)

    def fail(self, stage: Literal["start", "answers", "load", "exit"], message: str) -> None:
        """Record why it has no results, with the end of its log."""
        log = self._running.log_tail() if self._running else ""
        self.failure = Failure(stage=stage, message=self._redaction.text(message), log=self._redaction.text(log))

    def usage(self) -> Usage | Unknown:
        """What its processes have used so far."""
        return self.running.usage()

    def memory(self) -> Mapping[int, ProcessMemory]:
        """What each of its processes holds now."""
        return self.running.memory()

    def ask_to_stop(self) -> None:
        """Begin to stop it, without waiting."""
        if self._running:
            self._running.ask_to_stop()

    def stop(self) -> None:
        """Stop it and wait until it has ended."""
        if self._running:
            self._running.stop()


StacksUnderTest = Mapping[str, StackUnderTest]
"""The stacks of a block by name, those that failed included."""


def cpu_s_of(stacks: Iterable[StackUnderTest]) -> float:
    """CPU seconds used so far by several stacks, as far as it is known."""
    usages = [stack.usage() for stack in stacks if stack.is_running]
    return sum(usage.cpu_s for usage in usages if isinstance(usage, Usage))


@contextmanager
def started(stacks: Sequence[Stack], block: Block, logs: Path, backend: Backend) -> Iterator[StacksUnderTest]:
    """All stacks of a block, started in its order and ready; stopped at the end, whatever happens.

    They are idle too, unless they still use CPU after `IDLE_WITHIN_S`.

    A stack that does not start is among them, with its failure.
    """
    redaction = Redaction(stacks)
    under_test = {stack.name: StackUnderTest(stack, redaction) for stack in stacks}
    in_order = [under_test[name] for name in block.start_order]
    try:
        for stack in in_order:
            stack.start(backend, block, logs)
        for stack in in_order:  # The drawn order here too: a stack that is waited for later seems to start later.
            if stack.is_running:
                stack.wait_ready()
        _wait_idle(under_test)
        for stack in under_test.values():
            if stack.is_running:
                stack.confine()
        yield under_test
    finally:
        for stack in under_test.values():
            stack.ask_to_stop()
        for stack in under_test.values():
            stack.stop()
        for log in logs.glob("*.log"):
            _redact(log, redaction)


def _redact(log: Path, redaction: Redaction) -> None:
    """Take secrets out of a log that is kept."""
    content = log.read_bytes()
    redacted = redaction.log(content)
    if redacted != content:
        log.write_bytes(redacted)


def _wait_idle(stacks: StacksUnderTest) -> None:
    """Wait until the stacks use little CPU: the last of their workers may boot after the first answer."""
    deadline_s = time.monotonic() + IDLE_WITHIN_S
    before_s = cpu_s_of(stacks.values())
    while time.monotonic() < deadline_s:
        time.sleep(IDLE_POLL_S)
        now_s = cpu_s_of(stacks.values())
        if now_s - before_s < IDLE_SHARE * IDLE_POLL_S:
            return
        before_s = now_s
