"""``bakeoff doctor`` and ``bakeoff timeline``: a look at this machine, and at two requests at once."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bakeoff.calibration.doctor import Doctor
from bakeoff.cli import DONE, FAILED
from bakeoff.experiment.config import read_experiment, select
from bakeoff.findings import certificate as certificates
from bakeoff.findings import story
from bakeoff.load.fleet import Fleet
from bakeoff.measure import Observer, RunContext, take_timelines
from bakeoff.model import BackendName, Certificate
from bakeoff.stacks import host
from bakeoff.stacks.places import opened


def timeline(file: Path, stacks: Sequence[str], backend: BackendName) -> int:
    """Take and print the timelines of an experiment's stacks; 3 when one fails."""
    experiment = select(read_experiment(file), stacks, ())
    servers_cpus, generator_cpus = host.cpu_sets()
    with (
        tempfile.TemporaryDirectory() as scratch,
        Fleet(generator_cpus, Path(scratch)) as generator,
        opened(backend, experiment.stacks, servers_cpus) as place,
    ):
        context = RunContext(place.backend, generator, Observer(), Certificate)
        timelines = take_timelines(experiment, Path(scratch), context)
    for one in timelines:
        print(story.timeline_story(one), end="\n\n")
    return FAILED if any(one.failure for one in timelines) else DONE


def doctor() -> int:
    """Examine this machine and its load generator; 3 when the generator is not certified."""
    machine = host.describe()
    print(
        f"{machine.cpu_model}, {machine.cores} cores, {machine.system} {machine.kernel}, Python {machine.python}\n"
        f"servers on CPU {_cpus(machine.server_cpus)}, generator on CPU {_cpus(machine.generator_cpus)}"
    )
    for warning in machine.warnings:
        print(f"note: {warning}")
    with (
        tempfile.TemporaryDirectory() as scratch,
        Fleet(machine.generator_cpus, Path(scratch)) as generator,
    ):
        examiner = Doctor(generator, machine.server_cpus, lambda what: print(f"... {what}", file=sys.stderr))
        certificate = examiner.certificate()
    print(certificates.render(certificate))
    return DONE if certificate.certified else FAILED


def _cpus(cpus: Sequence[int]) -> str:
    return ",".join(map(str, cpus)) or "any"
