"""The same stacks as processes and as containers, turn by turn in one run: does a request cost the same CPU time?

Run by ``make containers``, with a Docker engine. Prints Markdown on stdout. A ratio says something of containers only
when both sides have the same interpreter: ``--python`` names another one for the processes, with the apps' packages.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from bakeoff import host, stats
from bakeoff.backends import Backend
from bakeoff.backends.local import LocalBackend
from bakeoff.backends.places import opened
from bakeoff.config import read_experiment, select
from bakeoff.execute import Observer, Workbench, run_block
from bakeoff.load.fleet import Fleet
from bakeoff.model import BlockResult, Certificate, ClosedLoad, Experiment
from bakeoff.plan import plan_blocks

STACKS = ("flask-gunicorn-gthread", "fastapi-uvicorn")
SEED = 1

Costs = dict[str, list[float]]
"""CPU milliseconds per request of each stack, block by block."""


def asked(rounds: int, users: int) -> Experiment:
    """Two of the bakery's stacks in a closed loop, one slice a block."""
    bakery = select(read_experiment(Path("bakeoff.toml")), STACKS, ())
    return msgspec.structs.replace(bakery, loads=(ClosedLoad(users=users),), blocks=rounds, passes=1, slice_s=2.0)


def measure(experiment: Experiment, places: dict[str, Backend], generator: Fleet, logs: Path) -> dict[str, Costs]:
    """Every block once in each place, whose order is drawn; what a request cost there."""
    rng = np.random.default_rng(SEED)
    costs: dict[str, Costs] = {name: defaultdict(list) for name in places}
    for block in plan_blocks(experiment, SEED):
        for name in rng.permutation(list(places)).tolist():
            bench = Workbench(places[name], generator, Observer(), Certificate)
            for stack, cost_ms in costs_ms(run_block(experiment, block, logs, bench)[0]).items():
                costs[name][stack].append(cost_ms)
            print(f"block {block.number + 1} of {experiment.blocks}: {name}", file=sys.stderr)
    return costs


def costs_ms(block: BlockResult) -> dict[str, float]:
    """CPU milliseconds per right answer; loud when a stack has failed."""
    found: dict[str, float] = {}
    for record in block.records:
        if record.failure or record.server is None:
            raise SystemExit(f"{record.stack}: {record.failure or record.server_unknown}")
        found[record.stack] = 1e3 * record.server.cpu_s / sum(tally.completed for tally in record.tallies)
    return found


def table(costs: dict[str, Costs]) -> str:
    """One row a stack: both costs, and their ratio block by block."""
    lines = ["| stack | processes | containers | ratio (95 % interval) | blocks |", "| --- | --- | --- | --- | --- |"]
    for stack in STACKS:
        here, there = costs["local"][stack], costs["compose"][stack]
        ratio = stats.ratio_estimate([math.log(b / a) for a, b in zip(here, there, strict=True)])
        means = [stats.geometric_mean(values) for values in (here, there)]
        said = " | ".join(f"{mean.point:.3f} ms" for mean in means if mean)
        lines.append(f"| {stack} | {said} | {ratio.point:.3f} ({ratio.low:.3f} to {ratio.high:.3f}) | {ratio.n} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--users", type=int, default=32)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the processes (default: this one)")
    options = parser.parse_args(arguments)
    experiment = asked(options.rounds, options.users)
    servers, generators = host.cpu_sets()
    with (
        tempfile.TemporaryDirectory() as scratch,
        Fleet(generators, Path(scratch)) as generator,
        opened("compose", experiment.stacks, servers) as place,
    ):
        for scenario in experiment.scenarios:
            generator.use(scenario)
        places: dict[str, Backend] = {"local": LocalBackend(servers, options.python), "compose": place.backend}
        print(table(measure(experiment, places, generator, Path(scratch))))
        print("", *(f"{name}: {fact}" for name, fact in place.facts.items()), sep="\n")


if __name__ == "__main__":
    main()
