"""This machine: the facts that a run records of it, its CPUs, and what makes it a bad place to measure.

It belongs to the stacks because they need its CPUs and the list of packages before anything is calibrated.
"""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path

import psutil

from bakeoff.model import Machine

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
    "hdrhistogram",
    "numpy",
    "scipy",
)
"""Packages whose versions are recorded where they are installed: a result cannot be repeated without them."""

BUSY_LOAD = 0.7
"""One-minute load average per core above which other work disturbs the measurement."""


def split_cpus(generators: int = 1) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The CPUs of the servers and those of the generator: the first ones, one for each generator process.

    At least one is left to the servers. Both are empty, which means any CPU, where there is only one or the system
    cannot pin.
    """
    if not hasattr(os, "sched_getaffinity"):
        return (), ()
    cpus = tuple(sorted(os.sched_getaffinity(0)))
    count = min(generators, len(cpus) - 1)
    return (cpus[count:], cpus[:count]) if count else ((), ())


def describe_machine(generators: int = 1) -> Machine:
    """This machine as it is now, its CPUs split for so many generator processes."""
    server_cpus, generator_cpus = split_cpus(generators)
    return Machine(
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
        warnings=tuple(_warnings(pinned=bool(server_cpus))),
    )


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


def _warnings(*, pinned: bool) -> list[str]:
    """What makes this machine a worse place to measure, each with a remedy."""
    warnings: list[str] = []
    if not pinned:
        warnings.append(
            "servers and generator share the same CPUs and disturb each other; use Linux with two or more cores"
        )
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
