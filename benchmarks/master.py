"""How many workers can one master bear? A thousand simulated ones send an interval a second each, over real sockets.

Run by ``make masterbench``. The master is the real process, on one core. The workers, all in one process on another,
speak the real protocol and send histograms that are known, so that the merged ones can be compared with their sum.
Prints Markdown on stdout.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
import psutil
import zmq

from bakeoff.load.distributed.master_handle import JoinedWorkers
from bakeoff.load.distributed.protocol import (
    Challenge,
    Dismissal,
    Envelope,
    Fit,
    Hello,
    Letter,
    Proof,
    Terms,
    Welcome,
    masters_word,
)
from bakeoff.load.distributed.session import NONCE_BYTES, Encounter, Session
from bakeoff.load.generator import Watcher
from bakeoff.load.messages import (
    Drive,
    Driven,
    OpenWindow,
    Ready,
    Second,
    Tick,
    UseScenario,
    Warm,
    WindowClosed,
    WindowOpened,
    line,
)
from bakeoff.model import (
    ClosedLoad,
    EndpointCounts,
    Experiment,
    Histogram,
    HistogramKind,
    OpenLoad,
    Outcomes,
    Request,
    Scenario,
)
from bakeoff.stacks import describe_machine, split_cpus

TOKEN = b"a token for a benchmark"
HOST = "127.0.0.1"
SCENARIO = Scenario(name="simulated", requests=(Request(method="GET", path="/"),))
ANSWERS = 500
"""Values in each histogram: answers that a worker got in a second."""
KINDS: tuple[HistogramKind, ...] = ("latency", "service", "lag")
VARIANTS = 50


def histogram(worker: int, second: int, kind: HistogramKind) -> Histogram:
    """What one worker measured in one second: one of a few dozen, as spread as real ones."""
    seed = (worker * 7 + second) % VARIANTS, KINDS.index(kind)
    return Histogram.of((np.random.default_rng(seed).lognormal(0.0, 0.5, ANSWERS) * 5e6).astype(np.int64))


class Simulated:
    """A worker that measures nothing, but says what one would say."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], port: int, number: int, blobs: list[list[str]]) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.IDENTITY, f"simulated-{number}".encode())
        self.socket.connect(f"tcp://{HOST}:{port}")
        self._name = f"simulated-{number}"
        self._number = number
        self._blobs = blobs
        self._nonce = os.urandom(NONCE_BYTES)
        self._session: Session | None = None
        self._second = -1
        self._seconds = 0
        self.done = False
        self._send(Hello(nonce=self._nonce))

    def _send(self, envelope: Envelope) -> None:
        fields = msgspec.to_builtins(envelope, builtin_types=(bytes,))
        self.socket.send(msgspec.msgpack.encode((fields.pop("type"), fields, self._name)))

    def _report(self, *reports: object) -> None:
        assert self._session
        self._send(Letter.of(self._session.seal(b"".join(map(line, reports)))))

    def receive(self) -> None:
        """Answer what the master says."""
        kind, fields, _ = msgspec.msgpack.decode(self.socket.recv())
        envelope = msgspec.convert({**fields, "type": kind}, Envelope, builtin_types=(bytes,))
        if isinstance(envelope, Challenge):
            encounter = Encounter(self._name, self._nonce, envelope.nonce)
            self._send(Proof(mac=encounter.proof(TOKEN, "worker")))
            self._coming = encounter.session(TOKEN, "worker")
        elif isinstance(envelope, Welcome):
            self._session = self._coming
        elif isinstance(envelope, Letter) and self._session:
            for received in self._session.open(envelope.sealed).splitlines():
                self._obey(masters_word.decode(received))

    def _obey(self, word: object) -> None:
        match word:
            case Terms():
                self._report(Fit())
            case UseScenario():
                self._report(Ready())
            case Drive():
                self._report(Warm(mean_latency_s=0.005))
            case OpenWindow(slice_s=slice_s):
                self._second, self._seconds = 0, int(slice_s)
                self._report(WindowOpened())
            case Dismissal():
                self.done = True

    def beat(self) -> None:
        """What a worker says once a second: an interval, and that it lives."""
        if not self._session:
            return
        if not 0 <= self._second < self._seconds:
            self._report()
            return
        seconds = [
            Second(second=self._second, endpoint="/", kind=kind, blob=blob)
            for kind, blob in zip(KINDS, self._blobs[(self._number * 7 + self._second) % VARIANTS], strict=True)
        ]
        self._report(*seconds, Tick(elapsed_s=float(self._second), rate_rps=float(ANSWERS)))
        self._second += 1
        if self._second == self._seconds:
            self._report(WindowClosed())
            self._report(self._account())

    def _account(self) -> Driven:
        answered = ANSWERS * self._seconds
        return Driven(
            window_s=float(self._seconds),
            warmup_s=0.0,
            cpu_s=0.0,
            connections_opened=0,
            requests_sent=answered,
            waited=0,
            endpoints=(
                EndpointCounts(endpoint="/", offered=answered, outcomes=Outcomes(right=answered), completed=answered),
            ),
        )


