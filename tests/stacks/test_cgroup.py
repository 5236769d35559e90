"""What a container used is read from its control group, whichever version the kernel has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.stacks import Unknown, Usage
from bakeoff.stacks.cgroup import Cgroup, cgroup_of, cpu_quota

CONTAINER = "8ae176939e751c638786fa8bd37288cf5d651b2443018ae784dbafe1076ed48d"
MIB = 2**20


class FakeProc:
    """A ``/proc`` with processes and mounted hierarchies, all below one folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "proc"
        self._folder = folder
        self._mounts: list[str] = []

    def mount(self, name: str, kind: str, options: str, root: str = "/") -> Path:
        point = self._folder / name
        self._mounts.append(f"31 23 0:26 {root} {point} rw,nosuid shared:9 - {kind} {kind} {options}")
        (self.path / "self").mkdir(parents=True, exist_ok=True)
        (self.path / "self" / "mountinfo").write_text("\n".join(self._mounts), "utf-8")
        return point

    def add_process(self, pid: int, *lines: str) -> None:
        (self.path / str(pid)).mkdir(parents=True)
        (self.path / str(pid) / "cgroup").write_text("\n".join(lines), "utf-8")


def write(folder: Path, **files: str) -> None:
    """Write the files of a control group; a double underscore in a name is a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")


def version_1(folder: Path) -> FakeProc:
    """Process 7 is in the container's group of version 1."""
    proc = FakeProc(folder)
    cpu = proc.mount("cpu,cpuacct", "cgroup", "rw,cpu,cpuacct") / "docker" / CONTAINER
    memory = proc.mount("memory", "cgroup", "rw,memory") / "docker" / CONTAINER
    proc.add_process(
        7, f"4:memory:/docker/{CONTAINER}", f"2:cpu,cpuacct:/docker/{CONTAINER}", "1:name=systemd:/", "0::/"
    )
    write(cpu, cpuacct__usage="1601173698\n", cgroup__procs="7\n8\n", tasks="7\n8\n9\n")
    stat = f"cache {9 * MIB}\nrss 1\ntotal_rss {30 * MIB}\ntotal_mapped_file {2 * MIB}\n"
    write(memory, memory__stat=stat, tasks="7\n8\n9\n")
    return proc


def version_2(folder: Path, root: str = "/") -> FakeProc:
    """Process 7 is in the container's group of version 2."""
    proc = FakeProc(folder)
    group = proc.mount("unified", "cgroup2", "rw,nsdelegate", root) / "system.slice" / f"docker-{CONTAINER}.scope"
    proc.add_process(7, f"0::{root.rstrip('/')}/system.slice/docker-{CONTAINER}.scope")
    write(
        group,
        cpu__stat="usage_usec 1601173\nuser_usec 1\nsystem_usec 2\n",
        memory__stat=f"anon {30 * MIB}\nfile {9 * MIB}\nfile_mapped {2 * MIB}\n",
        cgroup__procs="7\n8\n",
        cgroup__threads="7\n8\n9\n",
    )
    return proc


def usage_of(pid: int, proc: FakeProc) -> Usage | Unknown:
    """What the container of a process has used."""
    group = cgroup_of(pid, CONTAINER, proc.path)
    assert isinstance(group, Cgroup)
    return group.usage()


def test_version_1_counts_nanoseconds(tmp_path: Path) -> None:
    usage = usage_of(7, version_1(tmp_path))
    assert usage == Usage(cpu_s=1.601173698, rss_bytes=32 * MIB, processes=2, threads=3)


@pytest.mark.parametrize("root", ["/", "/outer"])
def test_version_2_counts_microseconds_wherever_its_root_is(tmp_path: Path, root: str) -> None:
    usage = usage_of(7, version_2(tmp_path, root))
    assert usage == Usage(cpu_s=1.601173, rss_bytes=32 * MIB, processes=2, threads=3)


def test_a_controller_that_only_one_version_has_is_read_from_that(tmp_path: Path) -> None:
    """A hybrid: memory by version 1, CPU by version 2."""
    proc = version_2(tmp_path)
    memory = proc.mount("memory", "cgroup", "rw,memory") / "docker" / CONTAINER
    write(memory, memory__stat=f"total_rss {5 * MIB}\ntotal_mapped_file 0\n", tasks="7\n")
    proc.add_process(9, f"4:memory:/docker/{CONTAINER}", f"0::/system.slice/docker-{CONTAINER}.scope")
    usage = usage_of(9, proc)
    assert isinstance(usage, Usage)
    assert (usage.cpu_s, usage.rss_bytes) == (1.601173, 5 * MIB)


