"""A worker's process: the master on one side, on the other the load-generating child that takes its orders.

Started as ``python -m bakeoff.load.distributed.worker CHILD CONTROL``: the descriptors of the child's socket and of the
command line's. It stays out of the way of the load: what is not urgent travels once a second, as the heartbeat.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import time
import traceback
from pathlib import Path

import gevent
import msgspec

from bakeoff.load.distributed.authentication import Ended, join
from bakeoff.load.distributed.protocol import (
    Dismissal,
    Enrolment,
    Leave,
    Letter,
    MastersWord,
    Note,
    Over,
    Terms,
    masters_word,
)
from bakeoff.load.distributed.rpc import Connection
from bakeoff.load.distributed.session import Gap, NotAuthentic, Session
from bakeoff.load.messages import Driven, Ready, Report, Second, Tick, UseScenario, line, report_decoder
from bakeoff.load.process import end_with_parent

BEAT_S = 1.0
"""How often the master hears of a worker, and gets what is not urgent."""
MASTER_SILENT_S = 15.0
"""Silence after which the master is taken for dead: five of its heartbeats."""
AT_MOST_BYTES = 1 << 20
"""What is not urgent travels sooner when it is more than this."""


class Dismissed(Ended):
    """The master has ended it, and need not be told."""


class Uplink:
    """A worker's session with its master."""

    def __init__(
        self, child: socket.socket, master: Connection, session: Session, terms: Terms, directory: Path
    ) -> None:
        self._child = child
        self._master = master
        self._session = session
        self._terms = terms
        self._directory = directory
        self._held: list[bytes] = []
        self._tick: Tick | None = None
        self._heard_s = time.monotonic()

    def work(self, control: socket.socket) -> Over:
        """Take orders and report until it is over; how that came."""
        parts = [gevent.spawn(part) for part in (self._obey, self._report, self._beat, lambda: _heed(control))]
        try:
            for part in gevent.wait(parts, count=1):
                part.get()  # Raises what ended it.
        except Dismissed as ended:
            return ended.over
        except Ended as ended:
            self._send(line(Leave(reason=ended.over.reason)))
            return ended.over
        except Exception as error:
            self._send(line(Leave(reason=f"broke down: {error!r}")))
            raise
        finally:
            gevent.killall(parts)
        raise AssertionError("every part ends by an exception")

    # --- from the master ----------------------------------------------------------------------------------------------

    def _obey(self) -> None:
        while True:
            envelope = self._master.receive()
            if isinstance(envelope, Letter):
                for word in self._words_of(envelope):
                    self._hear(word)

    def _words_of(self, letter: Letter) -> list[MastersWord]:
        try:
            body = self._session.open(letter.sealed)
        except NotAuthentic:
            return []
        except Gap as gap:
            raise Ended("failed", f"{self._master.place}: cut off from the master: {gap}") from None
        self._heard_s = time.monotonic()
        return [masters_word.decode(received) for received in body.splitlines()]

    def _hear(self, word: MastersWord) -> None:
        if isinstance(word, Dismissal):
            raise Dismissed(word.ending, word.reason)
        order = self._with_own_file(word) if isinstance(word, UseScenario) else word
        try:
            self._child.sendall(line(order))
        except (BrokenPipeError, ConnectionResetError):
            raise Ended("failed", "its load generator ended") from None

    def _with_own_file(self, order: UseScenario) -> UseScenario:
        """The order with this machine's copy of the Locust file: one of those that were compared, and no other."""
        path = order.scenario.locustfile
        if path is None:
            return order
        if path not in self._terms.sources:
            raise Ended("failed", f"{self._master.place}: the master asks for {path}, which its terms do not name")
        own = str(self._directory / path)
        return UseScenario(scenario=msgspec.structs.replace(order.scenario, locustfile=own))

    # --- to the master ------------------------------------------------------------------------------------------------

    def _report(self) -> None:
        with self._child.makefile("rb") as reports, contextlib.suppress(ConnectionResetError):
            for received in reports:
                self._hand_on(report_decoder.decode(received), received)
        raise Ended("failed", "its load generator ended")

    def _hand_on(self, report: Report, received: bytes) -> None:
        if isinstance(report, Tick):
            self._tick = report
            return
        # A worker's clock means nothing elsewhere.
        timeless = line(msgspec.structs.replace(report, opened_ns=0)) if isinstance(report, Driven) else received
        self._held.append(timeless)
        if not isinstance(report, Second) or sum(map(len, self._held)) > AT_MOST_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._tick:
            self._held.append(line(self._tick))
            self._tick = None
        held, self._held = self._held, []
        self._send(b"".join(held))

    def _send(self, body: bytes) -> None:
        self._master.send(Letter.of(self._session.seal(body)))

    def _beat(self) -> None:
        while time.monotonic() - self._heard_s < MASTER_SILENT_S:
            gevent.sleep(BEAT_S)
            self._flush()
        raise Ended("failed", f"{self._master.place}: the master has been silent for {MASTER_SILENT_S:g} s")


def _heed(control: socket.socket) -> None:
    """The command line says no more: it closes its end when it is interrupted."""
    control.recv(1)
    raise Ended("done", "it was interrupted")


def serve(child: socket.socket, control: socket.socket, enrolment: Enrolment) -> Over:
    """Be a worker; how that ended."""
    _wait_for_child(child)
    master = Connection(enrolment.host, enrolment.port, enrolment.name)
    try:
        session, terms = join(master, enrolment)
        control.sendall(line(Note(text=f"joined the master at {master.place} as {enrolment.name}")))
        return Uplink(child, master, session, terms, Path(enrolment.directory)).work(control)
    finally:
        master.close()


def _wait_for_child(child: socket.socket) -> None:
    """Its first word is that it is ready; no other comes before it is told something."""
    received = b""
    while not received.endswith(b"\n"):
        some = child.recv(4096)
        if not some:
            raise Ended("failed", "the load generator did not start")
        received += some
    if not isinstance(report_decoder.decode(received), Ready):
        raise Ended("failed", f"the load generator said {received!r} at first")


def main(arguments: list[str]) -> None:
    """Serve a child and a command line at the given descriptors."""
    end_with_parent()
    child, control = (socket.socket(fileno=int(descriptor)) for descriptor in arguments)
    with control.makefile("rb") as first:
        enrolment = msgspec.json.decode(first.readline(), type=Enrolment)
    try:
        over = serve(child, control, enrolment)
    except Ended as ended:
        over = ended.over
    except Exception:
        over = Over(ending="failed", reason=traceback.format_exc())
    control.sendall(line(over))


if __name__ == "__main__":
    main(sys.argv[1:])
