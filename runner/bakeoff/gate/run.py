"""A whole gate: probe, blocks until there is a verdict, and what is left of it in a run folder."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from bakeoff.experiment import plan_paired_block
from bakeoff.gate import effects
from bakeoff.gate.profile import take_profiles
from bakeoff.gate.result import Circumstances, gate_result
from bakeoff.gate.revisions import Revision
from bakeoff.gate.state import Trial
from bakeoff.measure import PairFailure, RunContext, measure_paired_block, probe, state_recorded
from bakeoff.model import BASE, SIDES, Certificate, Experiment, GateResult, Hotspot, Manifest, Stack, Summary, UserError
from bakeoff.results import RunFolder

PROFILED_BLOCK = 9999
"""Its logs lie apart from those of the blocks that were decided on."""
SPOILED_SHARE = 0.5
"""Share of the blocks above which a machine is not fit for a gate."""


def duet_experiment(experiment: Experiment, base: Revision, head: Revision) -> Experiment:
    """The experiment of a gate: one stack definition under two revisions, one scenario. Raises `UserError`."""
    chosen = experiment.gate.stack or experiment.baseline
    by_name = {stack.name: stack for stack in experiment.stacks}
    if chosen not in by_name:
        raise UserError(f"unknown stack {chosen!r}; known are {', '.join(by_name)}")
    if by_name[chosen].url is not None:
        raise UserError(f"stack {chosen!r} runs elsewhere, and has no revisions to compare; name another with --stack")
    scenarios = {scenario.name: scenario for scenario in experiment.scenarios}
    scenario = experiment.gate.scenario or experiment.scenarios[0].name
    if scenario not in scenarios:
        raise UserError(f"unknown scenario {scenario!r}; known are {', '.join(scenarios)}")
    sides = zip(SIDES, (base, head), strict=True)
    return msgspec.structs.replace(
        experiment,
        stacks=tuple(_stack_of(by_name[chosen], side, revision) for side, revision in sides),
        scenarios=(scenarios[scenario],),
        loads=(),
        baseline=BASE,
        timeline=(),
        gate=msgspec.structs.replace(experiment.gate, stack=chosen, scenario=scenario),
    )


def _stack_of(stack: Stack, side: str, revision: Revision) -> Stack:
    return msgspec.structs.replace(
        stack, name=side, directory=str(revision.directory), python=revision.python, port=None
    )


def execute_gate(
    manifest: Manifest, results: Path, context: RunContext, labels: tuple[str, str], began_s: float
) -> tuple[RunFolder, Summary]:
    """Measure until there is a verdict or the budget, counted from ``began_s`` (monotonic), is spent; store it all."""
    folder = RunFolder.create(results, manifest)
    experiment = manifest.experiment
    with state_recorded(folder):
        (scenario,) = experiment.scenarios
        context.generator.use(scenario)
        summary = _measure(manifest, folder, context, labels, began_s)
        folder.write_summary(summary)
    return folder, summary


def summary_of(manifest: Manifest, certificate: Certificate, result: GateResult) -> Summary:
    """A gate's ``summary.json``: the verdict, and no rows, since neither side had the machine to itself."""
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


def _measure(
    manifest: Manifest, folder: RunFolder, context: RunContext, labels: tuple[str, str], began_s: float
) -> Summary:
    experiment, seed = manifest.experiment, manifest.seed
    trial = Trial(settings=experiment.gate)
    circumstances = Circumstances(base=labels[0], head=labels[1], stack=experiment.gate.stack or "")
    certificate = Certificate(reasons=("the load generator was not examined: there was nothing to measure",))
    try:
        rate_rps, notes = probe(experiment, plan_paired_block(seed, 0), folder.block(0), context)
        _keep_rate(folder, rate_rps)
        circumstances = circumstances.with_rate(rate_rps, notes)
        certificate = context.certify()
        number = 0
        while trial.verdict is None:
            number += 1
            context.observer.block_began(number, number - 1 + trial.blocks_expected)
            spoiled = _measure_block(experiment, seed, number, rate_rps, folder, context, trial, began_s)
            circumstances = circumstances.with_spoiled(spoiled)
            if len(circumstances.spoiled) > max(3, SPOILED_SHARE * number):
                raise PairFailure(f"{len(circumstances.spoiled)} of {number} blocks spoiled: {spoiled}")
    except PairFailure as error:
        trial.verdict = "invalid"
        circumstances = circumstances.with_reason(str(error))
    seconds = time.monotonic() - began_s
    found: tuple[Hotspot, ...] = ()
    if any(key.metric == "cpu_per_request" for key in trial.regressed):
        context.observer.profiling_began()
        block = plan_paired_block(seed, PROFILED_BLOCK)
        found, problem = take_profiles(experiment, block, folder.block(PROFILED_BLOCK), context)
        circumstances = circumstances.with_reason(problem) if problem else circumstances
    return summary_of(manifest, certificate, gate_result(trial, circumstances, seconds, found))


def _keep_rate(folder: RunFolder, rate_rps: float) -> None:
    """Store the rate that the probe found: a later gate that is held against this one needs the same."""
    manifest = folder.manifest()
    gate = msgspec.structs.replace(manifest.experiment.gate, rate_rps=rate_rps)
    experiment = msgspec.structs.replace(manifest.experiment, gate=gate)
    folder.write_manifest(msgspec.structs.replace(manifest, experiment=experiment))


def _measure_block(
    experiment: Experiment,
    seed: int,
    number: int,
    rate_rps: float,
    folder: RunFolder,
    context: RunContext,
    trial: Trial,
    began_s: float,
) -> str | None:
    """Measure, store and judge one block; why it was not judged, if it was not."""
    block_began_s = time.monotonic()
    result, intervals = measure_paired_block(
        experiment, plan_paired_block(seed, number), rate_rps, folder.block(number), context
    )
    folder.write_block(result, intervals)
    now_s = time.monotonic()
    spoiled = effects.spoiled(result, intervals)
    if spoiled is None:
        trial.add(effects.measured(result, intervals), now_s - began_s, now_s - block_began_s)
    elif now_s - began_s > experiment.gate.budget_s:
        trial.verdict = "inconclusive"
    return spoiled
