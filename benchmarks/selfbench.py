"""How good is the load generator? It is measured beside its peers, and compared by ratios.

Run by ``make selfbench``. The generator has one core, a server that answers at once another. Repetitions of the
generators are interleaved in a random order, and the medians of their ratios are printed as Markdown.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bakeoff.calibration import FAULTS, SEED, OracleSlice, check_accounting, drive_oracle, true_latencies_s
from bakeoff.calibration.oracle import Behaviour, Fixed, OracleProcess, Stall, start_oracle
from bakeoff.load import LocalGenerators
from bakeoff.model import ClosedLoad, Load, OpenLoad, OracleCheck, Scenario
from bakeoff.stacks import describe_machine, split_cpus

USERS = 32
OWN = Scenario(name="own", locustfile=str(Path(__file__).parents[1] / "runner/bakeoff/calibration/oracle/scenario.py"))
FAST = Scenario(name="fast", locustfile=str(Path(__file__).parent / "locust_fast.py"))
STALLING = Behaviour(delay=Fixed(delay_s=0.005), stall=Stall(every_s=2.0, length_s=0.2, offset_s=0.5))
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}


@dataclass
class Rig:
    """A generator on one core, oracles on the others."""

    generator: LocalGenerators
    server_cpus: frozenset[int]
    generator_cpus: tuple[int, ...]
    slice_s: float
    repetitions: int

    def oracle(self, behaviour: Behaviour) -> OracleProcess:
        """A started oracle."""
        return start_oracle(behaviour, self.server_cpus)

    def drive(
        self, oracle: OracleProcess, scenario: Scenario, load: Load, slice_s: float, timeout_s: float = 10
    ) -> OracleSlice:
        """One slice against an oracle."""
        return drive_oracle(self.generator, scenario, oracle, load, slice_s, timeout_s)


def closed_loop(rig: Rig) -> str:
    """Requests per CPU-second of the generator: Bakeoff, FastHttpUser, hey."""
    generators: dict[str, Callable[[OracleProcess], float]] = {
        "Bakeoff": lambda oracle: _per_cpu_s(rig, oracle, OWN),
        "FastHttpUser": lambda oracle: _per_cpu_s(rig, oracle, FAST),
    }
    if shutil.which("hey"):
        generators["hey"] = lambda oracle: _hey_per_cpu_s(rig, oracle)
    rates: dict[str, list[float]] = {name: [] for name in generators}
    with rig.oracle(Behaviour(log=False)) as oracle:
        for _ in range(rig.repetitions):
            for name in random.sample(list(generators), len(generators)):
                rates[name].append(generators[name](oracle))
    lines = [
        "| generator | requests per CPU-second, median (range) | Bakeoff's ratio to it, median (range) |",
        "| --- | --- | --- |",
    ]
    for name, rates_rps in rates.items():
        ratios = [own / other for own, other in zip(rates["Bakeoff"], rates_rps, strict=True)]
        lines.append(f"| {name} | {_spread(rates_rps, ',.0f')} | {_spread(ratios, '.2f')} |")
    return "\n".join([f"Closed loop, {USERS} users, answers checked (hey checks none):", "", *lines])


def _spread(values: Sequence[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def _per_cpu_s(rig: Rig, oracle: OracleProcess, scenario: Scenario) -> float:
    measured = rig.drive(oracle, scenario, ClosedLoad(users=USERS), rig.slice_s)
    return sum(counts.completed for counts in measured.driven.endpoints) / measured.driven.cpu_s


def _hey_per_cpu_s(rig: Rig, oracle: OracleProcess) -> float:
    """The same for hey, pinned to the generator's core; CPU time from ``getrusage``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["hey", "-z", f"{rig.slice_s}s", "-c", str(USERS), oracle.url + "/"],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, rig.generator_cpus),
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    (answered,) = re.findall(r"\[200\]\s+(\d+) responses", done.stdout)
    return int(answered) / cpu_s


