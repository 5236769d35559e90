"""Does the gate find the effect that exclusive slices find? Planted effects from small to large, measured both ways.

Run by ``make crosscheck-gate``. Each line of ``docs/gate-crosscheck.jsonl`` is one gate and one run of the same two
apps under the same loads, whose slices each have the machine to themselves. It can be stopped and resumed at any time;
the case with the fewest lines comes first. ``docs/gate-accuracy.md`` has the table.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bakeoff.model import BASE, HEAD, ClosedLoad, GateSettings, OpenLoad
from benchmarks.gate.accuracy import CrossCheck, Effect
from benchmarks.gate.inject import inject
from benchmarks.gate.validate import (
    CONFIG,
    CROSS_CHECKS,
    STACKS,
    RequestCost,
    gate_command,
    overhead_of,
    request_cost,
    write_page,
)
from benchmarks.lines import add_line, read_lines
from benchmarks.whole_runs import measure

CHANGES_PERCENT = (2, 5, 10, 20, 50, 100)
LOADS = {"cpu_per_request": OpenLoad, "throughput": ClosedLoad}
"""The compared metrics, and the load that a gate measures each under."""
BLOCKS = 10

EXPERIMENT = """
[experiment]
name = "exclusive"
baseline = "base"
loads = [{{ users = {users} }}, {{ rate = {rate_rps} }}]
blocks = {blocks}
slice_s = 1.0
warmup_s = 0.2
volatile = ["start_s", "end_s", "worker_pid"]

[scenarios.bakery]
locustfile = "{locustfile}"

[stacks.base]
{stack}
env = {{ PYTHONPATH = "{base}" }}

[stacks.head]
{stack}
env = {{ PYTHONPATH = "{head}" }}
"""


def table_of(stack: str) -> str:
    """The lines of a stack's table in gate.toml."""
    _, after = CONFIG.read_text("utf-8").split(f"[stacks.{stack}]\n")
    return after.partition("\n\n")[0].strip()


def by_gate(stack: str, base: Path, head: Path, out: Path) -> tuple[float, dict[str, Effect]]:
    """The rate of a whole gate's open loop, in arrivals a second, and the effects that it reports."""
    subprocess.run(gate_command(stack, base, head, out), capture_output=True, check=False)
    (path,) = out.glob("*-gate/summary.json")
    result = json.loads(path.read_text("utf-8"))["gate"]
    ratios = {row["metric"]: row["ratio"] for row in result["metrics"] if row["endpoint"] == "*"}
    effects = {
        metric: Effect(ratio["point"], ratio["low"], ratio["high"])
        for metric, ratio in ratios.items()
        if metric in LOADS
    }
    return result["rate_rps"], effects


def exclusively(stack: str, base: Path, head: Path, rate_rps: float, folder: Path) -> dict[str, Effect]:
    """The effects that a run reports, in which each slice has the machine to itself."""
    config = folder / "exclusive.toml"
    config.write_text(
        EXPERIMENT.format(
            users=GateSettings().users,
            rate_rps=round(rate_rps, 1),
            blocks=BLOCKS,
            locustfile=CONFIG.parent / "../../scenarios/bakery.py",
            stack=table_of(stack),
            base=base,
            head=head,
        ),
        "utf-8",
    )
    whole = measure(config, folder / "runs", profile="full", seed=random.randrange(2**31))
    return {
        comparison.metric: Effect(ratio.point, ratio.low, ratio.high)
        for comparison in whole.run.summary.comparisons
        for ratio in [comparison.ratio]
        if comparison.endpoint == "*"
        and isinstance(comparison.load, LOADS.get(comparison.metric, ()))
        and ratio.low is not None
        and ratio.high is not None
    }


def one_check(stack: str, change_percent: int, cost: RequestCost, folder: Path) -> CrossCheck:
    """Measure a planted effect by a gate, and then exclusively, under the same loads."""
    base = inject(folder / BASE, {})
    head = inject(folder / HEAD, overhead_of(f"cpu {change_percent}", cost))
    began_s = time.monotonic()
    rate_rps, gate = by_gate(stack, base, head, folder / "gates")
    exclusive = exclusively(stack, base, head, rate_rps, folder)
    return CrossCheck(
        stack=stack,
        change_percent=change_percent,
        rate_rps=rate_rps,
        gate=gate,
        exclusive=exclusive,
        seconds=time.monotonic() - began_s,
    )


def next_case(checks: Sequence[CrossCheck]) -> tuple[str, int]:
    """The stack and change with the fewest lines."""
    counts = Counter((check.stack, check.change_percent) for check in checks)
    cases = [(stack, change) for stack in STACKS for change in CHANGES_PERCENT]
    return min(cases, key=lambda case: (counts[case], random.random()))


def main() -> None:
    """Add lines until the time is spent, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    end_s = time.monotonic() + 60 * parser.parse_args().minutes
    checks = read_lines(CROSS_CHECKS, CrossCheck)
    costs: dict[str, RequestCost] = {}
    while time.monotonic() < end_s:
        stack, change_percent = next_case(checks)
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            if stack not in costs:
                costs[stack] = request_cost(stack, folder)
            check = one_check(stack, change_percent, costs[stack], folder)
        checks.append(check)
        add_line(CROSS_CHECKS, check)
        print(f"{stack}, +{change_percent} %: {check.gate} against {check.exclusive}", flush=True)
    write_page()


if __name__ == "__main__":
    main()