def test_a_process_of_the_same_pid_outside_the_container_is_not_taken_for_it(tmp_path: Path) -> None:
    """An engine in a virtual machine counts its processes from its own 1."""
    group = cgroup_of(7, "0" * 64, version_2(tmp_path).path)
    assert group == Unknown("its container runs on another machine or in a virtual one")


def test_a_process_that_does_not_exist_here_is_unknown(tmp_path: Path) -> None:
    group = cgroup_of(8, CONTAINER, version_2(tmp_path).path)
    assert group == Unknown("its container runs on another machine or in a virtual one")


def test_a_group_outside_of_what_is_mounted_is_unknown(tmp_path: Path) -> None:
    """As when Bakeoff itself runs in a container."""
    proc = FakeProc(tmp_path)
    proc.mount("unified", "cgroup2", "rw", "/another")
    proc.add_process(7, f"0::/docker/{CONTAINER}")
    group = cgroup_of(7, CONTAINER, proc.path)
    assert group == Unknown("the control group (cpuacct) of its container is not mounted here")


def test_a_group_that_is_gone_has_unknown_usage_and_no_processes(tmp_path: Path) -> None:
    """Unknown is never zero."""
    gone = Cgroup(cpu=tmp_path / "gone", memory=tmp_path / "gone")
    assert isinstance(gone.usage(), Unknown)
    assert not gone.has_processes()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a control group")
def test_the_kernel_accounts_the_cpu_time_of_a_process_to_its_group(tmp_path: Path) -> None:
    """A child uses 0.3 s of CPU time in a real group of version 2."""
    mounts = Path("/proc/mounts").read_text("utf-8").splitlines()
    mount = next((Path(line.split()[1]) for line in mounts if " cgroup2 " in line), None)
    if mount is None:
        pytest.skip("control groups of version 2 are not mounted here")
    group = mount / f"bakeoff-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"control groups of version 2 are read-only here: {error}")
    try:
        write(tmp_path, memory__stat="anon 0\nfile_mapped 0\n")
        burn = "import sys, time; sys.stdin.read(1)\nwhile time.process_time() < 0.3: pass\nprint(time.process_time())"
        child = subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        (group / "cgroup.procs").write_text(str(child.pid))
        cgroup = Cgroup(cpu=group, memory=tmp_path)
        before = cgroup.usage()
        assert isinstance(before, Usage)
        assert (before.processes, before.threads) == (1, 1)
        child.communicate("x")
        after = cgroup.usage()
        assert isinstance(after, Usage)
        assert 0.2 < after.cpu_s - before.cpu_s < 0.6
    finally:
        group.rmdir()


# --- our own CPU quota ------------------------------------------------------------------------------------------------


def in_group(proc: FakeProc, *lines: str) -> Path:
    """This process is in some groups; where ``/proc`` is."""
    (proc.path / "self" / "cgroup").write_text("\n".join(lines), "utf-8")
    return proc.path


def test_a_quota_of_version_2_is_the_lowest_of_the_group_and_those_above(tmp_path: Path) -> None:
    """A limit on the slice of a user limits every session in it."""
    proc = FakeProc(tmp_path)
    root = proc.mount("unified", "cgroup2", "rw")
    write(root / "user.slice" / "session", cpu__max="max 100000\n")
    write(root / "user.slice", cpu__max="150000 100000\n")
    write(root, cgroup__procs="")
    assert cpu_quota(in_group(proc, "0::/user.slice/session")) == 1.5


@pytest.mark.parametrize(("quota", "expected"), [("50000", 0.5), ("-1", None)])
def test_a_quota_of_version_1_is_over_its_period(tmp_path: Path, quota: str, expected: float | None) -> None:
    """As Docker sets it: the container's group is the root of what is mounted in it."""
    proc = FakeProc(tmp_path)
    root = proc.mount("cpu,cpuacct", "cgroup", "rw,cpu,cpuacct", root=f"/docker/{CONTAINER}")
    write(root, cpu__cfs_quota_us=quota, cpu__cfs_period_us="100000", tasks="")
    assert cpu_quota(in_group(proc, f"2:cpu,cpuacct:/docker/{CONTAINER}", "0::/")) == expected


def test_a_container_with_a_namespace_of_its_own_sees_its_quota_at_the_root(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    write(proc.mount("unified", "cgroup2", "rw"), cpu__max="200000 50000\n")
    assert cpu_quota(in_group(proc, "0::/")) == 4.0


def test_without_control_groups_no_quota_is_known(tmp_path: Path) -> None:
    """As on macOS, or with another group's part of the tree mounted."""
    assert cpu_quota(tmp_path / "proc") is None
    proc = FakeProc(tmp_path)
    proc.mount("unified", "cgroup2", "rw", root="/another")
    assert cpu_quota(in_group(proc, "0::/own")) is None
