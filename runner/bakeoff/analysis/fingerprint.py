"""The fingerprint of a run: what its numbers depend on beside the stacks, as a pure function of its manifest.

It has three parts, because a difference in each has another consequence:

- ``machine``: processor, cores and which of them for whom, memory, system and kernel. Where it differs, numbers cannot
  be compared.
- ``software``: Python and the packages that servers and generator run on. The difference may be what is to be measured.
- ``workload``: the experiment without its name, its stacks and its number of blocks, and where the load came from.

What a stack runs on, and its code, are facts of that stack (`stack_facts`): runs need not have the same stacks.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import Literal

import msgspec

from bakeoff.model import ClosedLoad, Code, Load, LoadOrigin, Machine, Manifest, Scenario, Struct, load_title

Part = Literal["machine", "software", "workload", "code"]
PARTS: tuple[Part, ...] = ("machine", "software", "workload")
"""The parts of a fingerprint; ``code`` has only facts of stacks."""
FactOfStack = tuple[Part, str]
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
        facts = {"machine": self.machine, "software": self.software, "workload": self.workload}
        return facts.get(part, {})

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
        workload=_workload(manifest),
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


def stack_differences(first: Manifest, other: Manifest) -> tuple[Difference, ...]:
    """Every fact on which two runs disagree about a stack that both have."""
    return tuple(
        Difference(part=part, fact=fact, first=before, other=after)
        for stack in first.experiment.stacks
        for (part, fact), (before, after) in stack_facts_of((first, other), stack.name).items()
        if before is not None and after is not None and before != after
    )


def stack_facts_of(manifests: Sequence[Manifest], name: str) -> dict[FactOfStack, tuple[str | None, ...]]:
    """What several runs say about a stack, one value for each run; ``None`` for a run that has no such stack.

    Packages are left out when one of the runs did not record its own: they may be absent there or not.
    """
    facts_of_runs = [
        stack_facts(manifest, name) if any(stack.name == name for stack in manifest.experiment.stacks) else None
        for manifest in manifests
    ]
    having = [facts for facts in facts_of_runs if facts is not None]
    keys = dict.fromkeys(key for facts in having for key in facts)
    if any(facts.get(("software", f"interpreter of {name}")) == NOT_RECORDED for facts in having):
        keys = dict.fromkeys(key for key in keys if all(key in facts for facts in having))
    return {key: tuple(None if facts is None else facts.get(key, ABSENT) for facts in facts_of_runs) for key in keys}


def stack_facts(manifest: Manifest, name: str) -> dict[FactOfStack, str]:
    """What a stack ran on and its code, by part and fact; nothing of one that ran already."""
    stack = next(stack for stack in manifest.experiment.stacks if stack.name == name)
    if stack.url:
        return {}
    facts: dict[FactOfStack, str] = {("software", f"place of {name}"): manifest.backend}
    environment = manifest.environments.get(name)
    if manifest.backend == "compose":  # The id of an image says more than what is installed in it.
        facts["software", f"images of {name}"] = manifest.images.get(name, NOT_RECORDED)
    elif environment is None:
        facts["software", f"interpreter of {name}"] = NOT_RECORDED
    else:
        facts["software", f"interpreter of {name}"] = environment.python
        facts |= {
            ("software", f"{package} of {name}"): f"{version} {environment.contents.get(package, '')}".rstrip()
            for package, version in environment.packages.items()
        }
    facts["code", f"code of {name}"] = _code(manifest.code.get(name))
    return facts


def _code(code: Code | None) -> str:
    if code is None:
        return NOT_RECORDED
    if code.sha256 is None:
        return f"{NOT_RECORDED}: {code.reason}"
    return f"{code.files} {'file' if code.files == 1 else 'files'}, SHA-256 {code.sha256[:DIGEST_LETTERS]}"


def is_recorded(value: str) -> bool:
    """Whether the value of a fact says anything."""
    return not value.startswith(NOT_RECORDED)


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


def _workload(manifest: Manifest) -> dict[str, str]:
    experiment = manifest.experiment
    scenarios = {
        f"scenario {scenario.name}": _scenario(scenario, manifest.locustfile_sha256.get(scenario.name))
        for scenario in experiment.scenarios
    }
    return scenarios | {
        "loads": "; ".join(map(_load, experiment.loads)),
        "slices a block": str(experiment.passes),
        "slice": f"{experiment.slice_s:g} s or more, up to {experiment.max_slice_s:g} s",
        "warm-up": f"{experiment.warmup_s:g} s or more",
        "source of the load": _load_origin(manifest.load_origin),
    }


def _load_origin(origin: LoadOrigin | None) -> str:
    """Workers' machines without their names, in an order that does not depend on who joined first."""
    if origin is None:
        return NOT_RECORDED
    if not origin.workers:
        return f"generators on the machine of the stacks: {origin.generators}"
    machines = Counter(f"{worker.cpu_model}, {worker.cores} cores, {worker.kernel}" for worker in origin.workers)
    return "workers: " + "; ".join(f"{count} on {machine}" for machine, count in sorted(machines.items()))


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
