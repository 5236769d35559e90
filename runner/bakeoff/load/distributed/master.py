"""The master's process: many workers on one side, on the other the harness, to which they are one generator.

Started as ``python -m bakeoff.load.distributed.master DESCRIPTOR``. It ends when the harness closes its end.
"""

from __future__ import annotations

import secrets
import socket
import sys
import time
import traceback
from dataclasses import dataclass
from typing import BinaryIO

import gevent
import msgspec
from gevent.lock import BoundedSemaphore
from locust.exception import RPCError

from bakeoff.load.distributed.coordinator import Driving, Gathering, Words, gathering_for, none_left
from bakeoff.load.distributed.handshake import Reception
from bakeoff.load.distributed.protocol import (
    Admission,
    Dismissal,
    Ending,
    Fit,
    Hello,
    Leave,
    Letter,
    Listening,
    MastersWord,
    Note,
    Proof,
    WorkersWord,
    workers_word,
)
from bakeoff.load.distributed.rpc import Entrance
from bakeoff.load.distributed.session import NONCE_BYTES, Gap, NotAuthentic, Session
from bakeoff.load.messages import Lost, OpenWindow, Order, Ready, Report, Stop, Trouble, line, order_decoder
from bakeoff.load.process import end_with_parent

WATCH_S = 1.0
BEAT_S = 3.0
"""How often workers are told that the master lives. They tell it once a second."""
LOST_AFTER_S = 5.0
"""Silence after which a worker is taken for dead."""


@dataclass
class Guest:
    """A worker that has the token."""

    session: Session
    heard_s: float
    fit: bool = False
    """Whether it meets the terms, and so takes part."""


