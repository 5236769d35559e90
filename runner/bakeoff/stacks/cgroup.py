"""What a container has used, read from its control group: version 1, version 2, or both at once.

The files are those of the kernel's documentation, admin-guide/cgroup-v1 and admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bakeoff.stacks.usage import Unknown, Usage

PROC = Path("/proc")


class CgroupHidden(Exception):
    """A control group that cannot be seen from here; says why."""


@dataclass(frozen=True)
class Mount:
    """A hierarchy of control groups, where it is mounted, and which of its folders is seen there."""

    version: int
    point: Path
    root: str
    controllers: frozenset[str]


@dataclass(frozen=True)
class Cgroup:
    """The control group of a container."""

    cpu: Path
    """Folder with ``cpuacct.usage`` (version 1) or ``cpu.stat`` (version 2)."""
    memory: Path
    """Folder with ``memory.stat``."""

    def usage(self) -> Usage | Unknown:
        """What its processes have used so far, those that have ended included; unknown once it is gone."""
        try:
            return Usage(
                cpu_s=self._cpu_s(),
                rss_bytes=self._memory_bytes(),
                processes=_lines(self.cpu / "cgroup.procs"),
                threads=_lines(self.cpu / ("tasks" if self._is_first(self.cpu) else "cgroup.threads")),
            )
        except OSError as error:
            return Unknown(f"the control group of its container cannot be read ({error})")

    def is_populated(self) -> bool:
        """Whether any process lives in it."""
        try:
            return _lines(self.cpu / "cgroup.procs") > 0
        except OSError:
            return False

    def _is_first(self, folder: Path) -> bool:
        return (folder / "tasks").exists()

    def _cpu_s(self) -> float:
        """Nanoseconds in version 1, microseconds in version 2."""
        if self._is_first(self.cpu):
            return int((self.cpu / "cpuacct.usage").read_text()) / 1e9
        return _stat(self.cpu / "cpu.stat")["usage_usec"] / 1e6

    def _memory_bytes(self) -> int:
        """Anonymous pages and mapped files: resident sets, but pages that processes share count once."""
        found = _stat(self.memory / "memory.stat")
        if self._is_first(self.memory):
            return found["total_rss"] + found["total_mapped_file"]
        return found["anon"] + found["file_mapped"]


def cgroup_of(pid: int, container: str, proc: Path = PROC) -> Cgroup:
    """The control group of a container, of which ``pid`` is a process by the engine's account.

    Raises:
        CgroupHidden: the process is not one of this machine, or its group is not mounted here. An engine on another
            machine or in a virtual one (Docker Desktop) counts its processes from its own 1, so a process of the same
            number may well exist here: its group has to carry the container's name.
    """
    try:
        paths = _paths((proc / str(pid) / "cgroup").read_text("utf-8"))
        mounts = _mounts((proc / "self" / "mountinfo").read_text("utf-8"))
    except OSError:
        raise CgroupHidden("its container runs on another machine or in a virtual one") from None
    if not any(container in path for path in paths.values()):
        raise CgroupHidden("its container runs on another machine or in a virtual one")
    return Cgroup(cpu=_folder("cpuacct", paths, mounts), memory=_folder("memory", paths, mounts))


def _paths(text: str) -> dict[str, str]:
    """The path of a process in each hierarchy, by controller; under "" that of version 2 (cgroups(7))."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        found |= dict.fromkeys(controllers.split(","), path)
    return found


def _mounts(text: str) -> list[Mount]:
    """The mounted hierarchies (proc_pid_mountinfo(5)): fields 4 and 5 are root and mount point, "-" precedes a type."""
    found: list[Mount] = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = after.split(maxsplit=2)
        if kind in ("cgroup", "cgroup2"):
            version = 2 if kind == "cgroup2" else 1
            found.append(Mount(version, Path(point), root, frozenset(options.split(","))))
    return found


def _folder(controller: str, paths: dict[str, str], mounts: list[Mount]) -> Path:
    """Where a controller's files are. A controller that version 1 does not have mounted is version 2's."""
    for mount in mounts:
        own = mount.version == 1 and controller in mount.controllers and controller in paths
        unified = mount.version == 2 and controller not in paths and "" in paths
        if own or unified:
            inside = Path(paths[controller if own else ""])
            if inside.is_relative_to(mount.root):
                return mount.point / inside.relative_to(mount.root)
    raise CgroupHidden(f"the control group ({controller}) of its container is not mounted here")


def _stat(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in path.read_text("utf-8").splitlines())
    return {key: int(value) for key, value in pairs}


def _lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())
