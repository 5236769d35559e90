"""Whole runs, made by the command line, and their analysis with another baseline or fewer stacks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from bakeoff.analysis import summarise
from bakeoff.model import Profile, Run, Summary
from bakeoff.results import load_run


@dataclass(frozen=True)
class WholeRun:
    """A run, and what else happened on the machine meanwhile."""

    run: Run
    seconds: float
    load_before: float
    """Processes that ran or waited for a CPU, on average over the minute before."""
    stolen_share: float | None
    """Share of the CPU time that the host gave to other virtual machines; ``None`` where that is not known."""


def measure(config: Path, out: Path, *, profile: Profile, seed: int, stacks: Sequence[str] = ()) -> WholeRun:
    """Run an experiment, or only some of its stacks. Raises `RuntimeError` where that leaves no analysis."""
    chosen = [argument for stack in stacks for argument in ("--stack", stack)]
    options = [str(config), "--profile", profile, "--seed", str(seed), "--out", str(out), *chosen]
    load_before, before, began_s = os.getloadavg()[0], psutil.cpu_times(), time.monotonic()
    completed = subprocess.run([sys.executable, "-m", "bakeoff", "run", *options], capture_output=True, text=True)
    seconds, after = time.monotonic() - began_s, psutil.cpu_times()
    summaries = list(out.glob("*/summary.json"))
    if len(summaries) != 1:
        raise RuntimeError(f"{config} ended with exit code {completed.returncode}: {completed.stderr}")
    return WholeRun(load_run(summaries[0].parent), seconds, load_before, _stolen_share(before, after))


def analysed(run: Run, baseline: str, others: Sequence[str]) -> Summary:
    """What a run of some of the stacks alone would have concluded from the same slices."""
    experiment = run.manifest.experiment
    names = (baseline, *others)
    chosen = tuple(stack for stack in experiment.stacks if stack.name in names)
    part = msgspec.structs.replace(experiment, stacks=chosen, baseline=baseline)
    manifest = msgspec.structs.replace(run.manifest, experiment=part)
    return summarise(manifest, run.blocks, run.intervals, run.summary.generator)


def _stolen_share(before: psutil._ntuples.scputimes, after: psutil._ntuples.scputimes) -> float | None:
    if not hasattr(after, "steal"):
        return None
    spent_s = sum(after) - sum(before)
    return float(after.steal - before.steal) / spent_s if spent_s else 0.0
