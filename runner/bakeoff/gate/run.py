"""A whole gate: a probe for the load, paired blocks until there is a verdict, and the summary."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bakeoff.experiment import plan_paired_block
from bakeoff.gate.decision import blocks_expected, decide, leave_out
from bakeoff.gate.effects import block_counts, block_effects, why_not_believed, why_unusable
from bakeoff.gate.profile import take_profiles
from bakeoff.gate.result import environment_changes, gate_result
from bakeoff.gate.revisions import Revision
from bakeoff.gate.state import GateState
from bakeoff.load import GeneratorError
from bakeoff.measure import PairFailure, RunContext, measure_paired_block, probe, state_recorded
from bakeoff.model import (
    BASE,
    HEAD,
    SIDES,
    Certificate,
    Experiment,
    GateResult,
    Hotspot,
    Manifest,
    Stack,
    Summary,
    UserError,
)
from bakeoff.results import RunFolder

PROFILED_BLOCK = 9999
"""Number of the block in which CPU profiles are taken: its logs are kept apart from those of measured blocks."""


def stack_of_gate(experiment: Experiment) -> Stack:
    """The stack whose app is compared. Raises `UserError` when there is none that can be."""
    chosen = experiment.gate.stack or experiment.baseline
    stacks = {stack.name: stack for stack in experiment.stacks}
    if chosen not in stacks:
        raise UserError(f"unknown stack {chosen!r}; choose one of {', '.join(stacks)}")
    if stacks[chosen].url is not None:
        raise UserError(f"stack {chosen!r} runs elsewhere, so it has no revisions to compare; choose another: --stack")
    return stacks[chosen]


def gate_experiment(experiment: Experiment, base: Revision, head: Revision) -> Experiment:
    """The experiment of a gate: one stack's definition with both revisions, and one scenario. Raises `UserError`."""
    stack = stack_of_gate(experiment)
    scenarios = {scenario.name: scenario for scenario in experiment.scenarios}
    scenario = experiment.gate.scenario or experiment.scenarios[0].name
    if scenario not in scenarios:
        raise UserError(f"unknown scenario {scenario!r}; choose one of {', '.join(scenarios)}")
    revisions = zip(SIDES, (base, head), strict=True)
    return msgspec.structs.replace(
        experiment,
        stacks=tuple(_stack_of(stack, side, revision) for side, revision in revisions),
        scenarios=(scenarios[scenario],),
        loads=(),
        baseline=BASE,
        timeline=(),
        gate=msgspec.structs.replace(experiment.gate, stack=stack.name, scenario=scenario),
    )


def _stack_of(stack: Stack, side: str, revision: Revision) -> Stack:
    search_path = {"PYTHONPATH": revision.search_path} if revision.search_path else {}
    return msgspec.structs.replace(
        stack,
        name=side,
        directory=str(revision.directory),
        python=revision.python,
        port=None,
        env=search_path | stack.env,
    )


def execute_gate(
    manifest: Manifest, results: Path, context: RunContext, labels: tuple[str, str], began_s: float
) -> tuple[RunFolder, Summary]:
    """Measure until there is a verdict, and store everything in a new run folder.

    ``labels`` name base and head in the report; the budget counts from ``began_s`` (monotonic clock).
    """
    folder = RunFolder.create(results, manifest)
    with state_recorded(folder):
        gate = _Gate(manifest.experiment, manifest.seed, folder, context, began_s)
        state, certificate = gate.measure()
        seconds = time.monotonic() - began_s
        hotspots, problem = gate.profile(state)
        if problem is not None:
            state = state.with_notes(problem)
        result = msgspec.structs.replace(
            gate_result(state, *labels, seconds, hotspots),
            environment_changes=environment_changes(manifest.environments),
        )
        summary = _summary(manifest, certificate, result)
        folder.write_summary(summary)
    return folder, summary


