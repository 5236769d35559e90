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

from bakeoff.analysis import stats
from bakeoff.experiment import plan_blocks, read_experiment, select
from bakeoff.load import LocalGenerators
from bakeoff.measure import Observer, RunContext, measure_block
from bakeoff.model import BlockResult, Certificate, ClosedLoad, Experiment
from bakeoff.stacks import LocalBackend, OpenBackend, open_backend, split_cpus

STACKS = ("flask-gunicorn-gthread", "fastapi-uvicorn")
AS_PROCESS = "-process"
"""Ends the name of the copy of a stack that runs as a process."""

SEED = 1

Costs = dict[str, list[float]]
"""CPU milliseconds per request of each stack and copy, block by block."""


def asked(blocks: int, users: int, python: str) -> Experiment:
    """Two of the bakery's stacks and their copies in a closed loop, in short alternating slices."""
    bakery = select(read_experiment(Path("bakeoff.toml")), STACKS, ())
    copies = (msgspec.structs.replace(stack, name=stack.name + AS_PROCESS, python=python) for stack in bakery.stacks)
    stacks = (*bakery.stacks, *copies)
    loads = (ClosedLoad(users=users),)
    return msgspec.structs.replace(bakery, stacks=stacks, loads=loads, blocks=blocks, passes=6, slice_s=0.7)


def measure(experiment: Experiment, context: RunContext, logs: Path) -> Costs:
    """What a request cost each stack and copy in each block."""
    costs: Costs = defaultdict(list)
    for block in plan_blocks(experiment, SEED):
        for name, cost_ms in costs_ms(measure_block(experiment, block, logs, context)[0]).items():
            costs[name].append(cost_ms)
        print(f"block {block.number + 1} of {experiment.blocks}", file=sys.stderr)
    return costs


def costs_ms(block: BlockResult) -> dict[str, float]:
    """CPU milliseconds per right answer over all slices of a block; loud when a stack has failed."""
    used_s: dict[str, float] = defaultdict(float)
    answers: dict[str, int] = defaultdict(int)
    for record in block.records:
        if record.failure or record.server is None:
            raise SystemExit(f"{record.stack}: {record.failure or record.server_unknown}")
        used_s[record.stack] += record.server.cpu_s
        answers[record.stack] += sum(counts.completed for counts in record.endpoints)
    return {name: 1e3 * used_s[name] / answers[name] for name in used_s}


def table(costs: Costs) -> str:
    """One row a stack: both costs, and their ratio block by block."""
    lines = ["| stack | process | container | ratio (95 % interval) | blocks |", "| --- | --- | --- | --- | --- |"]
    for stack in STACKS:
        process, container = costs[stack + AS_PROCESS], costs[stack]
        ratio = stats.ratio_estimate([math.log(b / a) for a, b in zip(process, container, strict=True)])
        means = [stats.geometric_mean(values) for values in (process, container)]
        said = " | ".join(f"{mean.point:.3f} ms" for mean in means if mean)
        lines.append(f"| {stack} | {said} | {ratio.point:.3f} ({ratio.low:.3f} to {ratio.high:.3f}) | {ratio.n} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--users", type=int, default=32)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the processes (default: this one)")
    options = parser.parse_args(arguments)
    experiment = asked(options.blocks, options.users, options.python)
    containers = [stack for stack in experiment.stacks if stack.name in STACKS]
    servers, generators = split_cpus()
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalGenerators(generators, Path(scratch)) as generator,
        open_backend("compose", containers, servers) as backend,
    ):
        for scenario in experiment.scenarios:
            generator.use(scenario)
        processes = {stack.name: LocalBackend(servers) for stack in experiment.stacks if stack not in containers}
        both = OpenBackend({**backend.backends, **processes})
        context = RunContext(both, generator, Observer(), Certificate)
        print(table(measure(experiment, context, Path(scratch))))
        print("", *(f"{name}: {fact}" for name, fact in backend.facts.items()), sep="\n")


if __name__ == "__main__":
    main()
