"""How often is the gate wrong? Many whole gates on changes of known size.

Run by ``make validate-gate``. Each run adds a line to ``docs/gate-accuracy.jsonl``, so that the validation can be
stopped and resumed at any time; the case with the fewest runs comes first. When the time is spent,
``docs/gate-accuracy.md`` and its picture are made from all lines.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.experiment import read_experiment
from bakeoff.model import BASE, Histogram, OpenLoad
from bakeoff.report.gate.words import gate_of
from bakeoff.results import RunFolder
from benchmarks.gate import power
from benchmarks.gate.accuracy import REGIME, SEQUENTIAL, Case, CrossCheck, Run, page
from benchmarks.gate.inject import ROOT, inject
from benchmarks.gate.one_after_another import one_after_another
from benchmarks.lines import add_line, read_lines

RUNS = ROOT / "docs" / "gate-accuracy.jsonl"
CROSS_CHECKS = ROOT / "docs" / "gate-crosscheck.jsonl"
PAGE = ROOT / "docs" / "gate-accuracy.md"
PICTURE = ROOT / "docs" / "images" / "gate-power.png"
CONFIG = Path(__file__).with_name("gate.toml")
STACKS = ("flask-gunicorn", "fastapi-uvicorn")
NEIGHBOUR = """
import random, time
while True:
    end_s = time.monotonic() + random.uniform(0.02, 0.3)
    while time.monotonic() < end_s:
        pass
    time.sleep(random.uniform(0.02, 0.3))
"""
PROBE_ITERATIONS = 30_000
"""About half of a request's CPU time, so that the cost of an iteration is measured to within about one per cent."""


@dataclass(frozen=True)
class RequestCost:
    """The measured cost of a stack's request without overhead, of which overheads are shares."""

    iterations: float
    """Iterations of the overhead's loop that take as much CPU time as the request."""
    latency_s: dict[str, float]
    """Median latencies by path."""


def overhead_of(change: str, cost: RequestCost) -> dict[str, Any]:
    """The overhead to inject for a change; none for unchanged code."""
    kind, _, amount = change.partition(" ")
    match kind:
        case "none" | "one":
            return {}
        case "cpu":
            return {"iterations": round(float(amount) / 100 * cost.iterations)}
        case "wait_ms":
            return {"wait_s": {path: float(amount) / 1000 for path in cost.latency_s}}
        case "wait":
            return {"wait_s": {path: float(amount) / 100 * latency_s for path, latency_s in cost.latency_s.items()}}
        case "rare_ms":
            return {"rare": [0.01, float(amount) / 1000]}
        case "keep_mib":
            return {"keep_bytes": int(amount) * 2**20}
    raise ValueError(change)


CHANGES = {
    "none": 12,
    SEQUENTIAL: 2,
    "cpu 1": 1,
    "cpu 2": 3,
    "cpu 3": 1,
    "cpu 5": 1,
    "cpu 10": 1,
    "wait_ms 0.3": 1,
    "wait 3": 3,
    "rare_ms 50": 1,
    "keep_mib 10": 1,
}
"""The injected changes, and how many runs each gets relative to the others."""


def cases() -> list[Case]:
    """Every change on every stack, on a quiet and on a busy machine."""
    return [
        Case(stack=stack, change=change, neighbour=neighbour)
        for change in CHANGES
        for stack in STACKS
        for neighbour in ("quiet", "busy")
    ]


def next_case(runs: Sequence[Run], candidates: Sequence[Case]) -> Case:
    """The case with the fewest runs, relative to its share."""
    counts = Counter(run.case for run in runs if run.regime == REGIME)
    return min(candidates, key=lambda case: (counts[case] / CHANGES[case.change], random.random()))


@contextmanager
def neighbour(kind: str) -> Iterator[None]:
    """For ``busy``, another process that uses a CPU for about half of the time, in bursts."""
    process = None
    if kind == "busy":
        process = subprocess.Popen([sys.executable, "-c", NEIGHBOUR])
    try:
        yield
    finally:
        if process is not None:
            process.kill()
            process.wait()


