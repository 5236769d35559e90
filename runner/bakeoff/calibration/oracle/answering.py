"""When and what the oracle answers: one small class for doing nothing at full speed, one for everything else."""

from __future__ import annotations

from heapq import heappop, heappush
from time import monotonic_ns

from bakeoff.calibration.oracle.answer import answers
from bakeoff.calibration.oracle.behaviour import (
    FINAL_OUTCOMES,
    Behaviour,
    Outcome,
    due_rule,
    is_do_nothing,
    outcome_rule,
)
from bakeoff.calibration.oracle.connection import NO_NUMBER, Connection, Parcel
from bakeoff.calibration.oracle.ledger import NO_ANSWER_NS, EndpointCounts, Ledger

SPIN_NS = 1_300_000
"""The last stretch before a due time, in which the server polls without sleeping."""
AWAKE_NS = 100_000_000
"""How long after a request the server polls without sleeping.

An idle CPU takes its time to wake up: on a virtual machine a request is then read 0.15 ms (median) after it was sent,
which the account cannot know.
"""
WAKE_NS = 300_000
"""How much sooner than the due time a sleep ends, because sleeping lasts a little longer than asked."""
BATCH_ANSWERS = 16
"""Answers given at a stretch: some 0.1 ms, for which arrivals wait to be read."""

_RIGHT, _CLOSED, _NEVER, _LOST = map(int, (Outcome.RIGHT, Outcome.CLOSED, Outcome.NEVER, Outcome.LOST))
_IS_FINAL = tuple(outcome in FINAL_OUTCOMES for outcome in Outcome)


