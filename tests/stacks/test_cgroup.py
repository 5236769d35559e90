"""What a container used is read from its control group, whichever version the kernel has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.stacks.cgroup import Cgroup, CgroupHidden, cgroup_of
from bakeoff.stacks.usage import Unknown, Usage

ID = "8ae176939e751c638786fa8bd37288cf5d651b2443018ae784dbafe1076ed48d"
MIB = 2**20


class Machine:
    """A made-up machine: its /proc, and hierarchies mounted below a folder."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self._folder = folder
        self._mounts: list[str] = []

    def mount(self, name: str, kind: str, options: str, root: str = "/") -> Path:
        point = self._folder / name
        self._mounts.append(f"31 23 0:26 {root} {point} rw,nosuid shared:9 - {kind} {kind} {options}")
        (self.proc / "self").mkdir(parents=True, exist_ok=True)
        (self.proc / "self" / "mountinfo").write_text("\n".join(self._mounts), "utf-8")
        return point

    def process(self, pid: int, *lines: str) -> None:
        (self.proc / str(pid)).mkdir(parents=True)
        (self.proc / str(pid) / "cgroup").write_text("\n".join(lines), "utf-8")


def write(folder: Path, **files: str) -> None:
    """The files of a control group; a double underscore stands for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")


def first_version(folder: Path) -> Machine:
    machine = Machine(folder)
    cpu = machine.mount("cpu,cpuacct", "cgroup", "rw,cpu,cpuacct") / "docker" / ID
    memory = machine.mount("memory", "cgroup", "rw,memory") / "docker" / ID
    machine.process(7, f"4:memory:/docker/{ID}", f"2:cpu,cpuacct:/docker/{ID}", "1:name=systemd:/", "0::/")
    write(cpu, cpuacct__usage="1601173698\n", cgroup__procs="7\n8\n", tasks="7\n8\n9\n")
    stat = f"cache {9 * MIB}\nrss 1\ntotal_rss {30 * MIB}\ntotal_mapped_file {2 * MIB}\n"
    write(memory, memory__stat=stat, tasks="7\n8\n9\n")
    return machine


def second_version(folder: Path, root: str = "/") -> Machine:
    machine = Machine(folder)
    group = machine.mount("unified", "cgroup2", "rw,nsdelegate", root) / "system.slice" / f"docker-{ID}.scope"
    machine.process(7, f"0::{root.rstrip('/')}/system.slice/docker-{ID}.scope")
    write(
        group,
        cpu__stat="usage_usec 1601173\nuser_usec 1\nsystem_usec 2\n",
        memory__stat=f"anon {30 * MIB}\nfile {9 * MIB}\nfile_mapped {2 * MIB}\n",
        cgroup__procs="7\n8\n",
        cgroup__threads="7\n8\n9\n",
    )
    return machine


def test_the_first_version_counts_nanoseconds(tmp_path: Path) -> None:
    used = cgroup_of(7, ID, first_version(tmp_path).proc).usage()
    assert used == Usage(cpu_s=1.601173698, rss_bytes=32 * MIB, processes=2, threads=3)


@pytest.mark.parametrize("root", ["/", "/outer"])
def test_the_second_version_counts_microseconds_wherever_its_root_is(tmp_path: Path, root: str) -> None:
    used = cgroup_of(7, ID, second_version(tmp_path, root).proc).usage()
    assert used == Usage(cpu_s=1.601173, rss_bytes=32 * MIB, processes=2, threads=3)


def test_a_controller_that_only_one_version_has_is_read_from_that(tmp_path: Path) -> None:
    """A hybrid: memory by the first version, CPU by the second."""
    machine = second_version(tmp_path)
    memory = machine.mount("memory", "cgroup", "rw,memory") / "docker" / ID
    write(memory, memory__stat=f"total_rss {5 * MIB}\ntotal_mapped_file 0\n", tasks="7\n")
    machine.process(9, f"4:memory:/docker/{ID}", f"0::/system.slice/docker-{ID}.scope")
    used = cgroup_of(9, ID, machine.proc).usage()
    assert isinstance(used, Usage)
    assert (used.cpu_s, used.rss_bytes) == (1.601173, 5 * MIB)


def test_a_process_that_happens_to_have_the_number_is_not_taken_for_the_container(tmp_path: Path) -> None:
    """An engine in a virtual machine counts its processes from its own 1."""
    with pytest.raises(CgroupHidden, match="another machine"):
        cgroup_of(7, "0" * 64, second_version(tmp_path).proc)


def test_a_process_that_does_not_exist_here_is_hidden(tmp_path: Path) -> None:
    with pytest.raises(CgroupHidden, match="another machine"):
        cgroup_of(8, ID, second_version(tmp_path).proc)


def test_a_group_outside_of_what_is_mounted_is_hidden(tmp_path: Path) -> None:
    """As when Bakeoff itself runs in a container."""
    machine = Machine(tmp_path)
    machine.mount("unified", "cgroup2", "rw", "/another")
    machine.process(7, f"0::/docker/{ID}")
    with pytest.raises(CgroupHidden, match="not mounted here"):
        cgroup_of(7, ID, machine.proc)


def test_a_group_that_is_gone_has_unknown_use_and_no_processes(tmp_path: Path) -> None:
    """Never zero: a container that was killed has not used nothing."""
    gone = Cgroup(cpu=tmp_path / "gone", memory=tmp_path / "gone")
    assert isinstance(gone.usage(), Unknown)
    assert not gone.is_populated()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a control group")
def test_the_kernels_own_account_of_a_process_is_read(tmp_path: Path) -> None:
    """A child burns CPU time in a real group of version 2, and the group tells as much as the child itself."""
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
        here = Cgroup(cpu=group, memory=tmp_path)
        before = here.usage()
        assert isinstance(before, Usage)
        assert (before.processes, before.threads) == (1, 1)
        child.communicate("x")
        after = here.usage()
        assert isinstance(after, Usage)
        assert 0.2 < after.cpu_s - before.cpu_s < 0.6
    finally:
        group.rmdir()
