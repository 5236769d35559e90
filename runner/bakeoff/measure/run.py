"""A whole run: blocks measured and stored, the generator certified, timelines taken, the summary written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bakeoff.analysis import summarise
from bakeoff.experiment import plan_blocks
from bakeoff.measure.block import measure_block
from bakeoff.measure.context import RunContext
from bakeoff.measure.timeline import take_timelines
from bakeoff.model import Block, Certificate, Experiment, Manifest, RunState, nothing_is_left
from bakeoff.results import RunFolder


def measure_new(manifest: Manifest, results: Path, context: RunContext) -> RunFolder:
    """Measure a new run; its folder, made under ``results``. Each block is stored as soon as it is measured."""
    folder = RunFolder.create(results, manifest)
    measure_missing(folder, manifest.experiment, context)
    return folder


def measure_missing(folder: RunFolder, experiment: Experiment, context: RunContext) -> None:
    """Measure what a run's folder does not hold yet, and write its summary.

    ``experiment`` has the values that are masked in the folder's manifest.

    Raises `UserError` when another process is measuring it.
    """
    with folder.locked(), state_recorded(folder):
        for scenario in experiment.scenarios:
            context.generator.use(scenario)
        missing = _missing_blocks(folder)
        _measure(missing[:1], folder, experiment, context)  # A mistake shows before the examination, which takes time.
        if nothing_is_left(folder.blocks()):
            certificate = Certificate(reasons=("it was not examined, because nothing was left to compare",))
        else:
            certificate = context.certify()
            _measure(missing[1:], folder, experiment, context)
            _take_timelines(folder, experiment, context)
        folder.write_summary(summarise(folder.manifest(), folder.blocks(), folder.intervals(), certificate))


def _missing_blocks(folder: RunFolder) -> list[Block]:
    manifest = folder.manifest()
    complete = {block.number for block in folder.blocks()}
    return [block for block in plan_blocks(manifest.experiment, manifest.seed) if block.number not in complete]


def _measure(blocks: Iterable[Block], folder: RunFolder, experiment: Experiment, context: RunContext) -> None:
    for block in blocks:
        context.observer.block_began(block.number, folder.manifest().experiment.blocks)
        folder.write_block(*measure_block(experiment, block, folder.empty_block(block.number), context))


def _take_timelines(folder: RunFolder, experiment: Experiment, context: RunContext) -> None:
    manifest = folder.manifest()
    if not manifest.timelines:
        timelines = take_timelines(experiment, folder.path / "timeline", context)
        folder.write_manifest(msgspec.structs.replace(manifest, timelines=timelines))


@contextmanager
def state_recorded(folder: RunFolder) -> Iterator[None]:
    """Write into the manifest how the run ended."""

    def end(state: RunState, error: str | None) -> None:
        finished_utc = datetime.now(UTC).isoformat(timespec="seconds")
        folder.write_manifest(
            msgspec.structs.replace(folder.manifest(), state=state, finished_utc=finished_utc, error=error)
        )

    try:
        yield
    except BaseException as error:
        end("failed", f"{type(error).__name__}: {error}".rstrip(": "))
        raise
    end("complete", None)
