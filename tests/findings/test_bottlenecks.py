"""What limits each row, and what would change it; nothing is stated without its evidence."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from bakeoff.findings.bottlenecks import bottlenecks, bottlenecks_at
from bakeoff.model import Condition, Finding, Run
from tests.findings.changes import with_row
from tests.report.made_up import RATE, USERS, estimate

CLOSED = Condition("bakery", USERS)


def limit_of(run: Run, stack: str) -> Finding:
    """What limits a stack under the closed load."""
    return next(finding for finding in bottlenecks_at(run, CLOSED) if finding.stack == stack)


def test_a_stack_at_its_slots_is_explained_by_the_arithmetic(run: Run) -> None:
    """And by what would move the limit: enough threads for every user."""
    finding = limit_of(run, "flask-gunicorn-sync")
    assert finding.text == "All 4 workers are busy: 4 slots / 43.6 ms a request = 91.7 requests/s; measured 89.4."
    assert finding.remedy.startswith("16 threads a worker, or an async stack; the next limit is then ")


def test_the_evidence_holds_the_numbers_of_the_sentence(run: Run) -> None:
    """Programs need not read it."""
    finding = limit_of(run, "flask-gunicorn-sync")
    assert finding.name == finding.evidence["bound_by"] == "slots"
    assert finding.evidence["slots"] == 4
    assert finding.evidence["bound_rps"] == 91.7
    assert finding.evidence["measured_rps"] == pytest.approx(89.4)
    assert finding.evidence["unloaded_ms"] == pytest.approx(43.6, abs=0.05)


def test_a_stack_at_its_cpu_is_not_advised_to_take_more_threads(run: Run) -> None:
    """They would only wait for the core."""
    finding = limit_of(with_row(run, "fastapi-uvicorn", throughput_rps=estimate(1000.0)), "fastapi-uvicorn")
    assert finding.text == "One core is busy: 1 core / 0.940 ms of CPU a request = 1,064 requests/s; measured 1,000."
    assert "More threads or users would not help" in finding.remedy


def test_a_quota_is_what_is_busy(run: Run) -> None:
    """Half a core, though the servers have a whole one."""
    limited = msgspec.structs.replace(
        run.manifest, machine=msgspec.structs.replace(run.manifest.machine, cpu_quota=0.5)
    )
    run = dataclasses.replace(run, manifest=limited)
    finding = limit_of(run, "fastapi-uvicorn")
    assert finding.evidence["cores"] == 0.5
    assert "its 0.500 cores were busy 153 % of the time" in finding.text


def test_a_stack_below_its_bound_is_not_explained_by_it(run: Run) -> None:
    """Instead, the sentence says how busy its cores were."""
    finding = limit_of(run, "fastapi-uvicorn")
    assert finding.name == "none"
    assert finding.text.startswith("Not at its limit: ")
    assert "its one core was busy 76.7 % of the time" in finding.text


def test_an_open_load_that_was_answered_is_its_own_bound(run: Run) -> None:
    """Nothing held the stack back."""
    finding = next(iter(bottlenecks_at(run, Condition("bakery", RATE))))
    assert finding.text == "Close to what the load allows: no more than 50.0 requests/s were sent; measured 50.1."


def test_a_withheld_row_is_not_explained(failed_stack: Run) -> None:
    """There is nothing to explain."""
    assert "fastapi-uvicorn" not in {finding.stack for finding in bottlenecks_at(failed_stack, CLOSED)}


def test_conditions_without_a_known_bound_are_left_out(run: Run, empty: Run) -> None:
    """Each of the others has a title."""
    assert [group.title for group in bottlenecks(run)] == ["64 users", "50 requests a second"]
    assert bottlenecks(empty) == ()