class Master:
    """Workers that join, and the order that they carry out."""

    def __init__(self, channel: socket.socket, admission: Admission) -> None:
        """Raises Locust's ``RPCError`` when the address cannot be listened on."""
        self._channel = channel
        self._speaking = BoundedSemaphore()  # A long line may be sent in pieces, between which others would speak.
        self._admission = admission
        self._entrance = Entrance(admission.host, admission.port)
        self._reception = Reception(admission.token, lambda: secrets.token_bytes(NONCE_BYTES))
        self._guests: dict[str, Guest] = {}
        self._gathering: Gathering | None = None
        self._complete = False
        self._join_before_s = time.monotonic() + admission.join_within_s
        self._dropped = 0

    def run(self, orders: BinaryIO) -> None:
        """Wait for all workers, then carry out orders until told to stop or the harness is gone."""
        self._say(Listening(port=self._entrance.port))
        parts = [gevent.spawn(part) for part in (lambda: self._follow(orders), self._receive, self._watch)]
        try:
            for part in gevent.wait(parts, count=1):
                part.get()  # Raises what ended it, if it was an exception.
        finally:
            gevent.killall(parts)
            for worker in list(self._guests):
                self._dismiss(worker, "done", "the run is over")
            self._entrance.close()
            print(f"dropped {self._dropped} messages that were not authentic", flush=True)

    def _say(self, report: Report | Listening | Note) -> None:
        with self._speaking:
            self._channel.sendall(line(report))

    # --- orders -------------------------------------------------------------------------------------------------------

    def _follow(self, orders: BinaryIO) -> None:
        for received in orders:
            order = order_decoder.decode(received)
            if isinstance(order, Stop):
                return
            self._begin(order)

    def _begin(self, order: Order) -> None:
        if isinstance(order, OpenWindow):
            if isinstance(self._gathering, Driving):  # Else the slice was void before it was to be opened.
                self._carry_on(self._gathering.open_window(order, time.monotonic()))
        elif members := self._members():
            self._gathering = gathering_for(order, members)
            self._carry_on(self._gathering.begin())
        else:
            self._say(none_left([]))

    def _members(self) -> list[str]:
        return [worker for worker, guest in self._guests.items() if guest.fit]

    def _carry_on(self, words: Words) -> None:
        if words.over:
            self._gathering = None
        for worker, order in words.orders:
            self._tell(worker, order)
        for report in words.reports:
            self._say(self._or_failure(report))

    def _or_failure(self, report: Report) -> Report:
        """A slice that lost a worker is void; if that was the last one, it is the run that cannot go on."""
        return none_left([report.message]) if isinstance(report, Lost) and not self._members() else report

    # --- workers ------------------------------------------------------------------------------------------------------

    def _tell(self, worker: str, *words: MastersWord) -> None:
        session = self._guests[worker].session
        self._entrance.send(worker, Letter.of(session.seal(b"".join(map(line, words)))))

    def _receive(self) -> None:
        while True:
            received = self._entrance.receive()
            if received is None or not self._understood(*received):
                self._dropped += 1
            gevent.sleep(0)  # A socket that always has more would let nobody else run.

    def _understood(self, worker: str, envelope: object) -> bool:
        """Act on a message, if its sender may send it."""
        guest = self._guests.get(worker)
        if isinstance(envelope, Letter) and guest:
            return self._open(worker, guest, envelope)
        if isinstance(envelope, Hello) and not guest:
            self._entrance.send(worker, self._reception.meet(worker, envelope))
            return True
        return isinstance(envelope, Proof) and not guest and self._admit(worker, envelope)

    def _admit(self, worker: str, proof: Proof) -> bool:
        admitted = self._reception.admit(worker, proof)
        if admitted is None:
            return False
        welcome, session = admitted
        self._guests[worker] = Guest(session, time.monotonic())
        self._entrance.send(worker, welcome)
        self._tell(worker, self._admission.terms)
        return True

    def _open(self, worker: str, guest: Guest, letter: Letter) -> bool:
        try:
            body = guest.session.open(letter.sealed)
        except NotAuthentic:
            return False
        except Gap as gap:
            self._lose(worker, f"is cut off: {gap}", "failed")
            return True
        guest.heard_s = time.monotonic()
        for received in body.splitlines():
            self._hear(worker, guest, workers_word.decode(received))
        return True

    def _hear(self, worker: str, guest: Guest, word: WorkersWord) -> None:
        if isinstance(word, Fit):
            self._join(worker, guest)
        elif isinstance(word, Leave):
            self._lose(worker, f"left: {word.reason}", "done")
        elif self._gathering:
            self._carry_on(self._gathering.hear(worker, word, guest.heard_s))

    def _join(self, worker: str, guest: Guest) -> None:
        if self._complete:
            self._dismiss(worker, "refused", f"the master has its {self._admission.workers} workers already")
            return
        guest.fit = True
        joined = len(self._members())
        self._say(Note(text=f"worker {worker} joined ({joined} of {self._admission.workers})"))
        if joined == self._admission.workers:
            self._complete = True
            self._say(Ready())

    def _give_up_waiting(self) -> None:
        self._complete = True
        message = (
            f"{len(self._members())} of {self._admission.workers} workers joined within "
            f"{self._admission.join_within_s:g} s; start more: bakeoff worker --master HOST:{self._entrance.port}"
        )
        self._say(Trouble(message=message, users_mistake=True))

    def _watch(self) -> None:
        """Look for workers that fell silent; tell all others that the master lives."""
        beaten_s = time.monotonic()
        while True:
            gevent.sleep(WATCH_S)
            now_s = time.monotonic()
            if not self._complete and now_s > self._join_before_s:
                self._give_up_waiting()
            for worker, guest in list(self._guests.items()):
                if now_s - guest.heard_s > LOST_AFTER_S and worker in self._guests:
                    self._lose(worker, f"has been silent for {LOST_AFTER_S:g} s", "failed")
            if now_s - beaten_s >= BEAT_S:
                beaten_s = now_s
                for worker in self._guests:
                    self._tell(worker)

    def _lose(self, worker: str, why: str, ending: Ending) -> None:
        self._dismiss(worker, ending, f"this worker {why}")
        self._say(Note(text=f"worker {worker} {why}"))
        if self._gathering:
            self._carry_on(self._gathering.lose(worker, why, time.monotonic()))

    def _dismiss(self, worker: str, ending: Ending, reason: str) -> None:
        self._tell(worker, Dismissal(ending=ending, reason=reason))
        del self._guests[worker]


def main(arguments: list[str]) -> None:
    """Serve the harness at the given descriptor."""
    end_with_parent()
    channel = socket.socket(fileno=int(arguments[0]))
    with channel.makefile("rb") as orders:
        admission = msgspec.json.decode(orders.readline(), type=Admission)
        try:
            Master(channel, admission).run(orders)
        except RPCError as error:
            place = f"{admission.host}:{admission.port}"
            trouble = Trouble(message=f"{place}: {error}; choose another address: --listen", users_mistake=True)
            channel.sendall(line(trouble))
        except BrokenPipeError:
            raise  # The harness is gone: nobody is there to be told.
        except Exception:
            channel.sendall(line(Trouble(message=traceback.format_exc())))
            raise


if __name__ == "__main__":
    main(sys.argv[1:])
