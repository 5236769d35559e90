"""The loop that ties plan, stacks, load and results together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bakeoff import report
from bakeoff.analysis.audit import LATENCIES_PER_SLICE
from bakeoff.analysis.summary import summarise
from bakeoff.experiment.plan import plan_blocks, slice_length_s
from bakeoff.load.generator import GeneratorLost, LoadGenerator, Watcher
from bakeoff.load.messages import Drive
from bakeoff.measure.records import generator_use, interval, server_use
from bakeoff.measure.timeline import send_together
from bakeoff.model import (
    Answer,
    Block,
    BlockResult,
    Certificate,
    Experiment,
    Failure,
    Interval,
    Load,
    Manifest,
    OpenLoad,
    Record,
    Run,
    RunState,
    ServerUse,
    Slice,
    Stack,
    Timeline,
)
from bakeoff.results.store import RunFolder, load_run
from bakeoff.stacks import Backend, RunningStack, StartFailure, Unknown, Usage
from bakeoff.stacks.equivalence import difference, first_problem

TIMEOUT_S = 10.0
MAX_CONNECTIONS = 256
QUEUE_LIMIT_S = 5.0
SLICE_MARGIN = 1.05
"""Slices are made this much longer than the audit demands, since the warm-up only estimates the mean latency."""

SETTLE_WITHIN_S = 5.0
SETTLE_LOOK_S = 0.05
SETTLED_SHARE = 0.10
"""Share of a core below which started stacks count as having come to rest."""


class Observer:
    """Told how a run goes on. Override what is of interest."""

    def block_began(self, number: int, blocks: int) -> None:
        """A block's stacks are about to start."""

    def slice_began(self, one: Slice, expected_s: float) -> None:
        """A slice is about to begin."""

    def tick(self, elapsed_s: float, rate_rps: float) -> None:
        """A moment within a slice."""

    def slice_measured(self, one: Slice, intervals: Sequence[Interval]) -> None:
        """A slice has its histograms."""

    def slice_ended(self, record: Record) -> None:
        """A slice has its record."""

    def profiling_began(self) -> None:
        """A gate has found a regression, and is about to see where the CPU time goes."""

    def timeline_began(self) -> None:
        """The timelines are about to be taken."""

    def report_began(self) -> None:
        """All is measured; the reports are about to be written."""


@dataclass
class RunContext:
    """What a run works with."""

    backend: Backend
    generator: LoadGenerator
    observer: Observer
    certify: Callable[[], Certificate]
    """Examines the generator before it is believed."""


def execute(manifest: Manifest, results: Path, context: RunContext) -> Run:
    """Carry out a run and leave its folder under ``results``. The run is stored block by block, whatever happens."""
    return finish(RunFolder.create(results, manifest), context)


def finish(folder: RunFolder, context: RunContext) -> Run:
    """Carry out what a run's folder does not hold yet. Raises `UserError` when another process is at it."""
    with folder.locked():
        with state_recorded(folder):
            _measure(folder, context)
        context.observer.report_began()
        run = load_run(folder.path)
        folder.write_reports(report.render_all(run))
    return run


def _measure(folder: RunFolder, context: RunContext) -> None:
    """Every block without a record, the timelines, and the analysis of all."""
    manifest = folder.manifest()
    for scenario in manifest.experiment.scenarios:
        context.generator.use(scenario)
    certificate = context.certify()
    complete = {block.number for block in folder.blocks()}
    for block in plan_blocks(manifest.experiment, manifest.seed):
        if block.number not in complete:
            context.observer.block_began(block.number, manifest.experiment.blocks)
            logs = folder.empty_block(block.number)
            folder.write_block(*run_block(manifest.experiment, block, logs, context))
    if not manifest.timelines:
        timelines = take_timelines(manifest.experiment, folder.path / "timeline", context)
        manifest = msgspec.structs.replace(manifest, timelines=timelines)
        folder.write_manifest(manifest)
    folder.write_summary(summarise(manifest, folder.blocks(), folder.intervals(), certificate))


@contextmanager
def state_recorded(folder: RunFolder) -> Iterator[None]:
    """Write into the manifest how the run ended."""

    def end(state: RunState, error: str | None) -> None:
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        folder.write_manifest(
            msgspec.structs.replace(folder.manifest(), state=state, finished_utc=finished, error=error)
        )

    try:
        yield
    except BaseException as error:
        end("failed", f"{type(error).__name__}: {error}".rstrip(": "))
        raise
    end("complete", None)