def gate(case: Case, base: Path, head: Path, out: Path) -> Run:
    """One whole gate, from the command line."""
    began_s = time.monotonic()
    completed = subprocess.run(gate_command(case.stack, base, head, out), capture_output=True, text=True)
    folders = list(out.glob("*-gate/summary.json"))
    if not folders:
        raise RuntimeError(f"{case}: {completed.stderr}")
    result = json.loads(folders[0].read_text("utf-8"))["gate"]
    metrics = result["metrics"]
    return Run(
        case=case,
        verdict=result["verdict"],
        seconds=time.monotonic() - began_s,
        blocks=result["blocks"],
        changes={metric["metric"]: metric["ratio"]["point"] - 1 for metric in metrics if metric["endpoint"] == "*"},
        regressed=tuple(sorted({metric["metric"] for metric in metrics if metric["verdict"] == "regression"})),
        reasons=tuple(result["reasons"]),
        regime=REGIME,
    )


def request_cost(stack: str, scratch: Path) -> RequestCost:
    """Measured by a gate against a copy with a known number of iterations."""
    base, head = inject(scratch / "base", {}), inject(scratch / "head", {"iterations": PROBE_ITERATIONS})
    out = scratch / "cost"
    subprocess.run(gate_command(stack, base, head, out), capture_output=True, check=False)
    (path,) = out.glob("*-gate")
    folder = RunFolder(path)
    metrics = gate_of(folder.summary().gate).metrics
    (cpu_ratio,) = [comparison.ratio.point for comparison in metrics if comparison.metric == "cpu_per_request"]
    of_open_loop = {
        record.position
        for block in folder.blocks()
        for record in block.records
        if isinstance(record.load, OpenLoad) and record.stack == BASE
    }
    histograms: dict[str, list[Histogram]] = {}
    for interval in folder.intervals():
        if interval.kind == "latency" and interval.position in of_open_loop:
            histograms.setdefault(interval.endpoint, []).append(interval.histogram)
    return RequestCost(
        iterations=PROBE_ITERATIONS / (cpu_ratio - 1),
        latency_s={path: Histogram.merge(parts).quantile_s(0.5) or 0.0 for path, parts in histograms.items()},
    )


def gate_command(stack: str, base: Path, head: Path, out: Path) -> list[str]:
    """The command that gates a head against its base."""
    revisions = ["--base", str(base), "--head", str(head)]
    return [sys.executable, "-m", "bakeoff", "gate", str(CONFIG), *revisions, "--stack", stack, "--out", str(out)]


def measure(case: Case, base: Path, head: Path, out: Path) -> Run:
    """One run of a case."""
    with neighbour(case.neighbour):
        if case.change == SEQUENTIAL:
            return one_after_another(read_experiment(CONFIG), case, base, head)
        return gate(case, base, head, out)


def main() -> None:
    """Add runs until the time is spent, then write the page and its picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--change", action="append", default=[], choices=tuple(CHANGES))
    parser.add_argument("--stack", action="append", default=[], choices=STACKS)
    parser.add_argument("--neighbour", action="append", default=[], choices=("quiet", "busy"))
    options = parser.parse_args()
    wanted = [
        case
        for case in cases()
        if (not options.change or case.change in options.change)
        and (not options.stack or case.stack in options.stack)
        and (not options.neighbour or case.neighbour in options.neighbour)
    ]
    end_s = time.monotonic() + 60 * options.minutes
    runs = read_lines(RUNS, Run)
    with tempfile.TemporaryDirectory() as scratch:
        costs: dict[str, RequestCost] = {}
        while time.monotonic() < end_s:
            case = next_case(runs, wanted)
            folder = Path(tempfile.mkdtemp(dir=scratch))
            if case.stack not in costs:
                costs[case.stack] = request_cost(case.stack, folder)
                print(f"{case.stack}: {costs[case.stack]}", flush=True)
            base = inject(folder / "base", {})
            head = inject(folder / "head", overhead_of(case.change, costs[case.stack]))
            run = measure(case, base, head, folder / "out")
            runs.append(run)
            add_line(RUNS, run)
            print(f"{case.change}, {case.stack}, {case.neighbour}: {run.verdict} in {run.seconds:.0f} s", flush=True)
            shutil.rmtree(folder)
    write_page()


def write_page() -> None:
    """Make the page and its picture from all lines."""
    runs = read_lines(RUNS, Run)
    PAGE.write_text(page(runs, read_lines(CROSS_CHECKS, CrossCheck)), "utf-8")
    PICTURE.write_bytes(power.picture([run for run in runs if run.regime == REGIME]))


if __name__ == "__main__":
    main()
