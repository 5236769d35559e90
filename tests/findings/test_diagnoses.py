"""Common mistakes: each shows with its evidence, and only then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bakeoff.findings.diagnoses import DIAGNOSES, diagnoses
from bakeoff.model import Bound, Finding, ProcessUse, Run, ServerUse
from tests.findings.changes import (
    change,
    with_blocks,
    with_records,
    with_row,
    with_summary,
    with_threads,
    with_unloaded_latency,
)
from tests.report.made_up import estimate

Change = Callable[[Run], Run]


def named(run: Run) -> set[tuple[str | None, str]]:
    """Which stack was diagnosed with what."""
    return {(finding.stack, finding.name) for finding in diagnoses(run)}


def blocked(run: Run) -> Run:
    """An async stack whose one worker serves one request of 40 ms at a time."""
    slow = with_row(run, "fastapi-uvicorn", throughput_rps=estimate(24.6), bound=Bound(rps=1064.0, by="cpu"))
    return with_unloaded_latency(slow, "fastapi-uvicorn", 0.040)


def pooled(run: Run) -> Run:
    """An async stack whose 40 threads hold each request for 60 ms."""
    threads = with_unloaded_latency(with_threads(run, "fastapi-uvicorn", 41), "fastapi-uvicorn", 0.060)
    return with_row(threads, "fastapi-uvicorn", throughput_rps=estimate(640.0), cpu_ms_per_request=estimate(0.5))


def near_ceiling(run: Run) -> Run:
    """A run whose generator could drive only 900 requests a second."""
    return with_summary(run, generator=change(run.summary.generator, closed_ceiling_rps=900.0))


def with_reuse(run: Run, stack: str, ratio: float) -> Run:
    """A run in which a stack reused its connections, under every load."""
    rows = (change(row, reuse_ratio=ratio) if row.stack == stack else row for row in run.summary.results)
    return with_summary(run, results=tuple(rows))


def with_requests(run: Run, stack: str, requests: int) -> Run:
    """A run in which a stack got so many requests, under every load."""
    rows = (change(row, requests=requests) if row.stack == stack else row for row in run.summary.results)
    return with_summary(run, results=tuple(rows))


def with_cpu_times(run: Run, *cpu_s: float) -> Run:
    """A run in which the processes of gunicorn's four sync workers, and their arbiter, used so much CPU time."""
    processes = tuple(ProcessUse(pid=pid, cpu_s=used_s) for pid, used_s in enumerate(cpu_s))
    use = ServerUse(
        cpu_s=sum(cpu_s), rss_bytes=1, processes=len(cpu_s), threads=5, others_cpu_s=0, by_process=processes
    )
    return with_records(run, "flask-gunicorn-sync", server=use)


SICK: dict[str, tuple[str, Change]] = {
    "a blocking call inside async def": ("fastapi-uvicorn", blocked),
    "too few threads in the pool": ("fastapi-uvicorn", pooled),
    "too few threads": ("flask-gunicorn-sync", lambda run: run),
    "connections not reused": ("flask-gunicorn-sync", lambda run: run),
    "uneven workers": ("flask-gunicorn-sync", lambda run: with_cpu_times(run, 0.3, 0.1, 0.1, 0.1)),
    "the load generator at its ceiling": ("fastapi-uvicorn", near_ceiling),
}
"""For every diagnosis, a stack and a run in which it shows."""
HEALTHY: dict[str, Change] = {
    "a blocking call inside async def": lambda run: run,
    "too few threads in the pool": lambda run: run,
    "too few threads": lambda run: with_row(run, "flask-gunicorn-sync", cpu_ms_per_request=estimate(10.5)),
    "connections not reused": lambda run: with_reuse(run, "flask-gunicorn-sync", 0.95),
    "uneven workers": lambda run: with_cpu_times(run, 0.1, 0.1, 0.1, 0.1, 0.0),
    "the load generator at its ceiling": lambda run: run,
}
"""The same, without the mistake."""


# --- the contract ----------------------------------------------------------------------------------------------------


def test_every_diagnosis_has_a_run_in_which_it_shows() -> None:
    """A new one needs an entry in both tables above."""
    names = [diagnosis.name for diagnosis in DIAGNOSES]
    assert len(names) == len(set(names))
    assert set(names) == SICK.keys() == HEALTHY.keys()


