"""Facts of this machine: what it is, which CPUs go to whom, and what makes it a bad place to measure."""

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
BUSY_LOAD = 0.7
"""One-minute load average per core above which something else is running here."""


def cpu_sets(generators: int = 1) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(servers, generator): each generator process gets one of the first CPUs, the servers share all others.

    The servers have one at least. Both are empty, for "anywhere", where there is one CPU or the system cannot pin.
    """
    if not hasattr(os, "sched_getaffinity"):
        return (), ()
    cpus = tuple(sorted(os.sched_getaffinity(0)))
    ours = min(generators, len(cpus) - 1)
    return (cpus[ours:], cpus[:ours]) if ours else ((), ())


def describe(generators: int = 1) -> Machine:
    """This machine as it is now, with CPUs for so many generator processes."""
    servers, generator = cpu_sets(generators)
    return Machine(
        hostname=platform.node(),
        system=_system(),
        kernel=platform.release(),
        cpu_model=_cpu_model(),
        cores=os.cpu_count() or 1,
        memory_bytes=int(psutil.virtual_memory().total),
        python=platform.python_version(),
        server_cpus=servers,
        generator_cpus=generator,
        versions=_versions(),
        warnings=tuple(_warnings(bool(servers))),
    )


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _cpu_model() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or platform.machine()


def _warnings(pinned: bool) -> list[str]:
    warnings: list[str] = []
    if not pinned:
        warnings.append(
            "server and generator share their CPUs and disturb each other; use Linux with two or more cores"
        )
    per_core = os.getloadavg()[0] / (os.cpu_count() or 1)
    if per_core > BUSY_LOAD:
        warnings.append(f"the machine was busy before the run (load {per_core:.1f} a core); stop what else is running")
    governor = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor and governor != "performance":
        warnings.append(f"the CPU governor is {governor!r}; set it with: cpupower frequency-set -g performance")
    return warnings


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError:
        return None
