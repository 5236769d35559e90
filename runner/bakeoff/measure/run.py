"""A whole run: the generator certified, every block measured and stored, the timelines taken, the summary written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bakeoff.analysis import summarise
from bakeoff.experiment import plan_blocks
from bakeoff.measure.block import measure_block
from bakeoff.measure.context import RunContext
from bakeoff.measure.timeline import take_timelines
from bakeoff.model import Experiment, Manifest, RunState
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
        certificate = context.certify()
        if _measure_blocks(folder, experiment, context):
            _take_timelines(folder, experiment, context)
        folder.write_summary(summarise(folder.manifest(), folder.blocks(), folder.intervals(), certificate))


def _measure_blocks(folder: RunFolder, experiment: Experiment, context: RunContext) -> bool:
    """Measure the blocks that are missing; `False` where the first one left nothing to compare, and the run ends."""
    manifest = folder.manifest()
    complete = {block.number for block in folder.blocks()}
    for block in plan_blocks(manifest.experiment, manifest.seed):
        if block.number not in complete:
            context.observer.block_began(block.number, manifest.experiment.blocks)
            logs = folder.empty_block(block.number)
            result, intervals = measure_block(experiment, block, logs, context)
            folder.write_block(result, intervals)
            if block.number == 0 and all(record.failure for record in result.records):
                return False
    return True


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