@pytest.mark.parametrize("name", SICK)
def test_a_diagnosis_names_the_stack_the_numbers_and_a_remedy(run: Run, name: str) -> None:
    """In words, and as data."""
    stack, make_sick = SICK[name]
    (finding,) = (finding for finding in diagnoses(make_sick(run)) if (finding.stack, finding.name) == (stack, name))
    assert (finding.kind, finding.scenario, finding.load in run.manifest.experiment.loads) == (
        "diagnosis", "bakery", True,
    )  # fmt: skip
    assert any(character.isdigit() for character in finding.text)
    assert finding.text.endswith(".")
    assert finding.remedy.endswith(".")
    assert len(finding.evidence) >= 2


@pytest.mark.parametrize("name", HEALTHY)
def test_without_the_mistake_a_diagnosis_is_not_made(run: Run, name: str) -> None:
    """For the same stack."""
    assert (SICK[name][0], name) not in named(HEALTHY[name](run))


@pytest.mark.parametrize("name", ["run", "failed_stack", "swept", "empty"])
def test_each_mistake_is_stated_once_for_each_stack(request: pytest.FixtureRequest, name: str) -> None:
    """At the load that shows it best, not at every load."""
    findings = diagnoses(request.getfixturevalue(name))
    assert len(findings) == len({(finding.stack, finding.name) for finding in findings})


# --- each on its own -------------------------------------------------------------------------------------------------


def the(run: Run, name: str, stack: str | None = None) -> Finding:
    """The only finding of a diagnosis."""
    (finding,) = (finding for finding in diagnoses(run) if finding.name == name and stack in (None, finding.stack))
    return finding


def test_sync_workers_under_many_users_have_too_few_threads(run: Run) -> None:
    """At the bound of their slots with the core idle; the evidence has both numbers."""
    finding = the(run, "too few threads")
    assert finding.stack == "flask-gunicorn-sync"
    assert "4 / 43.6 ms = 91.7 requests/s; measured 89.4" in finding.text
    assert finding.remedy.startswith("16 threads a worker")
    assert finding.evidence["threads_needed"] == 16


def test_an_async_stack_that_serves_one_at_a_time_blocks(run: Run) -> None:
    """64 users, one at a time, CPU idle."""
    finding = the(blocked(run), "a blocking call inside async def")
    assert "served 24.6 requests/s" in finding.text
    assert "(1 / 40.0 ms = 25.0)" in finding.text
    assert finding.evidence["one_at_a_time_rps"] == pytest.approx(25.0)


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
def test_without_its_evidence_nothing_is_called_blocking(run: Run, healthy: Change) -> None:
    """More than one at a time, a busy core, or no latency to compare with."""
    assert ("fastapi-uvicorn", "a blocking call inside async def") not in named(healthy(run))


def test_few_threads_are_not_a_pool(run: Run) -> None:
    """Three threads beside the event loop serve no requests."""
    few = with_threads(pooled(run), "fastapi-uvicorn", 4)
    assert ("fastapi-uvicorn", "too few threads in the pool") not in named(few)


def test_the_threads_of_a_server_itself_are_not_a_pool(run: Run) -> None:
    """Granian's receive requests and run no handlers."""
    pool = pooled(run)
    stacks = tuple(change(stack, server="granian") for stack in pool.manifest.experiment.stacks)
    experiment = change(pool.manifest.experiment, stacks=stacks)
    on_granian = replace(pool, manifest=change(pool.manifest, experiment=experiment))
    assert ("fastapi-uvicorn", "too few threads in the pool") not in named(on_granian)


def test_few_requests_may_fall_unevenly_by_chance(run: Run) -> None:
    """Four workers had 399 of them."""
    uneven = with_cpu_times(run, 0.3, 0.1, 0.1, 0.1)
    few = with_requests(uneven, "flask-gunicorn-sync", 399)
    assert ("flask-gunicorn-sync", "uneven workers") in named(uneven)
    assert ("flask-gunicorn-sync", "uneven workers") not in named(few)


def test_connections_that_are_closed_are_counted(run: Run) -> None:
    """Only for the stack that closes them."""
    finding = the(run, "connections not reused")
    assert finding.stack == "flask-gunicorn-sync"
    assert "0 % of the requests used a connection that was already open" in finding.text


def test_a_throughput_near_the_generators_ceiling_is_called_that(run: Run) -> None:
    """The certificate has the ceiling."""
    findings = {finding.stack: finding for finding in diagnoses(near_ceiling(run)) if "ceiling" in finding.name}
    assert set(findings) == {"flask-gunicorn-gthread", "fastapi-uvicorn", "fastapi-gunicorn-asgi"}
    assert "the generator's own ceiling is 900" in findings["fastapi-uvicorn"].text