def _summary(manifest: Manifest, certificate: Certificate, result: GateResult) -> Summary:
    """A gate's ``summary.json``. It has no results by stack, because neither side had the machine to itself."""
    return Summary(
        run_id=manifest.run_id,
        experiment=manifest.experiment.name,
        profile=manifest.profile,
        baseline=manifest.experiment.baseline,
        results=(),
        comparisons=(),
        generator=certificate,
        gate=result,
    )


def _repeated(step: Callable[[GateState], GateState], state: GateState) -> GateState:
    """The state after a step. The first time in a gate that the head alone fails, the step is taken again.

    Raises `PairFailure`.
    """
    try:
        return step(state)
    except PairFailure as error:
        if error.side != HEAD or state.head_failed:
            raise
        return step(state.with_failed_head(str(error)))


@dataclass(frozen=True)
class _Gate:
    """One gate, and what it is measured with."""

    experiment: Experiment
    seed: int
    folder: RunFolder
    context: RunContext
    began_s: float

    def measure(self) -> tuple[GateState, Certificate]:
        """Probe, examine the load generator, then measure blocks until there is a verdict."""
        state = GateState(settings=self.experiment.gate)
        certificate = Certificate(reasons=("the load generator was not examined, because nothing was measured",))
        (scenario,) = self.experiment.scenarios
        try:
            self.context.generator.use(scenario)
            state = _repeated(self._probe, state)
            certificate = self.context.certify()
            if certificate.failed:
                raise PairFailure(f"the load generator failed its examination: {certificate.reasons[0]}")
            while state.verdict is None:
                state = _repeated(self._measure_block, state)
        except PairFailure as error:
            state = state.with_broken_head(str(error)) if error.side == HEAD else state.invalid(str(error))
        except GeneratorError as error:
            state = state.invalid(str(error))
        return state, certificate

    def _probe(self, state: GateState) -> GateState:
        """Start both sides once, compare their answers, and find the open loop's rate."""
        block, logs = plan_paired_block(self.seed, 0), self.folder.block(0)
        rate_rps, differences = probe(self.experiment, block, logs, self.context)
        self._store_rate(rate_rps)
        return state.with_rate(rate_rps).with_differences(differences)

    def _measure_block(self, state: GateState) -> GateState:
        """Measure and store one block, and decide."""
        number = len(state.counts) + 1
        self.context.observer.block_began(number, number - 1 + blocks_expected(state))
        block_began_s = time.monotonic()
        block, logs = plan_paired_block(self.seed, number), self.folder.block(number)
        result, intervals = measure_paired_block(self.experiment, block, state.rate_rps, logs, self.context)
        self.folder.write_block(result, intervals)
        if (problem := why_not_believed(result)) is not None:
            return state.invalid(problem)
        now_s = time.monotonic()
        elapsed_s, block_s = now_s - self.began_s, now_s - block_began_s
        if (reason := why_unusable(result, intervals)) is not None:
            return leave_out(state, reason, block_counts(result), elapsed_s, block_s)
        return decide(state, block_effects(result, intervals), elapsed_s, block_s)

    def _store_rate(self, rate_rps: float) -> None:
        """Keep the rate in the manifest: a later gate that is compared with this one needs the same."""
        manifest = self.folder.manifest()
        gate = msgspec.structs.replace(manifest.experiment.gate, rate_rps=rate_rps)
        experiment = msgspec.structs.replace(manifest.experiment, gate=gate)
        self.folder.write_manifest(msgspec.structs.replace(manifest, experiment=experiment))

    def profile(self, state: GateState) -> tuple[tuple[Hotspot, ...], str | None]:
        """CPU profiles of both sides after a regression of CPU per request; or why there are none, if they failed."""
        if not any(key.metric == "cpu_per_request" for key in state.regressed):
            return (), None
        self.context.observer.profiling_began()
        block = plan_paired_block(self.seed, PROFILED_BLOCK)
        return take_profiles(self.experiment, block, self.folder.block(PROFILED_BLOCK), self.context)
