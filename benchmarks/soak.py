"""Ten minutes at 5,000 arrivals a second: does the generator's memory stay flat, and the run folder small?

Run by ``make soak``. The target is an oracle that answers at once. Prints Markdown on stdout.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bakeoff.calibration import SCENARIO
from bakeoff.load import LocalGenerators
from bakeoff.measure import Observer, RunContext, measure_new
from bakeoff.model import Certificate, Experiment, Manifest, OpenLoad, Stack
from bakeoff.results import load_run, new_run_id
from bakeoff.stacks import LocalBackend, describe_machine

ORACLE = '{"log": false}'
MIB = 2**20
MINUTE_S = 60.0


class MemoryLog(Observer):
    """Records the resident size of a process at each tick of a slice."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.sizes: list[tuple[float, int]] = []

    def tick(self, elapsed_s: float, rate_rps: float) -> None:
        """Record it."""
        self.sizes.append((elapsed_s, self._process.memory_info().rss))

    def median_mib(self, from_s: float, to_s: float) -> float:
        """The median size within a part of the slice."""
        return statistics.median(size for at_s, size in self.sizes if from_s <= at_s < to_s) / MIB


def soak_experiment(rate_rps: float, duration_s: float) -> Experiment:
    """One long slice on an oracle that answers at once."""
    oracle = Stack(
        name="oracle",
        interface="wsgi",
        # An oracle ends when its stdin is closed: here that is a pipe that stays open until the stack is stopped.
        command=(
            "sh",
            "-c",
            f"sleep 86400 | {sys.executable} -m bakeoff.calibration.oracle --port {{port}} --behaviour '{ORACLE}'",
        ),
        ready="/",
    )
    return Experiment(
        name="soak",
        baseline=oracle.name,
        stacks=(oracle,),
        scenarios=(SCENARIO,),
        loads=(OpenLoad(rate_rps=rate_rps),),
        blocks=1,
        passes=1,
        slice_s=duration_s,
        warmup_s=1.0,
        max_slice_s=duration_s,
    )


def main() -> None:
    """Run it, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=5_000.0)
    options = parser.parse_args()
    duration_s = options.minutes * MINUTE_S
    machine = describe_machine()
    experiment = soak_experiment(options.rate, duration_s)
    manifest = Manifest(
        run_id=new_run_id(experiment.name),
        experiment=experiment,
        profile="full",
        seed=1,
        machine=machine,
        state="running",
        started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalGenerators(machine.generator_cpus, Path(scratch), processes=1) as generator,
    ):
        memory = MemoryLog(generator.pids[0])
        context = RunContext(LocalBackend(machine.server_cpus), generator, memory, Certificate)
        run = load_run(measure_new(manifest, Path(scratch), context).path)
        size_mib = sum(path.stat().st_size for path in Path(scratch, manifest.run_id).rglob("*")) / MIB
    first = memory.median_mib(0, MINUTE_S)
    last = memory.median_mib(duration_s - MINUTE_S, duration_s)
    (row,) = (result for result in run.summary.results if result.endpoint == "*")
    print(
        f"{options.minutes:g} minutes at {options.rate:,.0f} arrivals/s: {row.requests:,} requests, "
        f"{row.errors} errors. "
        f"Generator memory, median of the first minute {first:.1f} MiB, of the last {last:.1f} MiB "
        f"({last / first - 1:+.1%}). Run folder {size_mib:.1f} MiB."
    )


if __name__ == "__main__":
    main()
