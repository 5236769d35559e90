"""Control groups, of version 1, version 2, or a mix of both: what a container has used, and our own CPU quota.

The files are described in the kernel's documentation, admin-guide/cgroup-v1 and admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bakeoff.stacks.protocol import Unknown, Usage

PROC = Path("/proc")

ELSEWHERE = Unknown("its container runs on another machine or in a virtual one")


@dataclass(frozen=True)
class Cgroup:
    """The control group of a container."""

    cpu: Path
    """Folder with ``cpuacct.usage`` (version 1) or ``cpu.stat`` (version 2)."""
    memory: Path
    """Folder with ``memory.stat``."""

    def usage(self) -> Usage | Unknown:
        """What its processes have used so far, ended ones included; unknown once the group is gone."""
        try:
            return Usage(
                cpu_s=self._cpu_s(),
                rss_bytes=self._memory_bytes(),
                processes=_line_count(self.cpu / "cgroup.procs"),
                threads=_line_count(self.cpu / ("tasks" if _is_version_1(self.cpu) else "cgroup.threads")),
            )
        except OSError as error:
            return Unknown(f"the control group of its container cannot be read ({error})")

    def has_processes(self) -> bool:
        """Whether any process is in the group; false once the group is gone."""
        try:
            return _line_count(self.cpu / "cgroup.procs") > 0
        except OSError:
            return False

    def _cpu_s(self) -> float:
        """Version 1 counts nanoseconds, version 2 microseconds."""
        if _is_version_1(self.cpu):
            return int((self.cpu / "cpuacct.usage").read_text()) / 1e9
        return _read_stat(self.cpu / "cpu.stat")["usage_usec"] / 1e6

    def _memory_bytes(self) -> int:
        """Anonymous pages and mapped files: resident set sizes, but pages that processes share count once."""
        stat = _read_stat(self.memory / "memory.stat")
        if _is_version_1(self.memory):
            return stat["total_rss"] + stat["total_mapped_file"]
        return stat["anon"] + stat["file_mapped"]


def cgroup_of(pid: int, container: str, proc: Path = PROC) -> Cgroup | Unknown:
    """The control group of a container in which ``pid`` runs, according to the engine.

    Unknown if that process is not on this machine or its group is not mounted here. An engine on another machine or in
    a virtual one (Docker Desktop) counts processes from its own 1, and an unrelated process here may have the same pid:
    so the path of the group must contain the container's id.
    """
    try:
        paths = _cgroup_paths((proc / str(pid) / "cgroup").read_text("utf-8"))
        mounts = _cgroup_mounts((proc / "self" / "mountinfo").read_text("utf-8"))
    except OSError:
        return ELSEWHERE
    if not any(container in path for path in paths.values()):
        return ELSEWHERE
    folders = {controller: _folder(controller, paths, mounts) for controller in ("cpuacct", "memory")}
    cpu, memory = folders["cpuacct"], folders["memory"]
    if cpu is None or memory is None:
        missing = next(controller for controller, folder in folders.items() if folder is None)
        return Unknown(f"the control group ({missing}) of its container is not mounted here")
    return Cgroup(cpu, memory)


def cpu_quota(proc: Path = PROC) -> float | None:
    """The CPU seconds that this process's control group lets it use in a second, by itself or by a group above it.

    ``None`` if no group that can be seen from here has a limit.
    """
    try:
        paths = _cgroup_paths((proc / "self" / "cgroup").read_text("utf-8"))
        mounts = _cgroup_mounts((proc / "self" / "mountinfo").read_text("utf-8"))
    except OSError:
        return None
    quotas = [quota for folder in _lineage("cpu", paths, mounts) if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def _quota(folder: Path) -> float | None:
    """``cpu.max`` (version 2) has microseconds or "max", and the period that they are for; version 1 has two files."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text("ascii").split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text("ascii") for name in ("quota", "period"))
    except OSError:
        return None  # The root has no such files.
    return None if quota == "max" or int(quota) < 0 else int(quota) / int(period)


@dataclass(frozen=True)
class _Mount:
    """A mounted hierarchy of control groups."""

    version: int
    point: Path
    root: str
    """The control group that is seen at the mount point."""
    controllers: frozenset[str]


def _cgroup_paths(text: str) -> dict[str, str]:
    """``/proc/PID/cgroup`` (cgroups(7)): a process's path in the hierarchy of each controller; "" is version 2."""
    paths: dict[str, str] = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    return paths


def _cgroup_mounts(text: str) -> list[_Mount]:
    """``/proc/PID/mountinfo`` (proc_pid_mountinfo(5)): fields 4 and 5 are root and mount point, "-" precedes a type."""
    mounts: list[_Mount] = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, *_, options = after.split()
        if kind in ("cgroup", "cgroup2"):
            version = 2 if kind == "cgroup2" else 1
            mounts.append(_Mount(version, Path(point), root, frozenset(options.split(","))))
    return mounts


def _folder(controller: str, paths: dict[str, str], mounts: list[_Mount]) -> Path | None:
    """The folder with a controller's files."""
    return next(_lineage(controller, paths, mounts), None)


def _lineage(controller: str, paths: dict[str, str], mounts: list[_Mount]) -> Iterator[Path]:
    """The folder with a controller's files, then those of the groups above it, as far as they are mounted.

    Version 2 has the controllers that version 1 has not mounted.
    """
    for mount in mounts:
        in_version_1 = mount.version == 1 and controller in mount.controllers and controller in paths
        in_version_2 = mount.version == 2 and controller not in paths and "" in paths
        if in_version_1 or in_version_2:
            path = Path(paths[controller if in_version_1 else ""])
            if path.is_relative_to(mount.root):
                below = path.relative_to(mount.root)
                yield from (mount.point / group for group in (below, *below.parents))
                return


def _is_version_1(folder: Path) -> bool:
    return (folder / "tasks").exists()


def _read_stat(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in path.read_text("utf-8").splitlines())
    return {key: int(value) for key, value in pairs}


def _line_count(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())