def run_block(
    experiment: Experiment, block: Block, logs: Path, context: RunContext
) -> tuple[BlockResult, list[Interval]]:
    """Start every stack, measure each slice, stop every stack."""
    intervals: list[Interval] = []
    records: list[Record] = []
    with started(experiment.stacks, block, logs, context.backend) as line_up:
        compare_answers(experiment, line_up, context.generator)
        for one in block.slices:
            failure = line_up.failures.get(one.stack)
            if failure:
                record = _failed(block, one, failure)
            else:
                record, found = run_slice(experiment, block, one, line_up, context)
                intervals += found
                context.observer.slice_measured(one, found)
            context.observer.slice_ended(record)
            records.append(record)
    return BlockResult(
        number=block.number,
        records=tuple(records),
        ready_s=line_up.ready_s,
        unloaded_s=line_up.unloaded_s,
        extensions=line_up.extensions,
    ), intervals


@dataclass
class LineUp:
    """The stacks of a block: those that run, and why the others don't."""

    running: dict[str, RunningStack] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    ready_s: dict[str, float] = field(default_factory=dict)
    unloaded_s: dict[str, dict[str, float]] = field(default_factory=dict)
    extensions: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def usage_of_others(self, stack: str) -> float:
        """CPU seconds used so far by every running stack but one, as far as it can be seen."""
        uses = [other.usage() for name, other in self.running.items() if name != stack]
        return sum(use.cpu_s for use in uses if isinstance(use, Usage))


@contextmanager
def started(stacks: Sequence[Stack], block: Block, logs: Path, backend: Backend) -> Iterator[LineUp]:
    """All stacks of a block, started in its order, ready and at rest; stopped at the end, whatever happens."""
    line_up = LineUp()
    by_name = {stack.name: stack for stack in stacks}
    try:
        for name in block.start_order:
            try:
                line_up.running[name] = backend.start(by_name[name], block, logs)
            except StartFailure as error:
                line_up.failures[name] = Failure(stage="start", message=str(error))
        for name, running in list(line_up.running.items()):
            try:
                line_up.ready_s[name] = running.wait_ready()
            except StartFailure as error:
                line_up.failures[name] = Failure(stage="start", message=str(error), log=running.log_tail())
                running.stop()
                del line_up.running[name]
        _settle(line_up)
        for name, running in line_up.running.items():
            running.confine()
            line_up.extensions[name] = running.extensions()
        yield line_up
    finally:
        for running in line_up.running.values():
            running.ask_to_stop()
        for running in line_up.running.values():
            running.stop()


def _settle(line_up: LineUp) -> None:
    """Wait until the started stacks have come to rest: their last workers may boot after the first answer."""
    deadline_s = time.monotonic() + SETTLE_WITHIN_S
    before_s = line_up.usage_of_others("")
    while time.monotonic() < deadline_s:
        time.sleep(SETTLE_LOOK_S)
        now_s = line_up.usage_of_others("")
        if now_s - before_s < SETTLED_SHARE * SETTLE_LOOK_S:
            return
        before_s = now_s


def compare_answers(experiment: Experiment, line_up: LineUp, generator: LoadGenerator) -> None:
    """Ask each stack alone: one whose answers are wrong, or not the baseline's (or the first's that runs), has failed.

    How long the answers took is kept: it is the latency without load.
    """
    names = sorted(line_up.running, key=lambda name: name != experiment.baseline)
    for scenario in experiment.scenarios:
        reference: tuple[Answer, ...] | None = None
        for name in names:
            running = line_up.running[name]
            answers = generator.ask(scenario.name, running.url)
            line_up.unloaded_s.setdefault(name, {}).update({one.endpoint: one.elapsed_s for one in answers})
            problem = first_problem(answers)
            if problem is None and reference is not None:
                problem = difference(reference, answers, experiment.volatile)
            if problem:
                line_up.failures[name] = Failure(stage="answers", message=problem, log=running.log_tail())
            elif reference is None:
                reference = answers


