"""How often is the gate wrong? Whole gates, many times, on changes that are known because they were planted.

Run by ``make validate-gate``. Every run is one line of ``docs/gate-accuracy.jsonl``; runs are added to until the time
given is spent, the case with the fewest runs first, so it can be stopped and taken up again at any moment. Then the
table of ``docs/gate-accuracy.md`` is written anew from all lines.
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

import msgspec

from bakeoff.experiment import read_experiment
from bakeoff.model import BASE, Histogram, OpenLoad
from bakeoff.report.gate.words import gate_of
from bakeoff.results import RunFolder
from benchmarks.gate import power
from benchmarks.gate.accuracy import SEQUENTIAL, Case, Run, page
from benchmarks.gate.one_after_another import one_after_another
from benchmarks.gate.plant import ROOT, plant

RUNS = ROOT / "docs" / "gate-accuracy.jsonl"
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


PROBE_TURNS = 30_000
"""A burden of about half of a request: what a turn of its loop adds is then known to about one per cent."""


@dataclass(frozen=True)
class Unburdened:
    """What a request of a stack costs without a burden: measured, since burdens are shares of it."""

    turns: float
    """Turns of the burden's loop that take as much CPU time as the request itself."""
    wait_s: dict[str, float]
    """Median latencies by path."""


def burden_of(change: str, plain: Unburdened) -> dict[str, Any]:
    """What to plant for a change; nothing for A/A."""
    kind, _, amount = change.partition(" ")
    match kind:
        case "none" | "one":
            return {}
        case "cpu":
            return {"turns": round(float(amount) / 100 * plain.turns)}
        case "wait_ms":
            return {"wait_s": {path: float(amount) / 1000 for path in plain.wait_s}}
        case "wait":
            return {"wait_s": {path: float(amount) / 100 * wait_s for path, wait_s in plain.wait_s.items()}}
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
"""What is planted, and how many runs it gets for one of the others."""


def cases() -> list[Case]:
    """Every change on every stack, with and without a busy neighbour."""
    return [
        Case(stack=stack, change=change, neighbour=neighbour)
        for change in CHANGES
        for stack in STACKS
        for neighbour in ("quiet", "busy")
    ]


def next_case(done: Sequence[Run], candidates: Sequence[Case]) -> Case:
    """The case that lacks most, relative to its share."""
    counts = Counter(run.case for run in done)
    return min(candidates, key=lambda case: (counts[case] / CHANGES[case.change], random.random()))


def stored() -> list[Run]:
    """All runs so far."""
    lines = RUNS.read_bytes().splitlines() if RUNS.exists() else []
    return [msgspec.json.decode(line, type=Run) for line in lines]


@contextmanager
def neighbour(kind: str) -> Iterator[None]:
    """Somebody else at work: busy for about half of the time, in bursts, on any CPU."""
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
    """One whole gate, by its command line."""
    began_s = time.monotonic()
    done = subprocess.run(_command(case.stack, base, head, out), capture_output=True, text=True)
    folders = list(out.glob("*-gate/summary.json"))
    if not folders:
        raise RuntimeError(f"{case}: {done.stderr}")
    found = json.loads(folders[0].read_text("utf-8"))["gate"]
    return Run(
        case=case,
        verdict=found["verdict"],
        seconds=time.monotonic() - began_s,
        blocks=found["blocks"],
        changes={one["metric"]: one["ratio"]["point"] - 1 for one in found["metrics"] if one["endpoint"] == "*"},
        regressed=tuple(sorted({one["metric"] for one in found["metrics"] if one["verdict"] == "regression"})),
        reasons=tuple(found["reasons"]),
    )


def unburdened(stack: str, scratch: Path) -> Unburdened:
    """What a request costs, from a gate of the base with a copy that does a known number of turns more."""
    base, head = plant(scratch / "base", {}), plant(scratch / "head", {"turns": PROBE_TURNS})
    out = scratch / "plain"
    subprocess.run(_command(stack, base, head, out), capture_output=True, check=False)
    (path,) = out.glob("*-gate")
    folder = RunFolder(path)
    found = gate_of(folder.summary().gate).metrics
    (cpu,) = [one.ratio.point for one in found if one.metric == "cpu_per_request"]
    opened = {
        record.position
        for block in folder.blocks()
        for record in block.records
        if isinstance(record.load, OpenLoad) and record.stack == BASE
    }
    latencies = [one for one in folder.intervals() if one.kind == "latency" and one.position in opened]
    return Unburdened(
        turns=PROBE_TURNS / (cpu - 1),
        wait_s={
            path: Histogram.merge(one.histogram for one in latencies if one.endpoint == path).quantile_s(0.5) or 0.0
            for path in {one.endpoint for one in latencies}
        },
    )


def _command(stack: str, base: Path, head: Path, out: Path) -> list[str]:
    sides = ["--base", str(base), "--head", str(head)]
    return [sys.executable, "-m", "bakeoff", "gate", str(CONFIG), *sides, "--stack", stack, "--out", str(out)]


def measured(case: Case, base: Path, head: Path, out: Path) -> Run:
    """One run of a case."""
    with neighbour(case.neighbour):
        if case.change == SEQUENTIAL:
            return one_after_another(read_experiment(CONFIG), case, base, head)
        return gate(case, base, head, out)


def main() -> None:
    """Add runs until the time is spent, then write the page."""
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
    done = stored()
    with tempfile.TemporaryDirectory() as scratch:
        plain: dict[str, Unburdened] = {}
        while time.monotonic() < end_s:
            case = next_case(done, wanted)
            place = Path(tempfile.mkdtemp(dir=scratch))
            if case.stack not in plain:
                plain[case.stack] = unburdened(case.stack, place)
                print(f"{case.stack}: {plain[case.stack]}", flush=True)
            base = plant(place / "base", {})
            head = plant(place / "head", burden_of(case.change, plain[case.stack]))
            run = measured(case, base, head, place / "out")
            done.append(run)
            with RUNS.open("ab") as lines:
                lines.write(msgspec.json.encode(run) + b"\n")
            print(f"{case.change}, {case.stack}, {case.neighbour}: {run.verdict} in {run.seconds:.0f} s", flush=True)
            shutil.rmtree(place)
    PAGE.write_text(page(done), "utf-8")
    PICTURE.write_bytes(power.picture(done))


if __name__ == "__main__":
    main()
