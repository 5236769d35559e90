"""How a stack's work is spread over its processes, and what memory they hold."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.findings.workers import busiest_of_even, cpu_shares, memory, workers_grid
from bakeoff.model import ClosedLoad, ProcessUse, Record, Run, ServerUse, Stack
from tests.findings.changes import change, with_records

MIB = 2**20
STACK = Stack(name="threads", interface="wsgi", workers=2)


def use(*cpu_s: float, private_mib: int | None = None, pss_mib: int = 0) -> ServerUse:
    """What a stack used whose processes used so much CPU time and hold so much memory each."""
    processes = tuple(
        ProcessUse(pid=pid, cpu_s=used_s)
        if private_mib is None
        else ProcessUse(pid=pid, cpu_s=used_s, pss_bytes=pss_mib * MIB, private_bytes=private_mib * MIB)
        for pid, used_s in enumerate(cpu_s)
    )
    return ServerUse(
        cpu_s=sum(cpu_s), rss_bytes=0, processes=len(cpu_s), threads=1, others_cpu_s=0, by_process=processes
    )


def record(block: int, position: int, server: ServerUse | None) -> Record:
    """A slice of a block."""
    return Record(
        block=block, position=position, stack="threads", scenario="s", load=ClosedLoad(users=1), started_unix_s=0,
        window_s=1, warmup_s=0, server=server,
    )  # fmt: skip


def test_shares_are_those_of_all_slices_of_a_block_together() -> None:
    """One process did all of the first slice, another all of the second."""
    assert cpu_shares([record(0, 0, use(1, 0)), record(0, 1, use(0, 1))]) == (0.5, 0.5)


def test_processes_of_different_blocks_are_not_the_same_ones() -> None:
    """In each block one of two did three quarters of the work, whichever it was."""
    assert cpu_shares([record(0, 0, use(3, 1)), record(1, 0, use(1, 3))]) == (0.75, 0.25)


@given(st.lists(st.lists(st.floats(0.01, 10), min_size=1, max_size=6), min_size=1, max_size=5))
def test_shares_add_up_to_one_and_fall(blocks: list[list[float]]) -> None:
    """However many processes each block had."""
    shares = cpu_shares(record(number, 0, use(*cpu_s)) for number, cpu_s in enumerate(blocks))
    assert sum(shares) == pytest.approx(1)
    assert list(shares) == sorted(shares, reverse=True)


@pytest.mark.parametrize("server", [None, use(), use(0, 0)])
def test_where_nothing_was_recorded_there_are_no_shares(server: ServerUse | None) -> None:
    """Older runs do not tell, and an idle stack has none."""
    assert cpu_shares([record(0, 0, server)]) == ()


@pytest.mark.parametrize(
    ("shares", "workers", "expected"),
    [((0.5, 0.5), 2, 1.0), ((0.75, 0.25), 2, 1.5), ((0.5, 0.5, 0.0), 2, 1.0), ((1.0, 0.0), 1, None), ((), 2, None)],
)
def test_a_supervisor_is_no_idle_worker(shares: Sequence[float], workers: int, expected: float | None) -> None:
    """Only as many processes count as there are workers."""
    assert busiest_of_even(change(STACK, workers=workers), shares) == expected


def test_no_worker_is_called_the_busiest_where_another_process_may_be() -> None:
    """The HTTP process of uWSGI has as much to do as its workers."""
    assert busiest_of_even(change(STACK, server="uwsgi"), (0.4, 0.3, 0.3)) is None


def test_memory_is_what_is_private_to_a_worker_and_what_all_share() -> None:
    """Three processes of 10 MiB each, 8 of them private: 6 MiB are shared."""
    held = memory(STACK, [record(0, 0, use(1, 1, 0, private_mib=8, pss_mib=10))])
    assert held is not None
    assert (held.private_bytes, held.shared_bytes, held.total_bytes) == (8 * MIB, 6 * MIB, 30 * MIB)


def test_memory_that_was_not_observed_is_missing() -> None:
    """And not zero."""
    assert memory(STACK, [record(0, 0, use(1, 1))]) is None


def test_the_table_has_a_row_for_each_stack_that_was_seen(run: Run) -> None:
    """The memory of this one was not."""
    assert workers_grid(run).rows == ()
    grid = workers_grid(with_records(run, "flask-gunicorn-sync", server=use(0.3, 0.1, 0.1, 0.1, 0.0)))
    ((stack, shares, busiest, *_, together),) = grid.rows
    assert (stack.text, shares.text, busiest.text) == (
        "flask-gunicorn-sync",
        "50 %, 16.7 %, 16.7 %, 16.7 %, 0 %",
        "2.00 \N{MULTIPLICATION SIGN}",
    )
    assert together.reasons == ("not observed",)
