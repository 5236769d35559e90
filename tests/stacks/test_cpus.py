"""Servers and generator get physical cores of their own, where there are several."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stacks.cpus import Cpus, physical_cores, split


def fake_sys(folder: Path, **siblings: str) -> Path:
    """A ``/sys`` in which some CPUs (``cpu0``) have siblings."""
    for cpu, text in siblings.items():
        topology = folder / "devices/system/cpu" / cpu / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{text}\n", "ascii")
    return folder


def test_threads_of_a_core_are_found_together(tmp_path: Path) -> None:
    """In either form that the kernel writes them in."""
    sys = fake_sys(tmp_path, cpu0="0,2", cpu1="1,3", cpu2="0,2", cpu3="1,3", cpu4="4-5", cpu5="4-5")
    assert physical_cores([0, 1, 2, 3, 4, 5], sys) == ((0, 2), (1, 3), (4, 5))


def test_a_sibling_that_may_not_be_used_is_left_out(tmp_path: Path) -> None:
    sys = fake_sys(tmp_path, cpu0="0-1", cpu1="0-1", cpu2="2-3")
    assert physical_cores([0, 2], sys) == ((0,), (2,))


@pytest.mark.parametrize("text", ["", "nonsense"])
def test_cpus_of_an_unknown_core_are_taken_for_cores(tmp_path: Path, text: str) -> None:
    """As in a container without ``/sys``."""
    assert physical_cores([0, 1], fake_sys(tmp_path, cpu0=text)) == ((0,), (1,))


@pytest.mark.parametrize(
    ("cores", "generators", "expected"),
    [
        ([(0,)], 1, ((), ())),
        ([(0,), (1,)], 1, ((1,), (0,))),
        ([(0,), (1,)], 4, ((1,), (0,))),
        ([(0,), (1,), (2,), (3,)], 2, ((2, 3), (0, 1))),
        ([(0,), (1,), (2,), (3,)], 9, ((3,), (0, 1, 2))),
        ([(0, 4), (1, 5), (2, 6), (3, 7)], 1, ((1, 2, 3, 5, 6, 7), (0,))),
        ([(0, 4), (1, 5), (2, 6), (3, 7)], 2, ((2, 3, 6, 7), (0, 1))),
        ([(0, 2), (1, 3)], 2, ((1, 3), (0, 2))),
        ([(0, 1)], 1, ((1,), (0,))),
        ([(0, 1)], 2, ((1,), (0,))),
        ([(0, 1, 2, 3)], 2, ((2, 3), (0, 1))),
    ],
)
def test_each_generator_has_a_cpu_and_the_servers_have_a_core_at_least(
    cores: list[Cpus], generators: int, expected: tuple[Cpus, Cpus]
) -> None:
    """Where there are enough; more generators than CPUs share them, as all do on a single core."""
    assert split(cores, generators) == expected


@given(st.lists(st.integers(1, 4), min_size=2, max_size=8), st.integers(1, 10))
def test_servers_and_generator_never_share_one_of_several_cores(threads: list[int], generators: int) -> None:
    """And each has a CPU at least."""
    cores, first = [], 0
    for count in threads:
        cores.append(tuple(range(first, first + count)))
        first += count
    servers, generator = split(cores, generators)
    assert servers
    assert generator
    assert not any(set(core) & set(servers) and set(core) & set(generator) for core in cores)