class _Meter(Watcher):
    """Says how long a slice's window is to be, and reads what the stacks use at both ends of it."""

    def __init__(self, experiment: Experiment, one: Slice, line_up: LineUp, observer: Observer) -> None:
        self._experiment = experiment
        self._stack = line_up.running[one.stack]
        self._line_up = line_up
        self._observer = observer
        self._slice = one
        self._before: tuple[Usage | Unknown, float] | None = None
        self.use: ServerUse | None = None
        self.unknown: str | None = None
        self.opened_unix_s = 0.0

    def warm(self, mean_latency_s: float) -> float:
        """Long enough to outlast the queue that the warm-up saw; as long as its stages where a load has some."""
        slice_s = window_s(self._experiment, self._slice.load, mean_latency_s)
        self._observer.slice_began(self._slice, slice_s)
        return slice_s

    def window_opened(self) -> None:
        """Read the counters, the measured stack's last: nearest to the moment."""
        self.opened_unix_s = time.time()
        others_s = self._line_up.usage_of_others(self._slice.stack)
        self._before = self._stack.usage(), others_s

    def window_closed(self) -> None:
        """Read the counters again, the measured stack's first."""
        after = self._stack.usage()
        assert self._before is not None
        before, others_before_s = self._before
        others_s = self._line_up.usage_of_others(self._slice.stack) - others_before_s
        found = server_use(before, after, others_s)
        if isinstance(found, Unknown):
            self.unknown = found.reason
        else:
            self.use = found

    def tick(self, elapsed_s: float, rate_rps: float) -> None:
        """Hand on what goes on."""
        self._observer.tick(elapsed_s, rate_rps)


def run_slice(
    experiment: Experiment, block: Block, one: Slice, line_up: LineUp, context: RunContext
) -> tuple[Record, list[Interval]]:
    """Drive one slice; its record, and its histograms."""
    running = line_up.running[one.stack]
    meter = _Meter(experiment, one, line_up, context.observer)
    try:
        driven, seconds = context.generator.drive(_order(experiment, one, running.url), meter)
    except GeneratorLost as error:
        return _failed(block, one, Failure(stage="load", message=str(error))), []
    ended = running.exit_message()
    if ended:
        failure = Failure(stage="exit", message=ended, log=running.log_tail())
        line_up.failures[one.stack] = failure
        return _failed(block, one, failure), []
    record = Record(
        block=block.number,
        position=one.position,
        stack=one.stack,
        scenario=one.scenario,
        load=one.load,
        started_unix_s=meter.opened_unix_s,
        window_s=driven.window_s,
        warmup_s=driven.warmup_s,
        endpoints=driven.endpoints,
        server=meter.use,
        server_unknown=meter.unknown,
        generator=generator_use(driven),
    )
    return record, [interval(block.number, one.position, second.endpoint, driven, second) for second in seconds]


def window_s(experiment: Experiment, load: Load, mean_latency_s: float) -> float:
    """How long a slice's window is to be, in seconds."""
    if isinstance(load, OpenLoad) and load.stages:
        return sum(stage.for_s for stage in load.stages)
    latencies = LATENCIES_PER_SLICE * SLICE_MARGIN
    return slice_length_s(experiment.slice_s, mean_latency_s, latencies, experiment.max_slice_s)


def _order(experiment: Experiment, one: Slice, url: str) -> Drive:
    return Drive(
        scenario=one.scenario,
        targets={"": url},
        load=one.load,
        seed=one.seed,
        warmup_s=experiment.warmup_s,
        max_warmup_s=experiment.max_slice_s,
        timeout_s=TIMEOUT_S,
        max_connections=MAX_CONNECTIONS,
        queue_limit_s=QUEUE_LIMIT_S,
    )


def _failed(block: Block, one: Slice, failure: Failure) -> Record:
    return Record(
        block=block.number,
        position=one.position,
        stack=one.stack,
        scenario=one.scenario,
        load=one.load,
        started_unix_s=time.time(),
        window_s=0.0,
        warmup_s=0.0,
        failure=failure,
    )


def take_timelines(experiment: Experiment, logs: Path, context: RunContext) -> tuple[Timeline, ...]:
    """The timeline of every stack, one after another, each with a single worker."""
    if not experiment.timeline:
        return ()
    logs.mkdir(parents=True, exist_ok=True)
    singles = [msgspec.structs.replace(stack, workers=1) for stack in experiment.stacks]
    names = tuple(stack.name for stack in singles if not stack.url)
    block = Block(number=0, start_order=names, hash_seed=0, port_seed=time.time_ns() % 2**31, slices=())
    context.observer.timeline_began()
    with started(singles, block, logs, context.backend) as line_up:
        return tuple(_take_timeline(stack, experiment.timeline, line_up) for stack in singles)


def _take_timeline(stack: Stack, paths: Sequence[str], line_up: LineUp) -> Timeline:
    failure = line_up.failures.get(stack.name)
    if failure or stack.url:
        why = failure.message if failure else "it is deployed already, and cannot be started with a single worker"
        return Timeline(stack=stack.name, interface=stack.interface, requests=(), failure=why)
    return send_together(stack, line_up.running[stack.name].url, paths)