def simulate(port: int, workers: int) -> None:
    """Be so many workers, spread evenly over each second, until the master needs no more."""
    blobs = [[histogram(0, variant, kind).encode() for kind in KINDS] for variant in range(VARIANTS)]
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 2 * workers + 16)
    everyone = [Simulated(context, port, number, blobs) for number in range(workers)]
    by_socket = {one.socket: one for one in everyone}
    poller = zmq.Poller()
    for one in everyone:
        poller.register(one.socket, zmq.POLLIN)
    started_s, beaten = time.monotonic(), 0
    while not all(one.done for one in everyone):
        for socket, _ in poller.poll(5):
            by_socket[socket].receive()
        due = int((time.monotonic() - started_s) * workers)
        for number in range(beaten, due):
            everyone[number % workers].beat()
        beaten = due
    context.destroy(linger=0)


class Meter(Watcher):
    """Opens a window of given length, and reads the master's CPU time at both ends of it."""

    def __init__(self, pid: int, slice_s: float) -> None:
        self._master = psutil.Process(pid)
        self._slice_s = slice_s
        self.window_s = self.cpu_s = self.rate_rps = 0.0

    def warm(self, mean_latency_s: float) -> float:
        """As long as was asked for."""
        return self._slice_s

    def _now(self) -> tuple[float, float]:
        used = self._master.cpu_times()
        return time.monotonic(), used.user + used.system

    def window_opened(self) -> None:
        """All have opened."""
        self._opened = self._now()

    def window_closed(self) -> None:
        """All have closed."""
        at_s, used_s = self._now()
        self.window_s, self.cpu_s = at_s - self._opened[0], used_s - self._opened[1]


def order(load: ClosedLoad | OpenLoad) -> Drive:
    """An order that simulated workers only look at."""
    return Drive(
        scenario=SCENARIO.name,
        targets={"": f"http://{HOST}:1"},
        load=load,
        seed=1,
        warmup_s=0.0,
    )


def expected(workers: int, second: int, kind: HistogramKind) -> Histogram:
    """The sum of what all workers sent for a second."""
    numbers = [(number * 7 + second) % VARIANTS for number in range(workers)]
    return Histogram.merge(histogram(0, number, kind) for number in numbers)


def measure(workers: int, slice_s: int, scratch: Path) -> str:
    """One slice of so many workers; a row of the table."""
    asked = Experiment(
        name="masterbench",
        baseline="",
        stacks=(),
        scenarios=(SCENARIO,),
        loads=(),
        blocks=1,
        passes=1,
        slice_s=slice_s,
        warmup_s=0.0,
        max_slice_s=slice_s,
    )
    servers, generators = split_cpus()
    notes: list[str] = []
    with JoinedWorkers(asked, workers, (HOST, 0), TOKEN, scratch / "master.log", notes.append) as master:
        if generators:
            os.sched_setaffinity(master.pid, generators)
        command = [sys.executable, __file__, "--simulate", str(master.port), "--workers", str(workers)]
        simulator = subprocess.Popen(command)
        if servers:
            os.sched_setaffinity(simulator.pid, servers)
        try:
            master.wait()
            master.use(SCENARIO)
            meter = Meter(master.pid, slice_s)
            driven, seconds = master.drive(order(OpenLoad(rate_rps=float(ANSWERS * workers))), meter)
            rss_mib = psutil.Process(master.pid).memory_info().rss / 2**20
        finally:
            master.close()
            simulator.wait()
    equal = sum(Histogram.decode(one.blob) == expected(workers, one.second, one.kind) for one in seconds)
    answered = sum(counts.outcomes.right for counts in driven.endpoints)
    assert answered == ANSWERS * workers * slice_s
    return (
        f"| {workers:,} | {workers / meter.window_s * slice_s:,.0f} | {meter.cpu_s / meter.window_s:.0%} | "
        f"{meter.window_s:.1f} s | {driven.opened_within_s * 1e3:.0f} ms | {rss_mib:.0f} MiB | "
        f"{equal} of {len(KINDS) * slice_s} |"
    )


def main() -> None:
    """Run it, print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, action="append")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--simulate", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.simulate:
        simulate(options.simulate, options.workers[0])
        return
    machine = describe_machine()
    print(f"{machine.cpu_model}, {machine.cores} cores, {machine.system}, Python {machine.python}\n")
    print(
        "| workers | intervals a second | master, of one core | window | opened within | memory | sums that are exact |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for workers in options.workers or [10, 100, 1000]:
        with tempfile.TemporaryDirectory() as scratch:
            print(measure(workers, options.seconds, Path(scratch)), flush=True)


if __name__ == "__main__":
    main()
