"""``bakeoff doctor``: examine this machine and certify its load generator."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bakeoff.calibration import Doctor
from bakeoff.cli import DONE, FAILED, complain, show
from bakeoff.findings import certificate as certificates
from bakeoff.load import LocalGenerators
from bakeoff.model import Machine
from bakeoff.stacks import describe_machine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes: nothing."""


def run(_: argparse.Namespace) -> int:
    """Examine this machine and its load generator; 3 when the generator is not certified."""
    machine = describe_machine()
    _show_machine(machine)
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalGenerators(machine.generator_cpus, Path(scratch)) as generator,
    ):
        doctor = Doctor(generator, machine.server_cpus, lambda step: complain(f"... {step}"))
        certificate = doctor.certificate()
    show(certificates.render(certificate))
    return DONE if certificate.certified else FAILED


def _show_machine(machine: Machine) -> None:
    show(
        f"{machine.cpu_model}, {machine.cores} cores, {machine.system} {machine.kernel}, Python {machine.python}\n"
        f"servers on CPU {_cpus(machine.server_cpus)}, generator on CPU {_cpus(machine.generator_cpus)}"
    )
    for warning in machine.warnings:
        show(f"note: {warning}")


def _cpus(cpus: Sequence[int]) -> str:
    return ",".join(map(str, cpus)) or "any"
