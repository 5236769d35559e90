"""How many workers can one master take? A thousand simulated ones send an interval a second each, over real sockets.

Run by ``make masterbench``. The master is this process, on one core. The workers, all in one process on another, use
the real protocol and send known histograms, so that the merged ones can be compared with their sum. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import zmq

from bakeoff.load import Drive, Driven, Second, Watcher
from bakeoff.load.distributed.master import RemoteWorkers, WorkersChannel
from bakeoff.load.distributed.protocol import Compatible, Dismissal, Hello, Ping, Pong, Terms, from_master_decoder
from bakeoff.load.distributed.sockets import server_keys
from bakeoff.load.generator import Generators
from bakeoff.load.messages import OpenWindow, Ready, Tick, UseScenario, Warm, WindowClosed, WindowOpened, line
from bakeoff.model import (
    ClosedLoad,
    EndpointCounts,
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
CLIENT_KEYS = zmq.curve_keypair()


def histogram(worker: int, second: int, kind: HistogramKind) -> Histogram:
    """What one worker measured in one second: one of a few dozen, as spread as real ones."""
    seed = (worker * 7 + second) % VARIANTS, KINDS.index(kind)
    return Histogram.of((np.random.default_rng(seed).lognormal(0.0, 0.5, ANSWERS) * 5e6).astype(np.int64))


class Simulated:
    """A worker that measures nothing, but reports what a real one would."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], port: int, number: int, server_key: bytes) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.curve_serverkey = server_key
        self.socket.curve_publickey, self.socket.curve_secretkey = CLIENT_KEYS
        self.socket.setsockopt(zmq.IDENTITY, f"simulated-{number}".encode())
        self.socket.connect(f"tcp://{HOST}:{port}")
        self._number = number
        self._second = -1
        self._seconds = 0
        self.done = False
        self._report(Hello())

    def _report(self, *reports: object) -> None:
        self.socket.send(b"".join(map(line, reports)))

    def receive(self) -> None:
        """Answer a message of the master."""
        for received in self.socket.recv().splitlines():
            self._obey(from_master_decoder.decode(received))

    def _obey(self, message: object) -> None:
        match message:
            case Ping():
                self._report(Pong())
            case Terms():
                self._report(Compatible(machine=describe_machine()))
            case UseScenario():
                self._report(Ready())
            case Drive():
                self._report(Warm(mean_latency_s=0.005))
            case OpenWindow(slice_s=slice_s):
                self._second, self._seconds = 0, int(slice_s)
                self._report(WindowOpened())
            case Dismissal():
                self.done = True

    def send_interval(self, blobs: list[list[str]]) -> None:
        """Within a window, report one second of it."""
        if not 0 <= self._second < self._seconds:
            return
        seconds = [
            Second(second=self._second, endpoint="/", kind=kind, blob=blob)
            for kind, blob in zip(KINDS, blobs[(self._number * 7 + self._second) % VARIANTS], strict=True)
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
    """Simulate workers, spread evenly over each second, until the master dismisses them."""
    blobs = [[histogram(0, variant, kind).encode() for kind in KINDS] for variant in range(VARIANTS)]
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 2 * workers + 16)
    server_key, _ = server_keys(TOKEN)
    simulated = [Simulated(context, port, number, server_key) for number in range(workers)]
    by_socket = {worker.socket: worker for worker in simulated}
    poller = zmq.Poller()
    for worker in simulated:
        poller.register(worker.socket, zmq.POLLIN)
    started_s, sent = time.monotonic(), 0
    while not all(worker.done for worker in simulated):
        for socket, _ in poller.poll(5):
            by_socket[socket].receive()
        due = int((time.monotonic() - started_s) * workers)
        for number in range(sent, due):
            simulated[number % workers].send_interval(blobs)
        sent = due
    context.destroy(linger=0)


class Meter(Watcher):
    """Opens a window of fixed length, and reads this process's CPU time at both ends of it."""

    def __init__(self, slice_s: float) -> None:
        self._slice_s = slice_s
        self.window_s = self.cpu_s = self.rate_rps = 0.0

    def warm(self, mean_latency_s: float) -> float:
        """The fixed length."""
        return self._slice_s

    def _now(self) -> tuple[float, float]:
        used = psutil.Process().cpu_times()
        return time.monotonic(), used.user + used.system

    def window_opened(self) -> None:
        """All have opened."""
        self._opened = self._now()

    def window_closed(self) -> None:
        """All have closed."""
        at_s, used_s = self._now()
        self.window_s, self.cpu_s = at_s - self._opened[0], used_s - self._opened[1]


def order(load: ClosedLoad | OpenLoad) -> Drive:
    """An order, of which simulated workers use nothing."""
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


def measure(workers: int, slice_s: int) -> str:
    """One slice of ``workers`` workers; a row of the table."""
    servers, generators = split_cpus()
    channel = WorkersChannel(
        RemoteWorkers(workers, HOST, 0, TOKEN), Terms(versions={}, scenarios=(), sources={}), Path(), lambda _: None
    )
    with Generators(channel) as master:
        if generators:
            os.sched_setaffinity(0, generators)
        command = [sys.executable, __file__, "--simulate", str(channel.port), "--workers", str(workers)]
        simulator = subprocess.Popen(command)
        if servers:
            os.sched_setaffinity(simulator.pid, servers)
        try:
            channel.wait()
            master.use(SCENARIO)
            meter = Meter(slice_s)
            driven, seconds = master.drive(order(OpenLoad(rate_rps=float(ANSWERS * workers))), meter)
            rss_mib = psutil.Process().memory_info().rss / 2**20
        finally:
            channel.close()
            simulator.wait()
    equal = sum(Histogram.decode(second.blob) == expected(workers, second.second, second.kind) for second in seconds)
    answered = sum(counts.outcomes.right for counts in driven.endpoints)
    assert answered == ANSWERS * workers * slice_s
    return (
        f"| {workers:,} | {workers / meter.window_s * slice_s:,.0f} | {meter.cpu_s / meter.window_s:.0%} | "
        f"{meter.window_s:.1f} s | {driven.opened_within_s * 1e3:.0f} ms | {rss_mib:.0f} MiB | "
        f"{equal} of {len(KINDS) * slice_s} |"
    )


def main() -> None:
    """Run it, and print the table."""
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
        print(measure(workers, options.seconds), flush=True)


if __name__ == "__main__":
    main()
