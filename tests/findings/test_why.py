"""What binds each row, and which mistakes show; nothing is claimed without its evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from bakeoff.findings import diagnoses, fairness, why
from bakeoff.model import ALL_ENDPOINTS, Bound, Condition, Result, Run
from tests.report.made_up import RATE, SHARES, USERS, estimate

change = msgspec.structs.replace
CLOSED = Condition("bakery", USERS)


def with_row(run: Run, stack: str, **fields: Any) -> Run:
    """The run, with other numbers for one stack under the closed load."""

    def changed(row: Result) -> Result:
        wanted = (row.stack, row.load, row.endpoint) == (stack, USERS, ALL_ENDPOINTS)
        return change(row, **fields) if wanted else row

    return replace(run, summary=change(run.summary, results=tuple(changed(row) for row in run.summary.results)))


def with_blocks(run: Run, **fields: Any) -> Run:
    """The run, with other facts in each block."""
    return replace(run, blocks=tuple(change(block, **fields) for block in run.blocks))


def unloaded(run: Run, stack: str, latency_s: float) -> Run:
    """The run, with the latency that a stack had without load."""
    return with_blocks(run, unloaded_s={stack: dict.fromkeys(SHARES, latency_s)})


def threaded(run: Run, stack: str, threads: int) -> Run:
    """The run, with so many threads seen in one process of a stack."""

    def changed(block: Any) -> Any:
        records = tuple(
            change(one, server=change(one.server, processes=1, threads=threads)) if one.stack == stack else one
            for one in block.records
        )
        return change(block, records=records)

    return replace(run, blocks=tuple(changed(block) for block in run.blocks))


def named(run: Run) -> set[tuple[str, str]]:
    """Which stack was diagnosed with what."""
    return {(each.stack, each.name) for each in diagnoses.diagnoses(run)}


# --- what binds ------------------------------------------------------------------------------------------------------


def told(run: Run, stack: str) -> why.Why:
    """A stack under the closed load, explained."""
    return next(each for each in why.explained(run, CLOSED) if each.stack == stack)


def test_a_stack_at_its_slots_is_told_with_the_arithmetic(run: Run) -> None:
    """And with what would move the limit: enough threads for every user."""
    found = told(run, "flask-gunicorn-sync")
    assert found.binds == "All 4 workers busy: 4 slots / 43.6 ms a request = 91.7 requests/s; measured 89.4."
    assert found.change.startswith("16 threads a worker, or an async stack; the next limit is then ")


def test_a_stack_at_its_cpu_is_not_told_to_take_more_threads(run: Run) -> None:
    """They would only wait for the core."""
    at_cpu = with_row(run, "fastapi-uvicorn", throughput_rps=estimate(1000.0))
    found = told(at_cpu, "fastapi-uvicorn")
    assert found.binds == "One core busy: 1 core / 0.940 ms of CPU a request = 1,064 requests/s; measured 1,000."
    assert "More threads or users would not help" in found.change


def test_a_stack_below_its_bound_is_not_explained_by_it(run: Run) -> None:
    """How busy its cores were is said instead."""
    found = told(run, "fastapi-uvicorn")
    assert found.binds.startswith("Not at its limit: ")
    assert "76.7 % of its one core busy" in found.binds


def test_an_open_load_that_was_answered_is_its_own_bound(run: Run) -> None:
    """Nothing held the stack back."""
    found = next(iter(why.explained(run, Condition("bakery", RATE))))
    assert found.binds == "Close to what the load allows: no more than 50.0 requests/s were asked for; measured 50.1."


def test_a_withheld_row_is_not_explained(failed_stack: Run) -> None:
    """There is nothing to explain."""
    assert "fastapi-uvicorn" not in {each.stack for each in why.explained(failed_stack, CLOSED)}


# --- diagnoses -------------------------------------------------------------------------------------------------------


def test_sync_workers_under_many_users_have_too_few_threads(run: Run) -> None:
    """At the bound of their slots with the core idle; the evidence has both numbers."""
    (found,) = (each for each in diagnoses.diagnoses(run) if each.name == "too few threads")
    assert found.stack == "flask-gunicorn-sync"
    assert "4 / 43.6 ms = 91.7 requests/s; measured 89.4" in found.evidence
    assert found.remedy.startswith("16 threads a worker")


def test_slots_that_wait_for_the_core_are_not_too_few(run: Run) -> None:
    """More threads would not help a core that is busy already."""
    busy = with_row(run, "flask-gunicorn-sync", cpu_ms_per_request=estimate(10.5))
    assert ("flask-gunicorn-sync", "too few threads") not in named(busy)


def blocked(run: Run) -> Run:
    """An async stack whose one worker serves one request of 40 ms at a time."""
    slow = with_row(run, "fastapi-uvicorn", throughput_rps=estimate(24.6), bound=Bound(rps=1064.0, by="cpu"))
    return unloaded(slow, "fastapi-uvicorn", 0.040)


def test_an_async_stack_that_serves_one_at_a_time_blocks(run: Run) -> None:
    """64 users, one at a time, CPU idle."""
    (found,) = (each for each in diagnoses.diagnoses(blocked(run)) if each.stack == "fastapi-uvicorn")
    assert found.name == "a blocking call inside async def"
    assert "served 24.6 requests/s" in found.evidence
    assert "(1 / 40.0 ms = 25.0)" in found.evidence


@pytest.mark.parametrize(
    "healthy",
    [
        pytest.param(lambda run: with_row(blocked(run), "fastapi-uvicorn", throughput_rps=estimate(60.0)), id="faster"),
        pytest.param(
            lambda run: with_row(blocked(run), "fastapi-uvicorn", cpu_ms_per_request=estimate(38.0)), id="busy"
        ),
        pytest.param(lambda run: with_blocks(blocked(run), unloaded_s={}), id="unloaded latency unknown"),
    ],
)
def test_without_its_evidence_nothing_is_called_blocking(run: Run, healthy: Any) -> None:
    """More than one at a time, a busy core, or no latency to compare with."""
    assert ("fastapi-uvicorn", "a blocking call inside async def") not in named(healthy(run))


def test_a_pool_of_threads_that_is_used_up_is_told(run: Run) -> None:
    """40 threads for 64 users, each held for 60 ms."""
    pool = unloaded(threaded(run, "fastapi-uvicorn", 41), "fastapi-uvicorn", 0.060)
    slow = with_row(pool, "fastapi-uvicorn", throughput_rps=estimate(640.0), cpu_ms_per_request=estimate(0.5))
    assert ("fastapi-uvicorn", "too few threads in the pool") in named(slow)
    assert ("fastapi-uvicorn", "too few threads in the pool") not in named(threaded(slow, "fastapi-uvicorn", 4))


def test_connections_that_are_closed_are_counted(run: Run) -> None:
    """Only for the stack that closes them."""
    found = [each for each in diagnoses.diagnoses(run) if each.name == "connections not reused"]
    assert [each.stack for each in found] == ["flask-gunicorn-sync"]
    assert "0 % of the requests went over one already open" in found[0].evidence


def test_a_throughput_near_the_generators_ceiling_is_called_that(run: Run) -> None:
    """The certificate has the ceiling."""
    low = change(run.summary.generator, closed_ceiling_rps=900.0)
    near = replace(run, summary=change(run.summary, generator=low))
    found = {each.stack: each.evidence for each in diagnoses.diagnoses(near) if "ceiling" in each.name}
    assert set(found) == {"flask-gunicorn-gthread", "fastapi-uvicorn", "fastapi-gunicorn-asgi"}
    assert "the generator itself ends at 900" in found["fastapi-uvicorn"]


def test_each_mistake_is_told_once_for_each_stack(run: Run) -> None:
    """At the load that shows it best, not at every load."""
    found = diagnoses.diagnoses(run)
    assert len(found) == len(named(run))


# --- fairness --------------------------------------------------------------------------------------------------------


def test_loop_and_parser_are_those_that_were_loaded(run: Run) -> None:
    """Whatever the settings say."""
    seen = {"fastapi-uvicorn": ("httptools", "uvloop"), "fastapi-gunicorn-asgi": ("pydantic_core",)}
    found = {one.stack.name: one for one in fairness.conditions(with_blocks(run, extensions=seen))}
    uvicorn, gunicorn = found["fastapi-uvicorn"], found["fastapi-gunicorn-asgi"]
    assert (uvicorn.loop, uvicorn.parser) == ("uvloop", "httptools")
    assert (gunicorn.loop, gunicorn.parser) == ("asyncio", "gunicorn's own")
    assert (found["flask-gunicorn-sync"].loop, found["flask-gunicorn-sync"].parser) == (None, None)


def test_stacks_with_different_loops_are_named(run: Run) -> None:
    """Only among those that have a loop."""
    seen = {"fastapi-uvicorn": ("uvloop",), "fastapi-gunicorn-asgi": (), "flask-gunicorn-sync": ()}
    (sentence,) = (
        each for each in fairness.mismatches(with_blocks(run, extensions=seen)) if each.startswith("Event loops")
    )
    assert sentence.endswith("uvloop for fastapi-uvicorn; asyncio for fastapi-gunicorn-asgi.")


def test_what_nobody_observed_is_no_mismatch(run: Run) -> None:
    """Older runs have no word about loops."""
    assert not any(each.startswith(("Event loops", "HTTP parsers")) for each in fairness.mismatches(run))
