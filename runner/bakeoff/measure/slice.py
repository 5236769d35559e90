"""One slice: a load on one stack that has the machine to itself, from the warm-up to the record."""

from __future__ import annotations

import time

from bakeoff.analysis import LATENCIES_PER_SLICE
from bakeoff.experiment import slice_length_s
from bakeoff.load.generator import GeneratorLost, Watcher
from bakeoff.load.messages import Drive
from bakeoff.measure.context import Observer, RunContext
from bakeoff.measure.record import Observed, failed_record, intervals_of, record_of, server_use, with_memory
from bakeoff.model import Experiment, Failure, Interval, Load, OpenLoad, Record, ServerUse, Slice
from bakeoff.stacks import StacksUnderTest, StackUnderTest, Unknown, Usage, cpu_s_of

SLICE_MARGIN = 1.05
"""Slices are made this much longer than the audit demands, since the warm-up only estimates the mean latency."""


def measure_slice(
    experiment: Experiment, block: int, planned: Slice, stacks: StacksUnderTest, context: RunContext
) -> tuple[Record, list[Interval]]:
    """Drive one slice; its record and its histograms. A stack that ends meanwhile has failed."""
    stack = stacks[planned.stack]
    watcher = _SliceWatcher(experiment, planned, stacks, context.observer)
    order = Drive(
        scenario=planned.scenario,
        targets={"": stack.url},
        load=planned.load,
        seed=planned.seed,
        warmup_s=experiment.warmup_s,
        max_warmup_s=experiment.max_slice_s,
    )
    try:
        driven, seconds = context.generator.drive(order, watcher)
    except GeneratorLost as error:
        return failed_record(block, planned, Failure(stage="load", message=str(error)), time.time()), []
    stack.check_alive()
    if stack.failure:
        return failed_record(block, planned, stack.failure, time.time()), []
    record = record_of(block, planned, driven, driven.endpoints, watcher.observed())
    return record, list(intervals_of(block, planned.position, driven, seconds))


def window_s(experiment: Experiment, load: Load, mean_latency_s: float) -> float:
    """How long a slice's window has to be, in seconds: as long as its stages, else long enough to outlast its queue."""
    if isinstance(load, OpenLoad) and load.stages:
        return sum(stage.for_s for stage in load.stages)
    latencies = LATENCIES_PER_SLICE * SLICE_MARGIN
    return slice_length_s(experiment.slice_s, mean_latency_s, latencies, experiment.max_slice_s)


class _SliceWatcher(Watcher):
    """Decides how long a slice's window is and reads what the stacks use at both ends of it."""

    def __init__(self, experiment: Experiment, planned: Slice, stacks: StacksUnderTest, observer: Observer) -> None:
        self._experiment = experiment
        self._planned = planned
        self._stack: StackUnderTest = stacks[planned.stack]
        self._others = [stack for name, stack in stacks.items() if name != planned.stack]
        self._observer = observer
        self._opened_unix_s = 0.0
        self._before: Usage | Unknown = Unknown("the window did not open")
        self._others_before_s = 0.0
        self._use: ServerUse | Unknown = Unknown("the window did not close")

    def observed(self) -> Observed:
        """When the window opened, what the stack used in it, and the memory that it holds now, without load."""
        return Observed(started_unix_s=self._opened_unix_s, server=with_memory(self._use, self._stack.memory()))

    def warm(self, mean_latency_s: float) -> float:
        """The length of the window, in seconds.

        The idle stacks' counters are read here, before it opens: with many stacks that takes a tenth of a second on a
        core that the load needs.
        """
        length_s = window_s(self._experiment, self._planned.load, mean_latency_s)
        self._others_before_s = cpu_s_of(self._others)
        self._observer.slice_began(self._planned, length_s)
        return length_s

    def window_opened(self) -> None:
        """Read the counters of the measured stack."""
        self._opened_unix_s = time.time()
        self._before = self._stack.usage()

    def window_closed(self) -> None:
        """Read the counters again, the measured stack's first."""
        after = self._stack.usage()
        others_cpu_s = cpu_s_of(self._others) - self._others_before_s
        self._use = server_use(self._before, after, others_cpu_s)

    def tick(self, elapsed_s: float, rate_rps: float) -> None:
        """Pass on the progress."""
        self._observer.tick(elapsed_s, rate_rps)
