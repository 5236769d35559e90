"""This machine: the facts that a run records of it, its CPUs, and what makes it a bad place to measure.

It belongs to the stacks because they need its CPUs and the list of packages before anything is calibrated.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import msgspec
import psutil

from bakeoff.model import Machine
from bakeoff.stacks.cgroup import cpu_quota
from bakeoff.stacks.cpus import allowed_cpus, physical_cores, split_cpus

PACKAGES = (
    "bakeoff",
    "locust",
    "gevent",
    "gunicorn",
    "uvicorn",
    "uvloop",
    "httptools",
    "flask",
    "werkzeug",
    "fastapi",
    "starlette",
    "granian",
    "hypercorn",
    "waitress",
    "pyuwsgi",
    "cheroot",
    "daphne",
    "twisted",
    "fastpysgi",
    "h11",
    "django",
    "falcon",
    "litestar",
    "quart",
    "hdrhistogram",
    "numpy",
    "scipy",
)
"""Packages whose versions are recorded where they are installed: a result cannot be repeated without them."""

BUSY_LOAD = 0.7
"""One-minute load average per core above which other work disturbs the measurement."""


def describe_machine(generators: int = 1) -> Machine:
    """This machine as it is now, its CPUs split for so many generator processes."""
    server_cpus, generator_cpus = split_cpus(generators)
    machine = Machine(
        hostname=platform.node(),
        system=_system(),
        kernel=platform.release(),
        cpu_model=_cpu_model(),
        cores=os.cpu_count() or 1,
        memory_bytes=int(psutil.virtual_memory().total),
        python=platform.python_version(),
        server_cpus=server_cpus,
        generator_cpus=generator_cpus,
        versions=_versions(),
        physical_cores=physical_cores(allowed_cpus()),
        cpu_quota=cpu_quota(),
    )
    return msgspec.structs.replace(machine, warnings=(*cpu_warnings(machine), *_warnings()))


def _versions() -> dict[str, str]:
    versions: dict[str, str] = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _cpu_model() -> str:
    text = _read("/proc/cpuinfo") or ""
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match.group(1) if match else platform.processor() or platform.machine()


def cpu_warnings(machine: Machine) -> Iterator[str]:
    """What is wrong with the CPUs that Bakeoff has here, each with a remedy."""
    if not machine.server_cpus:
        yield "servers and generator share the same CPUs and disturb each other; use Linux with two or more cores"
    if machine.shares_a_core:
        yield (
            "servers and generator run on threads of one physical core and slow each other down; use a machine "
            "with two or more of them"
        )
    if machine.cpu_quota is not None and machine.cpu_quota < machine.usable_cpus:
        yield (
            f"a quota allows {machine.cpu_quota:.3g} CPU seconds a second on {machine.usable_cpus} CPUs; once that is "
            "used up, servers and generator stand still for a moment, which disturbs latencies; lift the quota (docker "
            "run --cpus, cpu.max), and limit CPUs by a cpuset instead (docker run --cpuset-cpus)"
        )


def _warnings() -> list[str]:
    """What else makes this machine a worse place to measure, each with a remedy."""
    warnings: list[str] = []
    load_per_core = os.getloadavg()[0] / (os.cpu_count() or 1)
    if load_per_core > BUSY_LOAD:
        warnings.append(
            f"the machine was busy before the run (load average {load_per_core:.1f} per core); stop other programs"
        )
    governor = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor and governor != "performance":
        warnings.append(f"the CPU governor is {governor!r}; set it with: cpupower frequency-set -g performance")
    return warnings


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError:
        return None
