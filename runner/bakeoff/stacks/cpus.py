"""The CPUs that Bakeoff may use, the physical cores that they belong to, and which of them are whose."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

SYS = Path("/sys")

Cpus = tuple[int, ...]


def allowed_cpus() -> Cpus:
    """The CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def physical_cores(cpus: Sequence[int], sys: Path = SYS) -> tuple[Cpus, ...]:
    """Some CPUs, those that are threads of one physical core together; the core with the lowest CPU first.

    The siblings are in ``/sys`` (the kernel's Documentation/ABI/stable/sysfs-devices-system-cpu). Where they are not,
    as in some containers and off Linux, each CPU is taken for a core.
    """
    cores: dict[frozenset[int], list[int]] = {}
    for cpu in sorted(cpus):
        cores.setdefault(_siblings(cpu, sys), []).append(cpu)
    return tuple(map(tuple, cores.values()))


def split_cpus(generators: int = 1) -> tuple[Cpus, Cpus]:
    """The CPUs of the servers and those of so many generator processes; see `split`.

    Both are empty, which means any CPU, where the system cannot pin.
    """
    if not hasattr(os, "sched_setaffinity"):
        return (), ()
    return split(physical_cores(allowed_cpus()), generators)


def split(cores: Sequence[Cpus], generators: int) -> tuple[Cpus, Cpus]:
    """The CPUs of the servers and those of the generator, which gets one for each of its processes.

    The generator has whole physical cores, the first ones, as many as it has processes, but leaves one to the servers.
    Siblings of its CPUs that it does not need stay idle, because a server there would slow it down. Where there is
    only one physical core, they share it. Both are empty, which means any CPU, where there is only one CPU.
    """
    if len(cores) > 1:
        count = min(generators, len(cores) - 1)
        in_turn = [cpu for cpus in zip_longest(*cores[:count]) for cpu in cpus if cpu is not None]
        servers = (cpu for core in cores[count:] for cpu in core)
        return tuple(sorted(servers)), tuple(sorted(in_turn[:generators]))
    (cpus,) = cores
    count = min(generators, len(cpus) - 1)
    return (cpus[count:], cpus[:count]) if count else ((), ())


def _siblings(cpu: int, sys: Path) -> frozenset[int]:
    path = sys / f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
    try:
        return frozenset({cpu, *_parse_list(path.read_text("ascii"))})
    except (OSError, ValueError):
        return frozenset({cpu})


def _parse_list(text: str) -> list[int]:
    """CPUs in the kernel's list format: ``0,4`` or ``0-1``."""
    cpus: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus
