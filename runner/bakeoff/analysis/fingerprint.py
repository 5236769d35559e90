"""The fingerprint of a run: what its numbers depend on beside the stacks, as a pure function of its manifest.

It has three parts, because a difference in each has another consequence:

- ``machine``: processor, cores and which of them for whom, memory, system and kernel. Where it differs, numbers cannot
  be compared.
- ``software``: Python and the packages that servers and generator run on. The difference may be what is to be measured.
- ``workload``: the experiment without its name, its stacks and its number of blocks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal

import msgspec

from bakeoff.model import ClosedLoad, Experiment, Load, Machine, Manifest, Scenario, Struct, load_title

Part = Literal["machine", "software", "workload"]
PARTS: tuple[Part, ...] = ("machine", "software", "workload")
ABSENT = "absent"
NOT_RECORDED = "not recorded"
DIGEST_LETTERS = 12


class Fingerprint(Struct, frozen=True, kw_only=True):
    """Facts by name, in words for reports."""

    machine: dict[str, str]
    software: dict[str, str]
    workload: dict[str, str]

    def facts(self, part: Part) -> dict[str, str]:
        """The facts of one part."""
        return {"machine": self.machine, "software": self.software, "workload": self.workload}[part]

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that differ when any fact does (SHA-256, cut short)."""
        return _sha256(self)


class Difference(Struct, frozen=True, kw_only=True):
    """A fact on which two fingerprints disagree."""

    part: Part
    fact: str
    first: str
    other: str


def fingerprint_of(manifest: Manifest) -> Fingerprint:
    """The fingerprint of a run. Host names, folders and seeds are no part of it."""
    return Fingerprint(
        machine=_machine(manifest.machine),
        software=software(manifest.machine),
        workload=_workload(manifest.experiment, manifest.locustfile_sha256),
    )


def differences(first: Fingerprint, other: Fingerprint) -> tuple[Difference, ...]:
    """Every fact on which they disagree, machine first; one that only one of them has is ``absent`` in the other."""
    return tuple(
        Difference(
            part=part,
            fact=fact,
            first=first.facts(part).get(fact, ABSENT),
            other=other.facts(part).get(fact, ABSENT),
        )
        for part in PARTS
        for fact in {**first.facts(part), **other.facts(part)}
        if first.facts(part).get(fact) != other.facts(part).get(fact)
    )


def _machine(machine: Machine) -> dict[str, str]:
    return {
        "processor": machine.cpu_model,
        "cores": str(machine.cores),
        "CPUs of the servers": _cpus(machine.server_cpus),
        "CPUs of the generator": _cpus(machine.generator_cpus),
        "physical cores": _physical_cores(machine),
        "CPU quota": _cpu_quota(machine),
        # Whole GiB, because what the kernel reserves differs by a few pages from boot to boot.
        "memory": f"{machine.memory_bytes / 2**30:.0f} GiB",
        "system": machine.system,
        "kernel": machine.kernel,
    }


def _physical_cores(machine: Machine) -> str:
    """CPUs that are threads of one core are joined by a plus sign."""
    return ", ".join("+".join(map(str, core)) for core in machine.physical_cores) or NOT_RECORDED


def _cpu_quota(machine: Machine) -> str:
    if machine.cpu_quota is not None:
        return f"{machine.cpu_quota:.3g} CPUs"
    return "none" if machine.physical_cores else NOT_RECORDED  # Both are recorded since the same version.


def software(machine: Machine) -> dict[str, str]:
    """Python and the packages that servers and generator run on, with their versions."""
    return {"Python": machine.python, **machine.versions}


def _cpus(cpus: tuple[int, ...]) -> str:
    return ", ".join(map(str, cpus)) or "not pinned"


def _workload(experiment: Experiment, digests: Mapping[str, str]) -> dict[str, str]:
    scenarios = {
        f"scenario {scenario.name}": _scenario(scenario, digests.get(scenario.name))
        for scenario in experiment.scenarios
    }
    return scenarios | {
        "loads": "; ".join(map(_load, experiment.loads)),
        "slices a block": str(experiment.passes),
        "slice": f"{experiment.slice_s:g} s or more, up to {experiment.max_slice_s:g} s",
        "warm-up": f"{experiment.warmup_s:g} s or more",
    }


def _scenario(scenario: Scenario, digest: str | None) -> str:
    """What clients do. A Locust file is told from another by the SHA-256 of its content, not by its folder."""
    if scenario.locustfile is None:
        return f"{len(scenario.requests)} kinds of requests, SHA-256 {_sha256(scenario.requests)}"
    name = PurePath(scenario.locustfile).name
    return f"{name}, SHA-256 {digest[:DIGEST_LETTERS]}" if digest else f"{name}, content not recorded"


def _load(load: Load) -> str:
    return load_title(load) if isinstance(load, ClosedLoad) else f"{load_title(load)} ({load.arrivals})"


def _sha256(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:DIGEST_LETTERS]