def sleep_s(left_ns: int) -> float:
    """How long to wait for sockets when the next answer is due in ``left_ns``: zero when it is too near for sleep.

    ``select`` rounds waits up to whole milliseconds, so what is returned is half of one short of a whole number.
    """
    if left_ns < SPIN_NS:
        return 0.0
    return ((left_ns - WAKE_NS) // 1_000_000 - 0.5) * 1e-3


class Answering:
    """What both ways have in common: handing bytes to the kernel and entering what became of each request."""

    batch_events = 64
    """How many sockets are served between two calls of ``release``."""

    def __init__(self, behaviour: Behaviour, ledger: EndpointCounts) -> None:
        self.ledger = ledger
        self._lasting = answers(behaviour, keep_alive=True)
        self._ending = answers(behaviour, keep_alive=False)

    def receive(self, connection: Connection, keep_alive: bool = True) -> None:
        """A whole request was read just now; ``keep_alive`` is whether its client allows another one."""
        raise NotImplementedError

    def release(self) -> float:
        """Answer some of what is due; returns how many seconds the next wait may last, negative for ever."""
        return -1.0

    def owing(self) -> set[Connection]:
        """The connections with requests that wait for their due time."""
        return set()

    def reset(self, epoch_ns: int) -> None:
        """Forget all requests and begin a new epoch."""
        self.ledger.reset(epoch_ns)

    def hand_over(self, connection: Connection, payload: bytes, number: int, outcome: int, ends: bool) -> None:
        """Give an answer to the kernel, behind those that it has not taken yet; when it has, the request is settled."""
        sent, now_ns = 0, monotonic_ns()
        if not connection.outbox:
            try:
                sent = connection.send(payload)
            except BlockingIOError:
                pass
            except OSError:
                self.settle(number, now_ns, _LOST)
                return
            if sent == len(payload):
                self.settle(number, now_ns, outcome)
                if ends:
                    connection.finish()
                return
        connection.put(Parcel(memoryview(payload)[sent:], number, outcome, ends))

    def flush(self, connection: Connection) -> None:
        """Give the kernel more of what it had not taken yet."""
        for _ in range(len(connection.outbox)):
            parcel, now_ns = connection.outbox[0], monotonic_ns()
            try:
                sent = connection.send(parcel.rest)
            except BlockingIOError:
                return
            except OSError:
                self.abandon(connection)
                return
            if sent < len(parcel.rest):
                connection.outbox[0] = parcel._replace(rest=parcel.rest[sent:])
                return
            connection.take()
            self.settle(parcel.number, now_ns, parcel.outcome)
            if parcel.ends:
                connection.finish()

    def abandon(self, connection: Connection) -> None:
        """The client is gone: what the kernel has not taken is lost."""
        while connection.outbox:
            self.settle(connection.take().number, NO_ANSWER_NS, _LOST)

    def settle(self, number: int, now_ns: int, outcome: int) -> None:
        """Enter what became of a request, unless it is none that counts."""
        if number != NO_NUMBER:
            self.ledger.settle(number, NO_ANSWER_NS if outcome >= _CLOSED else now_ns, outcome)


class AtOnce(Answering):
    """Answers every request rightly and at once, and only counts: the server for ceilings."""

    def __init__(self, behaviour: Behaviour, epoch_ns: int) -> None:
        super().__init__(behaviour, EndpointCounts(epoch_ns))

    def receive(self, connection: Connection, keep_alive: bool = True) -> None:
        """Answer."""
        number = self.ledger.receive(0)
        if connection.exhausted:
            self.settle(number, NO_ANSWER_NS, _LOST)
            return
        connection.exhausted = not keep_alive
        payload = (self._lasting if keep_alive else self._ending)[_RIGHT]
        self.hand_over(connection, payload, number, _RIGHT, not keep_alive)


class InTime(Answering):
    """Answers when and as the behaviour says.

    What is due next is at the top of a heap. The due times of one connection's requests never fall, so that its answers
    keep their order.
    """

    batch_events = 8

    def __init__(self, behaviour: Behaviour, epoch_ns: int) -> None:
        super().__init__(behaviour, Ledger(epoch_ns) if behaviour.log else EndpointCounts(epoch_ns))
        self._outcome = outcome_rule(behaviour)
        self._due_ns = due_rule(behaviour)
        self._awake_until_ns = 0
        self._heap: list[tuple[int, int, Connection, int, bool]] = []
        """Due time, number (unique, so that no more is ever compared), connection, outcome, keep-alive."""

    def receive(self, connection: Connection, keep_alive: bool = True) -> None:
        """Note when the request is due."""
        now_ns, ledger = monotonic_ns(), self.ledger
        number = ledger.receive(now_ns)
        if connection.exhausted:
            ledger.settle(number, NO_ANSWER_NS, _LOST)
            return
        outcome = self._outcome(number)
        connection.exhausted = _IS_FINAL[outcome] or not keep_alive
        if outcome == _NEVER:
            ledger.settle(number, NO_ANSWER_NS, _NEVER)
            return
        self._awake_until_ns = now_ns + AWAKE_NS
        due_ns = ledger.epoch_ns + self._due_ns(number, now_ns - ledger.epoch_ns)
        connection.due_ns = due_ns = max(due_ns, connection.due_ns)
        heappush(self._heap, (due_ns, number, connection, outcome, keep_alive))

    def release(self) -> float:
        """Answer some of what is due; returns how many seconds the next wait may last, negative for ever."""
        heap = self._heap
        for _ in range(BATCH_ANSWERS):
            now_ns = monotonic_ns()
            if not heap or heap[0][0] > now_ns:
                return self._rest_s(now_ns)
            _, number, connection, outcome, keep_alive = heappop(heap)
            if connection.open:
                payload = (self._lasting if keep_alive else self._ending)[outcome]
                self.hand_over(connection, payload, number, outcome, not keep_alive or _IS_FINAL[outcome])
            else:
                self.settle(number, NO_ANSWER_NS, _LOST)
        return 0.0

    def _rest_s(self, now_ns: int) -> float:
        """How long to wait for sockets when nothing is due."""
        if now_ns < self._awake_until_ns:
            return 0.0
        return sleep_s(self._heap[0][0] - now_ns) if self._heap else -1.0

    def owing(self) -> set[Connection]:
        """The connections with requests that wait for their due time."""
        return {entry[2] for entry in self._heap}

    def reset(self, epoch_ns: int) -> None:
        """Forget all requests and begin a new epoch."""
        super().reset(epoch_ns)
        self._heap.clear()


def answering_for(behaviour: Behaviour, epoch_ns: int) -> Answering:
    """The simplest way of answering that does as the behaviour says."""
    return AtOnce(behaviour, epoch_ns) if is_do_nothing(behaviour) else InTime(behaviour, epoch_ns)