def open_loop(rig: Rig, rates_rps: Sequence[float] = (5_000, 10_000)) -> str:
    """The offered rate and the send lag at each rate."""
    lines = [
        "| asked for | offered | send lag p50 | p99 | p99.9 | most | generator CPU | stolen from it |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    with rig.oracle(Behaviour(log=False)) as oracle:
        for rate_rps in rates_rps:
            stolen_before_s = stolen_s(rig.generator_cpus)
            runs = [
                rig.drive(oracle, OWN, OpenLoad(rate_rps=rate_rps), 2 * rig.slice_s) for _ in range(rig.repetitions)
            ]
            stolen = (stolen_s(rig.generator_cpus) - stolen_before_s) / sum(run.driven.window_s for run in runs)
            lines.append(f"| {rate_rps:,.0f}/s | {_open_row(runs)} | {stolen:.1%} |")
    return "\n".join([f"Open loop, Poisson arrivals on one core, medians of {rig.repetitions}:", "", *lines])


def stolen_s(cpus: Sequence[int]) -> float:
    """CPU seconds that the hypervisor took from these CPUs while they had work: field 8 of /proc/stat (proc(5))."""
    rows = {row.split()[0]: row.split() for row in Path("/proc/stat").read_text("utf-8").splitlines()}
    return sum(int(rows[f"cpu{cpu}"][8]) for cpu in cpus) / os.sysconf("SC_CLK_TCK")


def _open_row(runs: Sequence[OracleSlice]) -> str:
    offered = statistics.median(sum(t.offered for t in run.driven.endpoints) / run.driven.window_s for run in runs)
    lags = [run.histogram("lag") for run in runs]
    cells = [f"{offered:,.0f}/s"]
    for quantile in (0.5, 0.99, 0.999, 1.0):
        cells.append(f"{1e3 * statistics.median(lag.quantile_s(quantile) or 0.0 for lag in lags):.3f} ms")
    cells.append(f"{statistics.median(run.driven.cpu_s / run.driven.window_s for run in runs):.0%}")
    return " | ".join(cells)


def stalls(rig: Rig, rate_rps: float = 2_000.0) -> str:
    """Latency percentiles of a stalling server: true ones, Bakeoff's, and those of a closed loop."""
    load = OpenLoad(rate_rps=rate_rps)
    rows: list[dict[str, tuple[float, float, float]]] = []
    for _ in range(rig.repetitions):
        with rig.oracle(STALLING) as oracle:
            measured = rig.drive(oracle, OWN, load, 6.0)
            truth_s = true_latencies_s(load, SEED, measured.driven, oracle.log().answered_ns)
        with rig.oracle(STALLING) as oracle:
            closed = rig.drive(oracle, FAST, ClosedLoad(users=USERS), 6.0).histogram("latency")
        latency = measured.histogram("latency")
        rows.append(
            {
                name: (
                    float(np.quantile(truth_s, q, method="inverted_cdf")),
                    latency.quantile_s(q) or 0,
                    closed.quantile_s(q) or 0,
                )
                for name, q in QUANTILES.items()
            }
        )
    lines = [
        "| percentile | truth | Bakeoff, open loop | off by | FastHttpUser, closed loop |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in QUANTILES:
        truth, own, other = (1e3 * statistics.median(row[name][column] for row in rows) for column in range(3))
        off = statistics.median(abs(row[name][1] - row[name][0]) / row[name][0] for row in rows)
        lines.append(f"| {name} | {truth:.2f} ms | {own:.2f} ms | {off:.1%} | {other:.2f} ms |")
    return "\n".join(
        [f"A server that takes 5 ms and stalls for 200 ms every 2 s, {rate_rps:,.0f} arrivals/s:", "", *lines]
    )


def accounting(rig: Rig) -> str:
    """Requests unaccounted for, under every fault at once."""
    checks: list[OracleCheck] = []
    for load in (ClosedLoad(users=USERS), OpenLoad(rate_rps=2_000.0), OpenLoad(rate_rps=5_000.0)):
        with rig.oracle(FAULTS) as oracle:
            driven = rig.drive(oracle, OWN, load, rig.slice_s, timeout_s=0.3).driven
            checks += check_accounting(str(load), driven, oracle.outcomes())
    requests = sum(int(check.asked) for check in checks if check.what.startswith("offered"))
    wrong = [f"{check.case}: {check.what}: {check.asked:g}, not {check.measured:g}" for check in checks if not check.ok]
    return f"Accounting, {requests:,} requests under every fault at once: " + (
        "; ".join(wrong) or "none unaccounted for."
    )


PARTS = {"closed": closed_loop, "open": open_loop, "stalls": stalls, "accounting": accounting}


def main() -> None:
    """Run and print the parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--slice-s", type=float, default=3.0)
    options = parser.parse_args()
    servers, generator_cpus = split_cpus()
    machine = describe_machine()
    print(f"{machine.cpu_model}, {machine.cores} cores, {machine.system}, Python {machine.python}\n")
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalGenerators(generator_cpus, Path(scratch), processes=1) as generator,
    ):
        for scenario in (OWN, FAST):
            generator.use(scenario)
        rig = Rig(generator, frozenset(servers), generator_cpus, options.slice_s, options.repetitions)
        for part in options.parts:
            print(PARTS[part](rig), end="\n\n", flush=True)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
