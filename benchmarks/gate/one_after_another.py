"""The usual way, for comparison: one revision is measured after the other, for as long as a gate takes."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from bakeoff.load import Drive, FixedLength, LocalGenerators, Second
from bakeoff.model import BASE, HEAD, SIDES, Block, Experiment, Histogram, OpenLoad, Stack
from bakeoff.stacks import LocalBackend, RunningStack, Usage, split_cpus, started
from benchmarks.gate.accuracy import REGIME, Case, Run

LOAD = OpenLoad(rate_rps=240.0)
LENGTH_S = 28.0


class _Meter(FixedLength):
    """Reads the server's CPU time at the start and the end of a window."""

    def __init__(self, length_s: float, running: RunningStack) -> None:
        super().__init__(length_s)
        self._running = running
        self.cpu_s = 0.0

    def window_opened(self) -> None:
        """Note the CPU time used before the window."""
        self.cpu_s = -self._used_s()

    def window_closed(self) -> None:
        """Subtract it from the CPU time used until now."""
        self.cpu_s += self._used_s()

    def _used_s(self) -> float:
        use = self._running.usage()
        assert isinstance(use, Usage)
        return use.cpu_s


def one_after_another(experiment: Experiment, case: Case, base: Path, head: Path) -> Run:
    """CPU time per request and median latency of both revisions, each measured alone, in random order."""
    began_s = time.monotonic()
    (stack,) = [stack for stack in experiment.stacks if stack.name == case.stack]
    directories = {BASE: base, HEAD: head}
    measured: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        logs = Path(scratch)
        servers, generator_cpus = split_cpus()
        with LocalGenerators(generator_cpus, logs, processes=1) as generator:
            generator.use(experiment.scenarios[0])
            for side in random.sample(SIDES, 2):
                revision = msgspec.structs.replace(stack, directory=str(directories[side]))
                measured[side] = _measure(revision, experiment, generator, LocalBackend(servers), logs)
    changes = [of_head / of_base - 1 for of_base, of_head in zip(measured[BASE], measured[HEAD], strict=True)]
    return Run(
        case=case,
        verdict="",
        seconds=time.monotonic() - began_s,
        blocks=1,
        regime=REGIME,
        changes=dict(zip(("cpu_per_request", "latency_p50"), changes, strict=True)),
    )


def _measure(
    stack: Stack, experiment: Experiment, generator: LocalGenerators, backend: LocalBackend, logs: Path
) -> tuple[float, float]:
    """CPU seconds per request, and the median latency (the mean of the endpoints' logarithms)."""
    block = Block(number=0, start_order=(stack.name,), hash_seed=0, port_seed=random.randrange(2**31), slices=())
    with started([stack], block, logs, backend) as stacks:
        running = stacks[stack.name].running
        meter = _Meter(LENGTH_S, running)
        driven, seconds = generator.drive(_order(experiment, running.url), meter)
        cpu_s = meter.cpu_s / sum(counts.completed for counts in driven.endpoints)
    return cpu_s, _median_s(seconds)


def _median_s(seconds: list[Second]) -> float:
    medians = []
    for endpoint in {second.endpoint for second in seconds}:
        whole = Histogram.merge(
            Histogram.decode(second.blob)
            for second in seconds
            if second.endpoint == endpoint and second.kind == "latency"
        )
        medians.append(whole.quantile_s(0.5) or float("nan"))
    return float(np.exp(np.mean(np.log(medians))))


def _order(experiment: Experiment, url: str) -> Drive:
    return Drive(
        scenario=experiment.scenarios[0].name,
        targets={"": url},
        load=LOAD,
        seed=random.randrange(2**31),
        warmup_s=0.5,
    )
